import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Busy, takeSweepLock } from '../../../../src/cli/sweep/lock';
import { systemClock } from '../../../../src/lib/clock';
import { thisProcess } from '../../../../src/lib/process-identity';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-lock-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function take(): ReturnType<typeof takeSweepLock> {
  const signal = new AbortController().signal;
  return takeSweepLock({ directory, clock: systemClock, wait: false, onWait: () => undefined, signal });
}

/** A lock as another process would have left it. */
async function held(own: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(join(directory, 'sweeps'));
  const claim = { session: 'sweep', host: hostname(), process: thisProcess(), since: '2026-01-01T00:00:00Z', ...own };
  await writeFile(join(directory, 'sweeps', 'other.json'), JSON.stringify(claim));
}

it('lets one sweep in at a time', async () => {
  await take();
  await expect(take()).rejects.toThrow(Busy);
});

it('names the process that sweeps, and since when', async () => {
  await held({});
  await expect(take()).rejects.toThrow(`process ${process.pid}, since 2026-01-01T00:00:00.000Z`);
});

it('lets the next one in after it', async () => {
  const release = await take();
  await release();
  await expect(take()).resolves.toBeTypeOf('function');
});

it('takes a lock whose holder is dead', async () => {
  await held({ process: { pid: process.pid, startedAt: 'another-boot 1' } });
  await expect(take()).resolves.toBeTypeOf('function');
});

it('takes a lock whose time lies in the future', async () => {
  await held({ since: '2199-01-01T00:00:00Z' });
  await expect(take()).resolves.toBeTypeOf('function');
});

it('takes the lock that an earlier version left, whatever its time', async () => {
  await mkdir(join(directory, 'sweep.lock'));
  await writeFile(join(directory, 'sweep'), '{"pid":1}');
  await utimes(join(directory, 'sweep.lock'), 4e9, 4e9);
  await expect(take()).resolves.toBeTypeOf('function');
});
