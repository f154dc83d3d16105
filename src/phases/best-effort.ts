import { asError } from '../lib/errors';
import { plainLine } from '../report/escape';
import type { Log } from './log';

/** One thing to do, whose failure is told and stops nothing else. */
export async function bestEffort<T>(log: Log, what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    log.warning(plainLine(`${what} failed: ${asError(error).message}`), 'Cleanup');
    return undefined;
  }
}
