import { constants } from 'node:os';

/** What the command line ends with. `run` ends with the benchmark's own code. */
export const exitCodes = {
  done: 0,
  /** Something is left, or failed. */
  left: 1,
  usage: 2,
  /** A provider that is needed can't be reached: EX_UNAVAILABLE of https://man.openbsd.org/sysexits.3 */
  unreachable: 69,
} as const;

/** As a shell has it for what a signal ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
