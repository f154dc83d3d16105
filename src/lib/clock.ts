import { onAbort } from './abort';

/** Time and chance, handed in: a test runs hours in milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. Never goes backwards, even when the machine's clock is set. */
  now(): number;
  /** Calls `action` once, `ms` milliseconds from now; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
  /** A number from 0 (inclusive) to 1 (exclusive), for jitter. */
  random(): number;
}

/** `setTimeout` fires at once for anything longer than this (2^31 - 1 ms, about 24.8 days). */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(ms, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/**
 * Resolves after `ms` milliseconds.
 * @throws the signal's reason as soon as it aborts
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const cancel = clock.after(ms, () => {
      forget();
      resolve();
    });
    const forget = onAbort(signal, () => {
      cancel();
      reject(signal.reason);
    });
  });
}
