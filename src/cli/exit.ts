/** The exit codes of the command line. `run` ends with the command's own. */
export const exitCodes = {
  done: 0,
  /** Something is left, or failed. */
  left: 1,
  usage: 2,
  /** A required provider can't be reached: EX_UNAVAILABLE of https://man.openbsd.org/sysexits.3 */
  unreachable: 69,
} as const;

/** The command line can't do what was typed. The message says what it accepts; each line names one option. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A required provider can't be reached. The message has a line for each. */
export class ProviderUnreachable extends Error {
  override readonly name = 'ProviderUnreachable';
}
