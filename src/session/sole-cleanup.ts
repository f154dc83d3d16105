import { join } from 'node:path';
import { type Clock, sleep } from '../lib/clock';
import { Claims } from './claims';

/** Milliseconds between two tries. */
const TRY_EVERY_MS = 500;

/** Milliseconds that a cleanup may need before and after its deadline. */
export const MAX_BESIDES_CLEANUP_MS = 30_000;

/** Another process has not ended its cleanup in time. */
export class StillCleaning extends Error {
  override readonly name = 'StillCleaning';

  constructor(pid: number) {
    super(`another process (${pid}) still cleans up after this session, and has not ended in time`);
  }
}

export interface SoleCleanupOptions {
  /** The session's own. */
  readonly directory: string;
  readonly clock: Clock;
  /** Whether the work is done, or there is no place for it any more. Asked before each try. */
  readonly isOver: () => boolean;
  /** Milliseconds to wait for another process. */
  readonly maxWaitMs: number;
  /** Called once, before waiting. */
  readonly onWait: (pid: number) => void;
}

/**
 * Lets one process at a time clean up after a session: post, or a watchdog in its place. Takes over
 * from one that was killed.
 * @returns a function that ends it; undefined when there is nothing more to do
 * @throws {StillCleaning}
 * @throws the file system's errors: the disk may be full
 */
export async function soleCleanup(options: SoleCleanupOptions): Promise<(() => Promise<void>) | undefined> {
  const { directory, clock, isOver, maxWaitMs, onWait } = options;
  const claims = new Claims(join(directory, 'cleanups'), clock);
  const giveUpAt = clock.now() + maxWaitMs;
  for (let tries = 0; !isOver(); tries += 1) {
    const taken = await claims.take('cleanup');
    if ('release' in taken) {
      if (!isOver()) return taken.release;
      await taken.release();
      return undefined;
    }
    const { pid } = taken.holder.process;
    if (clock.now() >= giveUpAt) throw new StillCleaning(pid);
    if (tries === 0) onWait(pid);
    await sleep(clock, TRY_EVERY_MS, new AbortController().signal);
  }
  return undefined;
}
