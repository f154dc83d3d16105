/** One request took too long. The next rung is tried. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
  /**
   * @param what names the work for people: `stop`, `listing`
   * @param ms milliseconds that it was given
   */
  constructor(what: string, ms: number) {
    super(`${what} took longer than ${Math.round(ms / 100) / 10} s`);
  }
}

/** The time of the whole cleanup is used up: nothing more is tried. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  /** @param ms the whole deadline */
  constructor(ms: number) {
    super(`the deadline of ${ms / 1000} s has passed`);
  }
}

/** The cleanup was stopped on purpose before its deadline: the rest stays. */
export class Halted extends Error {
  override readonly name = 'Halted';
}

/** Returns what was thrown if it is an error, else a new error with it as the cause. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/** Node's code of an error: `ECONNREFUSED`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The innermost cause of a network's error, of the first of several addresses: what happened, and Node's code (`ECONNREFUSED`). */
export function rootCauseOf(error: Error): { readonly code: string | undefined; readonly message: string } {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return rootCauseOf(inner);
  return { code: codeOf(error), message: error.message };
}
