import type { LogChunk, LogStream } from '../../../core/container-source';
import { ByteBudget } from '../../../lib/byte-budget';
import { asError } from '../../../lib/errors';
import { TailBuffer } from './tail-buffer';

/** Bytes of what is heard that are kept until somebody takes them: of each container, and of all that need more than the least. */
export const KEPT = { least: 16_384, most: 2 ** 20, space: new ByteBudget(32 * 2 ** 20) } as const;

/**
 * What a container writes from some moment on, whether or not anybody takes it yet: the engine makes a container wait that nobody listens
 * to. All of it is handed on, to the last byte; what came before the moment is in the log.
 */
export class LiveStream {
  /** The engine has agreed, and what is written from now on is heard; or it has refused. Never rejects. */
  readonly begun: Promise<void>;
  readonly #begin: () => void;
  readonly #kept = new TailBuffer(KEPT);
  readonly #rest: Promise<LogStream | undefined>;
  #isTaken = false;
  #hasBegun = false;
  #broken: Error | undefined;

  /** @param stream ends with the container */
  constructor(stream: Promise<LogStream>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#begin = () => {
      this.#hasBegun = true;
      resolve();
    };
    this.#rest = this.#keep(stream);
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** More came than is kept, before it was taken. */
  get isCut(): boolean {
    return this.#kept.isCut;
  }

  /** With what it has broken off by now, or was refused. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  /**
   * What was heard, and goes on to be. To be called once.
   * @throws what it breaks off with
   */
  async *taken(): AsyncGenerator<readonly LogChunk[]> {
    this.#isTaken = true;
    yield this.#kept.pieces;
    this.forget();
    const rest = await this.#rest;
    if (rest) yield* rest;
    if (this.#broken) throw this.#broken;
  }

  /** Keeps nothing any more of what nobody has taken. */
  forget(): void {
    this.#isTaken = true;
    this.#kept.clear();
  }

  /** @returns what came when it was taken, and all after that; undefined when it is over. Never rejects */
  async #keep(stream: Promise<LogStream>): Promise<LogStream | undefined> {
    try {
      const pieces = (await stream)[Symbol.asyncIterator]();
      this.#begin();
      for (;;) {
        const next = await pieces.next();
        if (next.done === true) return undefined;
        if (this.#isTaken) return continued(next.value, pieces);
        this.#kept.add(next.value);
      }
    } catch (error) {
      this.#broken = asError(error);
      this.#begin();
      return undefined;
    }
  }
}

/** A stream of which the first pieces have been taken already. */
export async function* continued(
  first: readonly LogChunk[],
  rest: AsyncIterator<readonly LogChunk[]>,
): AsyncGenerator<readonly LogChunk[]> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
