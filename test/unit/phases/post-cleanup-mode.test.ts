import { describe, expect, it } from 'vitest';
import { labelLine } from '../../../src/phases/post-cleanup-mode';

describe('the line about the label', () => {
  it.each([
    ['always', false, 'are removed when this job ends.'],
    ['success', false, 'are removed if this job ends in success.'],
    ['failure', false, 'are removed if this job ends in failure.'],
    ['never', false, 'stay when this job ends, because post-cleanup is never.'],
    ['always', true, 'are listed when this job ends, and not removed, because dry-run is true.'],
    ['failure', true, 'are listed if this job ends in failure, and not removed, because dry-run is true.'],
    ['never', true, 'stay when this job ends, because post-cleanup is never.'],
  ] as const)('with post-cleanup: %s and dry-run: %s says that they %s', (postCleanup, dryRun, end) => {
    expect(labelLine('a=b', { postCleanup, dryRun })).toBe(`Resources with the label a=b ${end}`);
  });
});
