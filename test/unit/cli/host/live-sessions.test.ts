import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LiveSessions } from '../../../../src/cli/host/live-sessions';
import { UsageError } from '../../../../src/cli/options/usage-error';

let directory: string;
let live: LiveSessions;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-live-'));
  live = new LiveSessions(directory);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** As another process would have left it. */
async function registered(session: string, own: Readonly<Record<string, unknown>>): Promise<void> {
  await live.register('something');
  const registration = { session, host: hostname(), process: { pid: process.pid, startedAt: '' }, ...own };
  await writeFile(join(directory, 'sessions', `${session}.json`), JSON.stringify(registration));
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

it('knows a session from its registration on', async () => {
  await live.register('mine');
  expect(live.has('mine')).toBe(true);
});

it('knows it no longer when it has ended', async () => {
  const end = await live.register('mine');
  await end();
  expect(live.ids()).toEqual([]);
});

it('knows none where there never was one', () => {
  expect(live.ids()).toEqual([]);
});

it('takes no session twice', async () => {
  await live.register('mine');
  await expect(live.register('mine')).rejects.toThrow(UsageError);
});

it('forgets the session of a process that is dead', async () => {
  await registered('dead', { process: { pid: await deadPid(), startedAt: '' } });
  expect(live.has('dead')).toBe(false);
});

it('leaves no file of one that is dead', async () => {
  await registered('dead', { process: { pid: await deadPid(), startedAt: '' } });
  live.ids();
  expect(await readdir(join(directory, 'sessions'))).toEqual(['something.json']);
});

it.skipIf(process.platform !== 'linux')('tells a process from a later one with the same number', async () => {
  await registered('earlier', { process: { pid: process.pid, startedAt: 'another-boot 1' } });
  expect(live.has('earlier')).toBe(false);
});

it('leaves alone what another host has registered', async () => {
  await registered('elsewhere', { host: 'elsewhere', process: { pid: await deadPid(), startedAt: '' } });
  live.ids();
  expect(await readdir(join(directory, 'sessions'))).toContain('elsewhere.json');
});

it('takes a file that is none of ours for nothing', async () => {
  await registered('broken', {});
  await writeFile(join(directory, 'sessions', 'broken.json'), '{"session":');
  expect(live.ids()).toEqual(['something']);
});
