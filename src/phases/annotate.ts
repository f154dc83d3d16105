import * as core from '@actions/core';
import type { Config } from '../config/config';
import { plainLine } from '../report/escape';
import type { PhaseReport } from '../report/model';
import { leftoverMessage } from '../report/summary';
import { needsAction } from '../report/verdict';

/**
 * One annotation for all that a phase left, never one a resource: a matrix multiplies them.
 * @returns false when it fails the step, as `fail-on-error` says
 */
export function annotate(phase: PhaseReport, { failOnError }: Config, sessionId: string | undefined): boolean {
  if (!needsAction(phase)) return true;
  const message = plainLine(leftoverMessage(phase));
  const title = `Cleanup of session ${sessionId ?? 'unknown'}`;
  if (!failOnError) {
    core.warning(message, { title });
    return true;
  }
  core.error(message, { title });
  process.exitCode = 1;
  return false;
}
