import { asError } from '../lib/errors';
import { plainLine } from '../report/escape';
import type { Log } from './log';

/**
 * Does one thing whose failure is logged as a warning, and stops nothing else.
 * @param what begins the sentence "… failed"
 */
export async function bestEffort<T>(log: Log, what: string, work: () => Promise<T>, of = 'Cleanup'): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    log.warning(plainLine(`${what} failed: ${asError(error).message}`), of);
    return undefined;
  }
}
