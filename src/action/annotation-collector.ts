import type { Config } from '../config/config';
import type { Log } from '../phases/log';
import { annotationOf, leftoversMessage, type Trouble } from '../report/annotation';
import type { PhaseReport } from '../report/model';
import { needsAction } from '../report/verdict';

type Level = 'warning' | 'error';

/**
 * The log of one phase of the action. Where warnings and errors are annotations, there are ten of each a step, and a matrix
 * multiplies them: here each is a plain line at once, and all together are one warning and one error at the phase's end.
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

  /** What matters most: comes first, and is told at the end only. It stands in the log in words of its own already, or ends the phase. */
  prepend(level: Level, trouble: Trouble): void {
    this.#collected[level].unshift(trouble);
  }

  /** The phase's end: tells what there is, once. */
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
 * What a phase left is one trouble, never one a resource: a matrix multiplies them.
 * @returns false when it fails the step, as `fail-on-error` says
 */
export function annotate(
  phase: PhaseReport,
  { failOnError }: Config,
  of: 'Pre-cleanup' | 'Cleanup',
  troubles: AnnotationCollector,
): boolean {
  if (!needsAction(phase)) return true;
  troubles.prepend(failOnError ? 'error' : 'warning', { of, message: leftoversMessage(phase) });
  if (failOnError) process.exitCode = 1;
  return !failOnError;
}
