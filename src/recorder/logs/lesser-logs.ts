import { rm, stat } from 'node:fs/promises';
import type { ByteBudget } from '../../lib/byte-budget';

/**
 * The logs of containers that were asked to end. They make room for logs that may be those of
 * failures: where hundreds of containers are stopped, one that failed still has its log.
 */
export class LesserLogs {
  readonly #space: ByteBudget;
  /** By the container's id. */
  readonly #withdrawals = new Map<string, () => void>();
  readonly #removals = new Map<string, Promise<void>>();

  constructor(space: ByteBudget) {
    this.#space = space;
  }

  /** @param onRemoved called when the file goes, because its room is needed */
  async add(id: string, file: string, onRemoved: () => void): Promise<void> {
    const { size } = await stat(file).catch(() => ({ size: 0 }));
    const remove = () => {
      this.#withdrawals.delete(id);
      this.#removals.set(
        id,
        rm(file, { force: true }).catch(() => undefined),
      );
      onRemoved();
    };
    this.#withdrawals.set(id, this.#space.offer(size, remove));
  }

  /** Lets the container's file stay from now on: a later log of the container takes its path. */
  async withdraw(id: string): Promise<void> {
    this.#withdrawals.get(id)?.();
    this.#withdrawals.delete(id);
    await this.#removals.get(id);
  }

  /** Waits until all files are gone that had to go. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals.values());
  }
}
