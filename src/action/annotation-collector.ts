import type { Console } from '../phases/log';
import { annotationOf, type Trouble } from '../report/annotation';

type Level = 'warning' | 'error';

/**
 * The console of one phase of the action. Where warnings and errors are annotations, there are ten of each a step, and a matrix
 * multiplies them: here each is a plain line at once, and all together are one warning and one error at the phase's end.
 */
export class Troubles implements Console {
  readonly debug: Console['debug'];
  readonly info: Console['info'];
  readonly group: Console['group'];
  readonly mask: Console['mask'];
  readonly #console: Console;
  readonly #collected: Readonly<Record<Level, Trouble[]>> = { warning: [], error: [] };

  constructor(console: Console) {
    this.#console = console;
    this.debug = (line) => console.debug(line);
    this.info = (line) => console.info(line);
    this.group = (title, work) => console.group(title, work);
    this.mask = (secret) => console.mask(secret);
  }

  readonly warning = (message: string, of: string): void => {
    this.#collected.warning.push({ of, message });
    this.info(`Warning: ${message}`);
  };

  readonly error = (message: string, of: string): void => {
    this.#collected.error.push({ of, message });
    this.info(`Error: ${message}`);
  };

  /** What matters most: comes first, and is told at the end only. It stands in the log in words of its own already, or ends the phase. */
  lead(level: Level, trouble: Trouble): void {
    this.#collected[level].unshift(trouble);
  }

  /** The phase's end: tells what there is, once. */
  annotate(sessionId: string | undefined): void {
    for (const level of ['warning', 'error'] as const) {
      const troubles = this.#collected[level].splice(0);
      if (troubles.length === 0) continue;
      const { title, message } = annotationOf(troubles, sessionId);
      this.#console[level](message, title);
    }
  }
}
