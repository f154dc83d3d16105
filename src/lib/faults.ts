import { asError } from './errors';

/** Ends the line that reports a fault. */
export const FAULT_HINT = 'a fault in cleanup-action: please report it';

/**
 * Watches this process for our own faults: errors thrown in timers and forgotten promises, and an
 * end before the work is done (Node exits with 0 when nothing can settle a promise any more).
 * @returns stops watching for an early end: call it when the work is done
 */
export function watchFaults(onFault: (error: Error) => void): () => void {
  const onThrown = (thrown: unknown) => onFault(asError(thrown));
  const onEarlyEnd = () => onFault(new Error('the process ended before its work was done'));
  process.on('uncaughtException', onThrown).on('unhandledRejection', onThrown).once('beforeExit', onEarlyEnd);
  return () => process.off('beforeExit', onEarlyEnd);
}
