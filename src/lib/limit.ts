import { onAbort } from './abort';

/**
 * At most `size` pieces of work at a time; the others wait their turn, first come, first served.
 * Work that only waits (a grace period) must not go through here: see `Rung.waits`.
 */
export class Limit {
  #free: number;
  readonly #queue: (() => void)[] = [];

  /** @throws {RangeError} unless `size` is a whole number from 1 */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`a limit is a whole number from 1, not ${size}`);
    this.#free = size;
  }

  /**
   * Runs `work` when it is its turn, and gives its place back whatever comes of it.
   * @throws the signal's reason when it aborts before the turn came
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        forget();
        resolve();
      };
      this.#queue.push(turn);
      const forget = onAbort(signal, () => {
        this.#queue.splice(this.#queue.indexOf(turn), 1);
        reject(signal.reason);
      });
    });
  }
}
