import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { annotationsIn, entryEnvironment, startEntry } from '../../support/job/entry';

const SESSION = 'gh-1-1.3f9a1c22.k3v9q0xw';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'post-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function outputAfter(settings: object): Promise<string> {
  const state = { STATE_main: JSON.stringify({ session: { id: SESSION, labels: {} }, settings }) };
  const { ended } = startEntry('post', 'none', { ...entryEnvironment(directory), ...state });
  return (await ended).output;
}

describe('post', { timeout: 30_000 }, () => {
  it('has one warning, with the session, for all that went wrong, and a line for each', async () => {
    const settings = { docker: 'false', daytona: 'false', scope: 'job', metricsPath: '/dev/null/such.prom' };
    const output = await outputAfter(settings);
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^::warning title=Cleanup of session ${SESSION}::3 problems: .*; scope: job can’t be applied: .*; The metrics could not be written`,
        ),
      ),
    ]);
    expect(output.match(/^Warning: /gm)).toHaveLength(3);
  });

  it('has none where all is well', async () => {
    expect(annotationsIn(await outputAfter({ docker: 'false', daytona: 'false' }))).toEqual([]);
  });
});
