import type { Clock } from '../../lib/clock';
import { clipped, plainLine } from '../escape';
import { time } from '../words';

export interface ProgressOptions {
  /** Names the work: `Cleaning up`. */
  readonly what: string;
  readonly write: (text: string) => void;
  readonly columns: number;
  readonly clock: Clock;
}

/** Milliseconds between two updates of the line. */
const UPDATE_MS = 200;

/** Moves to the start of the line and erases it: ECMA-48. */
const ERASE_LINE = '\r\u001b[2K';

/** A progress line on a terminal. Call `end`: a timer runs until then. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedAt: number;
  #settled = 0;
  #known = 0;
  #cancelTimer: () => void;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#cancelTimer = this.#schedule();
  }

  /** @param known may grow: resources can appear meanwhile */
  update(settled: number, known: number): void {
    this.#settled = settled;
    this.#known = known;
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
    const { columns, write } = this.#options;
    this.#cancelTimer = this.#schedule();
    // A line as wide as the terminal wraps on some terminals, and can't be erased.
    if (this.#known > 0) write(`${ERASE_LINE}${clipped(this.#line(), columns - 1)}`);
  }

  #line(): string {
    const { what, clock } = this.#options;
    const percent = Math.floor((100 * this.#settled) / this.#known);
    const seconds = Math.floor((clock.now() - this.#startedAt) / 1000) * 1000;
    return plainLine(`${what}: ${this.#settled} of ${this.#known} (${percent} %), ${time(seconds)}`);
  }
}
