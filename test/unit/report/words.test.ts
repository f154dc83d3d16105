import { describe, expect, it } from 'vitest';
import { outcomes } from '../../../src/core/outcome';
import { ageWords, count, countKinds, meaningOf, sizeWords, time } from '../../../src/report/words';
import { resource } from '../../support/report/sample';

describe('a time', () => {
  it.each([
    [0, '0ms'],
    [250, '250ms'],
    [6_200, '6.2s'],
    [5_000, '5s'],
    [64_000, '1m 4s'],
    [3_600_000, '1h'],
    [90_061_000, '1d 1h'],
  ])('of %i ms is %s', (ms, shown) => {
    expect(time(ms)).toBe(shown);
  });
});

describe('a count', () => {
  it.each([
    [0, '0 leftovers'],
    [1, '1 leftover'],
    [2, '2 leftovers'],
  ])('of %i is %s', (number, shown) => {
    expect(count(number, 'leftover')).toBe(shown);
  });

  it('of kinds names each with its number', () => {
    const kinds = ['sandbox', 'container', 'sandbox', 'image', 'network', 'volume'] as const;
    expect(countKinds(kinds.map((kind) => resource({ kind })))).toBe('1 container, 2 sandboxes, 1 network, 1 volume, 1 image');
  });

  it('of kinds adds up groups', () => {
    expect(
      countKinds([
        { kind: 'network', count: 2 },
        { kind: 'container', count: 3 },
        { kind: 'network', count: 1 },
      ]),
    ).toBe('3 containers, 3 networks');
  });

  it('of kinds is nothing when there are none', () => {
    expect(countKinds([])).toBe('nothing');
  });
});

describe('an outcome', () => {
  it.each(outcomes)('%s has a meaning that fits into a table', (outcome) => {
    expect(meaningOf(outcome, [])).toMatch(/^[^|\n]+$/);
  });

  it.each(['service', 'deployment', 'job'] as const)('of a %s that was removed says that what it made went with it', (kind) => {
    const removed = [resource({ kind, outcome: 'removed' }), resource({ kind: 'network', outcome: 'removed' })];

    expect(meaningOf('removed', removed)).toContain('went together with them');
    expect(meaningOf('removed', removed.slice(1))).toBe('was not running, removed');
    expect(meaningOf('gone', removed)).not.toContain('together');
  });
});

it.each([
  [undefined, '-'],
  [0, '0B'],
  [0.4, '0B'],
  [999, '999B'],
  [1_000, '1.0kB'],
  [1_234_567, '1.2MB'],
  [123_456_789, '123MB'],
  [5e15, '5000TB'],
])('%s bytes are %s', (bytes, words) => {
  expect(sizeWords(bytes)).toBe(words);
});

it.each([
  [undefined, '-'],
  [0, '0s'],
  [999, '0s'],
  [59_000, '59s'],
  [3_700_000, '1h'],
  [180_000_000, '2d'],
])('an age of %s ms is %s', (ms, words) => {
  expect(ageWords(ms)).toBe(words);
});
