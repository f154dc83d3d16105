/** What was typed can't be done: one line that says what can. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A provider that is needed can't be reached: a line each. */
export class ProviderUnreachable extends Error {
  override readonly name = 'Unreachable';
}
