import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock';
import { makeDirectory } from '../../../src/lib/make-directory';
import { processWith } from '../../../src/lib/process-identity';
import { soleCleanup } from '../../../src/session/sole-cleanup';

let directory: string;
let other: ChildProcess;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sole-cleanup-'));
  other = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(other, 'spawn');
});
afterEach(async () => {
  other.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

/** The claim of another process, as it writes it. */
async function claimOf(pid: number): Promise<void> {
  const claim = {
    session: 'cleanup',
    host: hostname(),
    process: processWith(pid),
    since: new Date().toISOString(),
    pending: false,
  };
  await makeDirectory(join(directory, 'cleanups'));
  await writeFile(join(directory, 'cleanups', 'cleanup.0.json'), JSON.stringify(claim));
}

const waits: number[] = [];
const attempt = (maxWaitMs: number, isOver = () => false) =>
  soleCleanup({ directory, clock: systemClock, isOver, maxWaitMs, onWait: (pid) => void waits.push(pid) });

it('begins at once where nobody cleans, and leaves nothing when it ends', async () => {
  const end = await attempt(0);
  await end?.();
  expect(await readdir(join(directory, 'cleanups'))).toEqual([]);
});

it('waits for another’s end, and says once for whom', async () => {
  const pid = other.pid ?? 0;
  await claimOf(pid);
  const taken = attempt(60_000);
  await new Promise<void>((resolve) => setInterval(() => waits.length > 0 && resolve(), 10));
  expect(waits).toEqual([pid]);
  other.kill('SIGKILL'); // In the middle of its work: the claim stays behind.
  await (await taken)?.();
  expect(waits).toEqual([pid]);
});

it('never begins beside another, however long that takes', async () => {
  await claimOf(other.pid ?? 0);
  await expect(attempt(600)).rejects.toThrow(/another process \(\d+\) still cleans up after this session/);
});

it('has nothing to do when the other has done it', async () => {
  await claimOf(other.pid ?? 0);
  let isDone = false;
  const taken = attempt(60_000, () => isDone);
  isDone = true;
  expect(await taken).toBeUndefined();
});

it('makes no directory where there is nothing to do', async () => {
  expect(await attempt(0, () => true)).toBeUndefined();
  expect(await readdir(directory)).toEqual([]);
});
