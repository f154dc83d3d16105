import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LeftImages } from '../../../src/session/left-images';

const DAY = 24 * 3_600_000;
const image = { id: 'sha256:a', tags: ['tool:1'] };

let state: string;
let now: number;
const images = () => new LeftImages(state, { now: () => now });
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cleanup-left-'));
  now = 10 * DAY;
});
afterEach(() => rm(state, { recursive: true }));

it('what a session leaves is for those that had begun by then, on the same engine', async () => {
  await images().leave('gh-1-1.aaaaaaaa.bbbbbbbb', 'engine', [image]);

  expect(images().since(now - 1, 'engine')).toEqual([image]);
  expect(images().since(now + 1, 'engine')).toEqual([]);
  expect(images().since(now - 1, 'other')).toEqual([]);
});

it('is kept for each engine, and replaced by what the session leaves later', async () => {
  const { leave, read } = images().handoverOf('gh-1-1.aaaaaaaa.bbbbbbbb', 0);
  await leave('engine', [image]);
  await leave('other', [{ id: 'sha256:b', tags: [] }]);
  await leave('engine', [{ id: 'sha256:c', tags: [] }]);

  expect([...read('engine'), ...read('other')].map(({ id }) => id)).toEqual(['sha256:c', 'sha256:b']);
});

it('is forgotten after the longest job', async () => {
  await images().leave('gh-1-1.aaaaaaaa.bbbbbbbb', 'engine', [image]);
  now += 6 * DAY;
  images().since(now, 'engine');
  expect(await readdir(join(state, 'images'))).toEqual([]);
});

it.each(['{', '7', '{"engine":"engine","at":864000001,"images":[{"id":7}]}'])('odd files are passed over: %s', async (text) => {
  await images().leave('gh-1-1.aaaaaaaa.bbbbbbbb', 'engine', [image]);
  await writeFile(join(state, 'images', 'odd.json'), text);
  expect(images().since(0, 'engine')).toEqual([image]);
});

it('nothing is left without a state directory, without images, or under an odd name', async () => {
  const nowhere = new LeftImages(undefined, { now: () => now });
  await nowhere.leave('gh-1-1.aaaaaaaa.bbbbbbbb', 'engine', [image]);
  await images().leave('gh-1-1.aaaaaaaa.bbbbbbbb', 'engine', []);
  await images().leave('../odd', 'engine', [image]);
  expect(nowhere.since(0, 'engine')).toEqual([]);
  expect(await readdir(state)).toEqual([]);
});
