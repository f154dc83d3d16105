import { expect, it } from 'vitest';
import { ageWords, sizeWords } from '../../../../src/cli/terminal/words';

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
