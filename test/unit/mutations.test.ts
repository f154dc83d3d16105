import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MUTATIONS } from '../../scripts/mutations/table';

it.each(MUTATIONS)('the text of the break by which the product $harm stands once in src/$file', async ({ file, from }) => {
  const source = await readFile(join(import.meta.dirname, '../../src', file), 'utf8');
  expect(source.split(from).length - 1, from).toBe(1);
});
