import { mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ImageUses } from '../../../src/session/image-uses';

const DAY = 24 * 3_600_000;

let state: string;
let now: number;
const uses = () => new ImageUses(state, { now: () => now });
const files = () => readdir(join(state, 'image-uses'));
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cleanup-uses-'));
  now = 100 * DAY;
});
afterEach(() => rm(state, { recursive: true }));

it('what images were used is remembered for their engine, the latest use of each, in one file', async () => {
  await uses().note('engine', new Map([['a', 10]]), ['a', 'b']);
  await uses().note('other', new Map([['a', 99]]), ['a']);
  now += 5;
  await uses().note('engine', new Map(Object.entries({ a: 5, b: 20 })), ['a', 'b']);

  expect(uses().read('engine')).toEqual({ at: now, uses: new Map(Object.entries({ a: 10, b: 20 })) });
  expect(uses().read('unknown')).toEqual({ at: undefined, uses: new Map() });
  expect(await files()).toHaveLength(2);
});

it('images that are gone are forgotten, and others known from their first look', async () => {
  await uses().note('engine', new Map([['a', 10]]), ['a', 'b']);
  await uses().note('engine', new Map(), ['b']);
  expect(uses().read('engine').uses).toEqual(new Map([['b', 0]]));
});

it('two jobs at once lose nothing of each other', async () => {
  const images = Array.from({ length: 20 }, (_, index) => `${index}`);
  await Promise.all(images.map((image, index) => uses().note('engine', new Map([[image, index + 1]]), images)));
  await uses().note('engine', new Map(), images);

  expect(uses().read('engine').uses).toEqual(new Map(images.map((image, index) => [image, index + 1])));
  expect(await files()).toHaveLength(1);
});

it('files that are broken, of another engine’s id, or links are nothing; times of the future count as now', async () => {
  await uses().note('engine', new Map([['a', now + DAY]]), ['a']);
  const [file = ''] = await files();
  const [prefix] = file.split('.');
  const at = (name: string) => join(state, 'image-uses', `${prefix}.${name}.json`);
  await writeFile(at('broken'), '{"engine":"engine","at":1,"uses":{"a"');
  await writeFile(at('odd'), '{"engine":"engine","at":"x","uses":[]}');
  await writeFile(at('others'), '{"engine":"another","at":1,"uses":{"a":7}}');
  await writeFile(at('partly'), '{"engine":"engine","at":1,"uses":{"b":"x","c":3,"d":-1}}');
  await symlink('/dev/zero', at('link'));

  expect(uses().read('engine')).toEqual({ at: now, uses: new Map(Object.entries({ a: now, c: 3 })) });
});

it('an engine of which nothing was heard for long is forgotten', async () => {
  await uses().note('engine', new Map(), ['a']);
  const [file = ''] = await files();
  await utimes(join(state, 'image-uses', file), 0, 0);
  await uses().note('other', new Map(), ['a']);
  expect(await files()).not.toContain(file);
});

it('without a state directory, nothing is remembered', async () => {
  const none = new ImageUses(undefined, { now: () => now });
  await none.note('engine', new Map([['a', 1]]), ['a']);
  expect(none.read('engine')).toEqual({ at: undefined, uses: new Map() });
});
