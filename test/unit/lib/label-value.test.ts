import { describe, expect, it } from 'vitest';
import { labelValue } from '../../../src/lib/label-value';

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const VALID = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

describe('a session’s id as the value of a label', () => {
  it.each(['gh-123-1.ab12cd34.ef56ab78', 'a', 'A.b_c-9', 'x'.repeat(63)])('stays what it is where it can: %s', (id) => {
    expect(labelValue(id)).toBe(id);
  });

  it.each([
    ['is too long', 'x'.repeat(64)],
    ['has blanks', 'nightly run 7'],
    ['begins with a dot', '.hidden'],
    ['ends with a dash', 'run-'],
    ['has no letter at all', '…/…'],
    ['is empty', ''],
    ['is in another script', 'ночной прогон'],
    ['has two lines', 'a\nb'],
    ['ends its line', 'a\n'],
    ['is very long and strange', '💥'.repeat(500)],
  ])('is one that Kubernetes accepts when it %s', (_, id) => {
    const value = labelValue(id);
    expect(value).toMatch(VALID);
    expect(value).not.toMatch(/\n/);
    expect(value.length).toBeLessThanOrEqual(63);
  });

  it('keeps the start of the id for people, and is another one for another id', () => {
    expect(labelValue('nightly run 7')).toMatch(/^nightly-run-7-[0-9a-f]{12}$/);
    const alike = ['nightly run 7', 'nightly/run 7', 'nightly-run 7', `${'x'.repeat(70)}a`, `${'x'.repeat(70)}b`];
    expect(new Set(alike.map(labelValue)).size).toBe(alike.length);
    expect(labelValue('nightly run 7')).toBe(labelValue('nightly run 7'));
  });
});
