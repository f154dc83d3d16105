import type { StartError } from '../../benchmark/start-error';
import { codeOf } from '../../lib/errors';
import { signalExitCode } from '../../lib/shutdown-signals';
import type { BenchmarkOutcome } from '../../phases/benchmark';
import { exitCodes } from '../exit';

/** `skipped`: not started, because of a signal or of what pre-cleanup left. */
export type CommandOutcome =
  | ({ readonly kind: 'ended' } & BenchmarkOutcome)
  | { readonly kind: 'not-started'; readonly error: StartError }
  | { readonly kind: 'skipped' };

/**
 * @param signal the first that came
 * @param isFailure whether what is left makes a run fail
 */
export function exitCodeFor(outcome: CommandOutcome, signal: NodeJS.Signals | undefined, isFailure: boolean): number {
  if (signal !== undefined) return signalExitCode(signal);
  switch (outcome.kind) {
    case 'skipped':
      return exitCodes.left;
    case 'not-started':
      return startErrorCode(outcome.error);
    case 'ended':
      return outcome.result.exitCode === 0 && isFailure ? exitCodes.left : outcome.result.exitCode;
  }
}

/** As in shells: https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

function startErrorCode({ cause }: StartError): number {
  return codeOf(cause) === 'EACCES' ? NOT_EXECUTABLE : NOT_FOUND;
}
