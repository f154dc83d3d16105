/** Exit codes. `run` ends with its command's. */
export const exitCodes = {
  done: 0,
  /** Something is left, or failed. */
  left: 1,
  usage: 2,
  /** EX_UNAVAILABLE of https://man.openbsd.org/sysexits.3 */
  unreachable: 69,
} as const;

/** Typed options can't be followed. The message has a line for each, with what is accepted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A required provider can't be reached. The message has a line for each. */
export class ProviderUnreachable extends Error {
  override readonly name = 'ProviderUnreachable';
}
