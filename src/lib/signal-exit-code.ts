import { constants } from 'node:os';

/**
 * The exit code that a shell gives to what a signal ended: 128 and the signal's number.
 * https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
 */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
