import { onAbort, untilAborted } from './abort';
import type { Clock } from './clock';
import { DeadlinePassed, Halted, TimedOut } from './errors';

/**
 * The time budget that everything in one cleanup shares. Its signal ends timers, sockets and waits.
 * Call `dispose` when the cleanup is over: its timer keeps the process alive.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #endsAt: number;
  readonly #cancelTimer: () => void;

  /** @param ms how long everything may take, from now */
  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#endsAt = clock.now() + ms;
    this.#cancelTimer = clock.after(ms, () => this.#controller.abort(new DeadlinePassed(ms)));
  }

  get passed(): boolean {
    return this.signal.aborted;
  }

  /** Milliseconds left; 0 when it has passed or was aborted. */
  remaining(): number {
    return this.passed ? 0 : Math.max(0, this.#endsAt - this.#clock.now());
  }

  /** Ends it now: everything that waits for it stops with `reason`. */
  halt(reason: Halted): void {
    this.#controller.abort(reason);
  }

  dispose(): void {
    this.#cancelTimer();
  }

  /**
   * Runs `work` for at most `ms` milliseconds, and never past this deadline. Settles in time even
   * if `work` ignores its signal. Its signal also aborts when `work` fails: what else it began, a second
   * request beside the failed one, would have no limit and keep the process alive.
   * @throws {TimedOut} after `ms`
   * @throws {DeadlinePassed} (or the reason of `halt`) when the whole deadline ends first
   */
  async within<T>(ms: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const part = new AbortController();
    const forget = onAbort(this.signal, () => part.abort(this.signal.reason));
    const cancelTimer = this.#clock.after(ms, () => part.abort(new TimedOut(what, ms)));
    try {
      return await untilAborted(work(part.signal), part.signal);
    } catch (error) {
      // Clients wrap the abort in their own errors; the reason says more.
      const reason = part.signal.aborted ? part.signal.reason : error;
      part.abort(reason);
      throw reason;
    } finally {
      cancelTimer();
      forget();
    }
  }
}

export interface DeadlineOptions {
  readonly clock: Clock;
  /** Ends the deadline early. */
  readonly signal?: AbortSignal | undefined;
  /** Why it ended early, for the report. */
  readonly reason?: string;
}

/**
 * Gives `work` a deadline of `ms` milliseconds, halts it when `signal` aborts or `work` fails, and disposes of it.
 * @throws what `work` throws
 */
export async function withDeadline<T>(
  ms: number,
  { clock, signal, reason = 'it was interrupted' }: DeadlineOptions,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(clock, ms);
  const forget = signal && onAbort(signal, () => deadline.halt(new Halted(reason)));
  try {
    return await work(deadline);
  } catch (error) {
    deadline.halt(new Halted('it has failed'));
    throw error;
  } finally {
    forget?.();
    deadline.dispose();
  }
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds, or with `signal`. `work` must
 * obey.
 * @throws the signal's reason when it has aborted; else what `work` throws
 */
export function withTimeout<T>(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(ms, { clock, signal, reason: 'there was no time left' }, async (deadline) => {
    signal.throwIfAborted();
    try {
      return await work(deadline.signal);
    } catch (error) {
      throw deadline.passed ? deadline.signal.reason : error;
    }
  });
}
