/** One request took longer than it may. The next rung is tried. */
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

/** The time of the whole cleanup is used up. Nothing more is tried. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  /** @param ms the whole deadline */
  constructor(ms: number) {
    super(`the deadline of ${ms / 1000} s has passed`);
  }
}

/** The cleanup was stopped on purpose before its deadline: what is left stays. */
export class Halted extends Error {
  override readonly name = 'Halted';
}

/** Makes an error of what was thrown: the original where it is one, else a new one with it as the cause. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
