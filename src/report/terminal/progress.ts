import type { Clock } from '../../lib/clock';
import { clipped, plainLine } from '../escape';
import { time } from '../words';

export interface ProgressOptions {
  /** What is going on: `Cleaning up`. */
  readonly what: string;
  /** Where it is shown. */
  readonly write: (text: string) => void;
  /** On a terminal: one line, painted over. Elsewhere lines stay, so there are few of them. */
  readonly live: boolean;
  /** The terminal's width. */
  readonly columns: number;
  readonly clock: Clock;
}

/** Milliseconds: often enough to look alive, and seldom enough not to fill a log. */
const EVERY_MS = { live: 200, lines: 5_000 };

/** To the line's start, and all of it erased. https://ecma-international.org/publications-and-standards/standards/ecma-48/ */
const ERASE_LINE = '\r\u001b[2K';

/** How far long work has come. `end` must be called: a timer runs until then. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedAt: number;
  #settled = 0;
  #known = 0;
  #toldTenths = 0;
  #cancelTimer: () => void;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#cancelTimer = this.#later();
  }

  /** `known` may grow: what appears meanwhile is taken up. */
  update(settled: number, known: number): void {
    this.#settled = settled;
    this.#known = known;
    if (!this.#options.live && this.#tenths() > this.#toldTenths) this.#tell();
  }

  /** Takes the live line away; what it all came to is for others to say. */
  end(): void {
    this.#cancelTimer();
    if (this.#options.live) this.#options.write(ERASE_LINE);
  }

  #later(): () => void {
    const { clock, live } = this.#options;
    return clock.after(live ? EVERY_MS.live : EVERY_MS.lines, () => this.#tell());
  }

  /** Shows how things stand, and does so again in a while. */
  #tell(): void {
    const { live, columns, write } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = this.#later();
    if (this.#known === 0) return;
    this.#toldTenths = Math.max(this.#toldTenths, this.#tenths());
    // A line as wide as the terminal would wrap on some, and could not be erased.
    write(live ? `${ERASE_LINE}${clipped(this.#line(), columns - 1)}` : `${this.#line()}\n`);
  }

  #tenths(): number {
    return this.#known === 0 ? 0 : Math.floor((10 * this.#settled) / this.#known);
  }

  #line(): string {
    const { what, clock } = this.#options;
    const percent = Math.floor((100 * this.#settled) / this.#known);
    const seconds = Math.floor((clock.now() - this.#startedAt) / 1000) * 1000;
    return plainLine(`${what}: ${this.#settled} of ${this.#known} (${percent} %), ${time(seconds)}`);
  }
}
