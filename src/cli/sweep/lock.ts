import { join } from 'node:path';
import { type Clock, sleep } from '../../lib/clock';
import { isoTime } from '../../report/model';
import { type Claim, Claims, type Taken } from '../../session/claims';

/** Another process sweeps. */
export class Busy extends Error {
  override readonly name = 'Busy';
  constructor({ process: { pid }, since }: Claim) {
    super(`another sweep is in progress (process ${pid}${Number.isNaN(since) ? '' : `, since ${isoTime(since)}`})`);
  }
}

/** Milliseconds between two tries. */
const TRY_EVERY_MS = 200;

/** Milliseconds. A claim further ahead of our clock is not from a sweep of this host. */
const MAX_AHEAD_MS = 60_000;

export interface SweepLockOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Whether to wait for the other sweep's end. */
  readonly wait: boolean;
  /** Called once, before waiting. */
  readonly onWait: (busy: Busy) => void;
  readonly signal: AbortSignal;
}

/**
 * Lets this user run one sweep at a time on this host: two would stop the same containers.
 * @returns releases the lock
 * @throws {Busy} without `wait`
 * @throws the signal's reason when it aborts during the wait
 */
export async function takeSweepLock({ directory, clock, wait, onWait, signal }: SweepLockOptions): Promise<() => Promise<void>> {
  const claims = new Claims(join(directory, 'sweeps'), clock);
  for (let tries = 0; ; tries += 1) {
    const taken: Taken = await claims.take('sweep');
    if ('release' in taken) return taken.release;
    const { holder } = taken;
    if (holder.since > clock.now() + MAX_AHEAD_MS) return async () => undefined;
    const busy = new Busy(holder);
    if (!wait) throw busy;
    if (tries === 0) onWait(busy);
    await sleep(clock, TRY_EVERY_MS, signal);
  }
}
