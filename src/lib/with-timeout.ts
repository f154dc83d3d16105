import type { Clock } from './clock';
import { Deadline } from './deadline';
import { Halted } from './errors';

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds, or when `signal` does. Waits for it: it must obey.
 * @throws the signal's reason when it has aborted; else what `work` throws
 */
export async function withTimeout<T>(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = new Deadline(clock, ms);
  const halt = () => deadline.halt(new Halted('there was no time left'));
  signal.addEventListener('abort', halt, { once: true });
  try {
    return await work(deadline.signal);
  } catch (error) {
    throw deadline.passed ? deadline.signal.reason : error;
  } finally {
    signal.removeEventListener('abort', halt);
    deadline.dispose();
  }
}
