import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../src/lib/clock';

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** A clock whose time passes only when all that runs waits for it: hours take milliseconds. */
export class VirtualClock implements Clock {
  readonly #random: () => number;
  readonly #timers = new Set<Timer>();
  #now = 1_000_000_000_000;

  /** @param random numbers from 0 to 1, the same at each run */
  constructor(random: () => number) {
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#random();
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are still set: none when everything was put away. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Lets time pass until `work` is done.
   * @throws when nothing is left that could end it, or what `work` throws
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    work.then(done, done);
    for (;;) {
      await setImmediate(); // All that can go on now has gone on.
      if (isDone) return work;
      const next = this.#next();
      if (next === undefined) throw new Error('it waits for something that never comes');
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.action();
    }
  }

  /** The earliest timer; of several, the one that was set first. */
  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }
}
