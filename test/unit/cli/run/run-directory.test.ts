import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeRunDirectory, type RunDirectoryOptions } from '../../../../src/cli/run/run-directory';

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cleanup-runs-'));
});

afterEach(() => rm(state, { recursive: true, force: true }));

const START = Date.parse('2026-11-25T12:00:00Z');

/** The directory of the run that began so many seconds after the first one. */
async function made(second: number, own: Partial<RunDirectoryOptions> = {}): Promise<string> {
  const startedAt = START + second * 1000;
  return makeRunDirectory({ state, sessionId: `run-${second}`, startedAt, isLive: () => false, env: {}, ...own });
}

async function runs(): Promise<readonly string[]> {
  return (await readdir(join(state, 'runs'))).map((name) => name.slice(name.indexOf('-') + 1)).toSorted();
}

it('is in the state directory, and tells when its run began', async () => {
  expect(await made(0)).toBe(join(state, 'runs', '20261125T120000000Z-run-0'));
});

it('of earlier runs, the last ten stay', async () => {
  for (let second = 10; second < 25; second += 1) await made(second);
  expect(await runs()).toEqual(Array.from({ length: 11 }, (_, index) => `run-${index + 14}`));
});

it('those of large runs go earlier', async () => {
  const large = await made(10);
  await writeFile(join(large, 'log'), '');
  await truncate(join(large, 'log'), 600_000_000);
  await made(11);
  await made(12);
  expect(await runs()).toEqual(['run-11', 'run-12']);
});

it('that of a session that runs now stays', async () => {
  for (let second = 10; second < 25; second += 1) await made(second, { isLive: (session) => session === 'run-10' });
  expect(await runs()).toContain('run-10');
});

it('is a temporary one on a runner of GitHub’s, which removes it itself', async () => {
  const temporary = join(state, 'temp');
  await mkdir(temporary);
  expect(dirname(await made(0, { env: { RUNNER_TEMP: temporary } }))).toBe(temporary);
});

it('is a temporary one where there is no state directory', async () => {
  const directory = await made(0, { state: undefined });
  expect(dirname(directory)).toBe(tmpdir());
  await rm(directory, { recursive: true });
});

it('is a temporary one where something else has its place', async () => {
  await writeFile(join(state, 'runs'), '');
  const directory = await made(0);
  expect(dirname(directory)).toBe(tmpdir());
  await rm(directory, { recursive: true });
});
