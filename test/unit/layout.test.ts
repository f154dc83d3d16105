import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** Tests of a whole room, or of the repository. */
const OF_MORE = new Set([
  'docs.test.ts',
  'layout.test.ts',
  'mutations.test.ts',
  'versions.test.ts',
  'workflows.test.ts',
  'reaper/simulation.test.ts',
  'report/examples.test.ts',
  'report/foreign.test.ts',
  'report/summary/golden.test.ts',
]);

const filesIn = (directory: string) =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));

it('test/unit mirrors src: each file there tests the file of the same name', () => {
  const strays = filesIn('test/unit').filter((path) => {
    const tested = path.replace(/\.test\.ts$/, '.ts');
    return !OF_MORE.has(path) && (tested === path || !existsSync(join(root, 'src', tested)));
  });
  expect(strays).toEqual([]);
});

it('the exceptions exist', () => {
  expect([...OF_MORE].filter((path) => !existsSync(join(root, 'test/unit', path)))).toEqual([]);
});
