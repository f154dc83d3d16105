import { asError } from './errors';

/** For the end of the line that reports a fault. */
export const FAULT_HINT = 'a fault in cleanup-action: please report it';

/**
 * Watches this process for faults of our own: what was thrown in a timer or a forgotten promise, and an end before the work is done
 * (Node would end with 0 when nothing is left that could settle a promise).
 * @returns ends the watch for an early end: call it when the work is done
 */
export function watchFaults(onFault: (error: Error) => void): () => void {
  const onThrown = (thrown: unknown) => onFault(asError(thrown));
  const onEarlyEnd = () => onFault(new Error('the process ended before its work was done'));
  process.on('uncaughtException', onThrown).on('unhandledRejection', onThrown).once('beforeExit', onEarlyEnd);
  return () => process.off('beforeExit', onEarlyEnd);
}
