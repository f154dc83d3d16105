import type { Config } from '../config/config';
import { leftoversMessage } from '../report/annotation';
import type { PhaseReport } from '../report/model';
import { needsAction } from '../report/verdict';
import type { AnnotationCollector } from './annotation-collector';

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
