/** A number of bytes that several logs share, in files or in memory. */
export class ByteBudget {
  readonly limit: number;
  #left: number;

  /** @param used bytes that are taken already */
  constructor(limit: number, used = 0) {
    this.limit = limit;
    this.#left = Math.max(0, limit - used);
  }

  /** @returns how many of the bytes fit */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
