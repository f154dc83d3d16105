import * as core from '@actions/core';
import { BadSettings } from '../config/config';
import { asError } from '../reaper/errors';
import { plainLine } from '../report/escape';

/** Fails the step: one annotation a problem, never a stack trace (that is in the debug log). */
export function fail(thrown: unknown): void {
  const error = asError(thrown);
  if (error instanceof BadSettings) {
    for (const problem of error.problems) core.error(plainLine(problem), { title: 'Bad input' });
    process.exitCode = 1;
    return;
  }
  core.debug(error.stack ?? error.message);
  core.setFailed(plainLine(error.message));
}
