import type { Clock } from './clock';
import { withDeadline } from './deadline';

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds, or when `signal` does. Waits for it: it must obey.
 * @throws the signal's reason when it has aborted; else what `work` throws
 */
export function withTimeout<T>(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(ms, { clock, signal, reason: 'there was no time left' }, async (deadline) => {
    signal.throwIfAborted();
    try {
      return await work(deadline.signal);
    } catch (error) {
      throw deadline.passed ? deadline.signal.reason : error;
    }
  });
}
