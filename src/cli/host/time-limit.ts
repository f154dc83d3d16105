import { systemClock } from '../../lib/clock';
import { Deadline } from '../../lib/deadline';
import { Halted } from '../../lib/errors';

/** Gives `work` a deadline, which ends at once when the user wants it to. */
export async function withDeadline<T>(ms: number, stop: AbortSignal, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  const deadline = new Deadline(systemClock, ms);
  const halt = () => deadline.halt(new Halted('it was interrupted'));
  if (stop.aborted) halt();
  stop.addEventListener('abort', halt);
  try {
    return await work(deadline);
  } finally {
    stop.removeEventListener('abort', halt);
    deadline.dispose();
  }
}
