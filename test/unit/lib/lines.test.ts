import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { linesOf } from '../../../src/lib/lines';

const linesIn = (...chunks: readonly (string | Buffer)[]) =>
  Readable.from(linesOf(Readable.from(chunks, { objectMode: false }))).toArray();

it('lines are whole, however they are cut into pieces', async () => {
  const bytes = [...Buffer.from('é\n\nlast')].map((byte) => Buffer.of(byte));

  expect(await linesIn(...bytes)).toEqual(['é', '', 'last']);
});

it('a line that never ends is not kept, and those after it are read', async () => {
  const long = Array.from({ length: 5 }, () => 'x'.repeat(2 ** 20));
  const lines = await linesIn(...long, '\nnext\n');

  expect(lines.at(-1)).toBe('next');
  expect(lines.join('').length).toBeLessThan(2 ** 20);
});
