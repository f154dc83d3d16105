import { onAbort } from './abort';

/**
 * Runs at most `size` pieces of work at a time; the others wait, first come, first served. Keep out
 * work that only waits, such as a grace period: see `Rung.waits`.
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
   * Runs `work` in its turn, and frees its place however it ends.
   * @throws the signal's reason when it aborts before the turn
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
