import { asError } from '../lib/errors';
import { plainLine } from '../report/escape';
/** Where phases tell what they do: the runner's log, or a terminal. What is handed over is one line, and foreign text in it is escaped. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warning(line: string, title: string): void;
  error(line: string, title: string): void;
  /** Puts together what `work` tells. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** From now on the text is shown nowhere. */
  mask(secret: string): void;
}

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
