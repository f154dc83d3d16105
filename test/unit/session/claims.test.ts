import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock';
import { thisProcess } from '../../../src/lib/process-identity';
import { Claims } from '../../../src/session/claims';

let directory: string;
let claims: Claims;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-claims-'));
  claims = new Claims(directory, systemClock);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** As another process, or another version, would have left it. */
async function left(name: string, content: unknown): Promise<void> {
  await writeFile(join(directory, `${name}.json`), typeof content === 'string' ? content : JSON.stringify(content));
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

/** Whether a process has the session. */
async function isTaken(session: string): Promise<boolean> {
  const taken = await claims.take(session);
  if ('release' in taken) await taken.release();
  return 'holder' in taken;
}

it('gives a session to one process at a time', async () => {
  await claims.take('mine');
  expect(await claims.take('mine')).toMatchObject({ holder: { session: 'mine', process: { pid: process.pid } } });
});

it('gives it to the next one after its release', async () => {
  const first = await claims.take('mine');
  if ('release' in first) await first.release();
  expect(await claims.take('mine')).toHaveProperty('release');
});

it('leaves no file after a release, nor after a refusal', async () => {
  const first = await claims.take('mine');
  await claims.take('mine');
  if ('release' in first) await first.release();
  expect(await readdir(directory)).toEqual([]);
});

it.each(Array.from({ length: 10 }, (_, index) => index))('of eight at once exactly one gets it (%i)', async () => {
  const others = Array.from({ length: 8 }, () => new Claims(directory, systemClock));
  const taken = await Promise.all(others.map((one) => one.take('mine')));
  expect(taken.filter((one) => 'release' in one)).toHaveLength(1);
});

it('refuses when another process stopped in the middle of its claim', async () => {
  await left('zz', { session: 'mine', host: hostname(), process: thisProcess(), since: 'now', pending: true });
  await left('00', { session: 'mine', host: hostname(), process: thisProcess(), since: 'now', pending: true });
  expect(await claims.take('mine')).toHaveProperty('holder');
});

it('knows what a version without `pending` and `since` wrote', async () => {
  await left('older', { session: 'older', host: hostname(), process: thisProcess() });
  expect(await isTaken('older')).toBe(true);
});

it('leaves alone what another host has claimed', async () => {
  await left('elsewhere', { session: 'elsewhere', host: 'elsewhere', process: { pid: await deadPid(), startedAt: '' } });
  expect(await isTaken('elsewhere')).toBe(false);
  expect(await readdir(directory)).toEqual(['elsewhere.json']);
});

describe('a dead process', () => {
  it('has nothing, and leaves no file', async () => {
    await left('dead', { session: 'dead', host: hostname(), process: { pid: await deadPid(), startedAt: '' } });
    expect(await isTaken('dead')).toBe(false);
    expect(await readdir(directory)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('is reported from a later one with the same number', async () => {
    await left('earlier', { session: 'earlier', host: hostname(), process: { pid: process.pid, startedAt: 'another-boot 1' } });
    expect(await isTaken('earlier')).toBe(false);
  });

  it('does not keep a session', async () => {
    await left('dead', { session: 'mine', host: hostname(), process: { pid: await deadPid(), startedAt: '' } });
    expect(await claims.take('mine')).toHaveProperty('release');
  });
});

describe('beside a file of another shape', () => {
  it.each([
    ['half of one', '{"session":'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['numbers for names', { session: 7, host: hostname(), process: thisProcess() }],
    ['a number for the process', { session: 'x', host: hostname(), process: process.pid }],
    ['a process group', { session: 'x', host: hostname(), process: { pid: 0, startedAt: '' } }],
    ['a fraction', { session: 'x', host: hostname(), process: { pid: 1.5, startedAt: '' } }],
    ['no start', { session: 'x', host: hostname(), process: { pid: process.pid } }],
  ])('others are still known: %s', async (_, content) => {
    await claims.take('mine');
    await left('odd', content);
    expect(await isTaken('mine')).toBe(true);
  });

  it('others are still known: a directory', async () => {
    await claims.take('mine');
    await mkdir(join(directory, 'odd.json'));
    expect(await isTaken('mine')).toBe(true);
  });
});
