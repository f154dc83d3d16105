import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as bundle from '../../src/kubernetes';

const src = join(import.meta.dirname, '..', '..', 'src');

/** What the sources load of the packages that stand in a bundle of their own: see scripts/build.mts. */
const LOADED = /const \{ ([^}]+) \} = await import\('(?:yaml|@kubernetes\/client-node[^']*)'\)/g;

it('the bundle beside the programs has all that they load of it', () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const texts = files.map((path) => readFileSync(join(src, path), 'utf8'));
  const loaded = texts.flatMap((text) => [...text.matchAll(LOADED)].flatMap(([, names = '']) => names.split(/,\s*/)));
  expect(loaded).toContain('KubeConfig');
  expect(Object.keys(bundle)).toEqual(expect.arrayContaining(loaded));
});
