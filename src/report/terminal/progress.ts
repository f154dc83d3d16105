import type { Clock } from '../../lib/clock';
import { clipped, plainLine } from '../escape';
import { time } from '../words';

export interface ProgressOptions {
  /** Names the work: `Cleaning up`. */
  readonly what: string;
  readonly write: (text: string) => void;
  readonly columns: number;
  readonly clock: Clock;
  /** Read with each update. `found` may grow: resources can appear meanwhile. */
  readonly counter: { readonly settled: number; readonly found: number };
}

/** Milliseconds between two updates of the line. */
const UPDATE_MS = 200;

/** Moves to the start of the line and erases it: ECMA-48. */
const ERASE_LINE = '\r\u001b[2K';

/** A progress line on a terminal. Call `end`: a timer runs until then. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedAt: number;
  #cancelTimer: () => void;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#cancelTimer = this.#schedule();
  }

  /** Erases the line for other output; the next update shows it again. */
  clear(): void {
    this.#options.write(ERASE_LINE);
  }

  /** Erases the line for good. */
  end(): void {
    this.#cancelTimer();
    this.clear();
  }

  #schedule(): () => void {
    return this.#options.clock.after(UPDATE_MS, () => this.#show());
  }

  #show(): void {
    const { columns, write, counter } = this.#options;
    this.#cancelTimer = this.#schedule();
    // A line as wide as the terminal wraps on some terminals, and can't be erased.
    if (counter.found > 0) write(`${ERASE_LINE}${clipped(this.#line(), columns - 1)}`);
  }

  #line(): string {
    const { what, clock, counter } = this.#options;
    const { settled, found } = counter;
    const percent = Math.floor((100 * settled) / found);
    const seconds = Math.floor((clock.now() - this.#startedAt) / 1000) * 1000;
    return plainLine(`${what}: ${settled} of ${found} (${percent} %), ${time(seconds)}`);
  }
}
