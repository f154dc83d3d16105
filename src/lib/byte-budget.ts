/** A number of bytes that several logs share, in files or in memory. */
export class ByteBudget {
  readonly limit: number;
  #left: number;
  readonly #offers = new Set<{ readonly bytes: number; readonly reclaim: () => void }>();

  /** @param used bytes that are taken already */
  constructor(limit: number, used = 0) {
    this.limit = limit;
    this.#left = Math.max(0, limit - used);
  }

  /**
   * @param mayReclaim take bytes that were offered, if there are no others
   * @returns how many of the bytes fit
   */
  take(bytes: number, mayReclaim = true): number {
    for (const offer of mayReclaim ? this.#offers : []) {
      if (this.#left >= bytes) break;
      this.#offers.delete(offer);
      this.#left += offer.bytes;
      offer.reclaim();
    }
    const taken = Math.min(bytes, this.#left);
    this.#left -= taken;
    return taken;
  }

  /**
   * Offers bytes that are taken. The oldest offers are reclaimed first.
   * @param reclaim called when the bytes are used for something else
   * @returns withdraws the offer
   */
  offer(bytes: number, reclaim: () => void): () => void {
    const offer = { bytes, reclaim };
    this.#offers.add(offer);
    return () => void this.#offers.delete(offer);
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
