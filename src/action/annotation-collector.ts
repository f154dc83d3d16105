import type { Config } from '../config/config';
import type { Log } from '../phases/log';
import { annotationOf, leftoversMessage, type Trouble } from '../report/annotation';
import type { PhaseReport } from '../report/model';
import { needsAction } from '../report/verdict';

type Level = 'warning' | 'error';

/**
 * The log of one phase. GitHub shows ten annotations of each level a step, and a matrix multiplies
 * them: so each warning and error is a plain line at once, and all together become one annotation
 * of their level at the end.
 */
export class AnnotationCollector implements Log {
  readonly debug: Log['debug'];
  readonly info: Log['info'];
  readonly group: Log['group'];
  readonly mask: Log['mask'];
  readonly #log: Log;
  readonly #collected: Readonly<Record<Level, Trouble[]>> = { warning: [], error: [] };

  constructor(log: Log) {
    this.#log = log;
    this.debug = (line) => log.debug(line);
    this.info = (line) => log.info(line);
    this.group = (title, work) => log.group(title, work);
    this.mask = (secret) => log.mask(secret);
  }

  readonly warning = (message: string, of: string): void => {
    this.#collected.warning.push({ of, message });
    this.info(`Warning: ${message}`);
  };

  readonly error = (message: string, of: string): void => {
    this.#collected.error.push({ of, message });
    this.info(`Error: ${message}`);
  };

  /** Adds the most important trouble, without a line in the log, which has it already. */
  prepend(level: Level, trouble: Trouble): void {
    this.#collected[level].unshift(trouble);
  }

  /** Call it at the phase's end: writes the annotations. */
  annotate(sessionId: string | undefined): void {
    for (const level of ['warning', 'error'] as const) {
      const troubles = this.#collected[level].splice(0);
      if (troubles.length === 0) continue;
      const { title, message } = annotationOf(troubles, sessionId);
      this.#log[level](message, title);
    }
  }
}

/**
 * Reports what a phase left as one trouble.
 * @returns false when `fail-on-error` fails the step
 */
export function annotate(
  phase: PhaseReport,
  { failOnError }: Pick<Config, 'failOnError'>,
  of: 'Pre-cleanup' | 'Cleanup',
  troubles: AnnotationCollector,
): boolean {
  if (!needsAction(phase)) return true;
  troubles.prepend(failOnError ? 'error' : 'warning', { of, message: leftoversMessage(phase) });
  if (failOnError) process.exitCode = 1;
  return !failOnError;
}
