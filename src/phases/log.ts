import { asError } from '../lib/errors';
import { plainLine } from '../report/escape';
/** The log of phases: the runner's, or a terminal. Takes single lines with foreign text escaped. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warning(line: string, title: string): void;
  error(line: string, title: string): void;
  /** Groups the lines that `work` logs. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** Hides the text from now on. */
  mask(secret: string): void;
}

/**
 * Does work whose failure is only a warning.
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
