/** One request took longer than it may. The next rung is tried. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
  /**
   * @param what what was waited for, for people: `stop`, `listing`
   * @param ms how long
   */
  constructor(what: string, ms: number) {
    super(`${what} took longer than ${Math.round(ms / 100) / 10} s`);
  }
}

/** The whole cleanup's time is used up. Nothing more is tried. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  /** @param ms the whole deadline */
  constructor(ms: number) {
    super(`the deadline of ${ms / 1000} s has passed`);
  }
}

/** Stopped on purpose before the deadline: what is left stays. */
export class Halted extends Error {
  override readonly name = 'Halted';
}

/** What was thrown, as an error: the original where it is one, else as its cause. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
