import type { Config } from '../config/config';
import { annotationOf } from '../report/annotation';
import type { PhaseReport } from '../report/model';
import { needsAction } from '../report/verdict';
import type { Console } from './console';

/**
 * One annotation for all that a phase left, never one a resource: a matrix multiplies them.
 * @returns false when it fails the step, as `fail-on-error` says
 */
export function annotate(
  phase: PhaseReport,
  { failOnError }: Config,
  sessionId: string | undefined,
  when: 'pre' | 'post',
  console: Console,
): boolean {
  if (!needsAction(phase)) return true;
  const { title, message } = annotationOf(phase, sessionId, when);
  if (!failOnError) {
    console.warning(message, title);
    return true;
  }
  console.error(message, title);
  process.exitCode = 1;
  return false;
}
