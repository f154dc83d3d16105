import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { type Clock, sleep } from '../../lib/clock';
import { isoTime } from '../../report/model';

/** Who sweeps. */
interface Holder {
  readonly pid: number;
  /** ISO 8601 */
  readonly since: string;
}

/** Another process sweeps. */
export class Busy extends Error {
  override readonly name = 'Busy';
  constructor(holder: Holder | undefined) {
    const who = holder ? ` (process ${holder.pid}, since ${holder.since})` : '';
    super(`another sweep is in progress${who}`);
  }
}

/** Milliseconds without a sign of life after which the one who has the lock is taken for dead. It gives one every fifth of that. */
const DEAD_AFTER_MS = 15_000;
const SIGN_EVERY_MS = DEAD_AFTER_MS / 5;

/** Milliseconds between two tries. */
const TRY_EVERY_MS = 200;

export interface SweepLockOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Wait until the other one is done. */
  readonly wait: boolean;
  /** Called once, before waiting. */
  readonly onWait: (busy: Busy) => void;
  readonly signal: AbortSignal;
}

/**
 * One sweep of this user's at a time on this host: two would stop and count the same things twice.
 * @returns gives it back
 * @throws {Busy} without `wait`
 * @throws the signal's reason when it aborts while waiting
 */
export async function takeSweepLock({ directory, clock, wait, onWait, signal }: SweepLockOptions): Promise<() => Promise<void>> {
  const file = join(directory, 'sweep');
  for (let tries = 0; ; tries += 1) {
    const release = await tryLock(file);
    if (release !== undefined) {
      const holder: Holder = { pid: process.pid, since: isoTime(clock.now()) };
      await writeFile(file, JSON.stringify(holder));
      // Whoever took it for dead has it now, and gives it back.
      return () => release().catch(() => undefined);
    }
    if (tries === 0 || !wait) {
      const busy = new Busy(await holderOf(file));
      if (!wait) throw busy;
      onWait(busy);
    }
    await sleep(clock, TRY_EVERY_MS, signal);
  }
}

async function tryLock(file: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lock(file, {
      realpath: false,
      stale: DEAD_AFTER_MS,
      update: SIGN_EVERY_MS,
      // Stopped for so long that another one took it: two sweeps at a time are a waste, and no harm.
      onCompromised: () => undefined,
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') return undefined;
    throw error;
  }
}

async function holderOf(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
