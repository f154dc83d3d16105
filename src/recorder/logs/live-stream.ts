import type { LogChunk, LogStream } from '../../core/container-source';

/** Bytes that are kept of what has not been taken yet, and what each chunk takes besides its text. */
const MAX_KEPT = 2 ** 18;
const OVERHEAD = 200;

/** Reads a stream from now on, whether or not it is taken yet: the engine makes a container wait whose stream is not read. */
export class LiveStream {
  readonly #rest: Promise<LogStream>;
  #kept: LogChunk[] = [];
  #size = 0;
  #isTaken = false;
  #isCut = false;

  constructor(stream: LogStream) {
    this.#rest = this.#drain(stream[Symbol.asyncIterator]());
    this.#rest.catch(() => undefined); // `take` throws it.
  }

  /** More came than is kept: the oldest of it is missing. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /**
   * What came so far, and what goes on to come. To be called once.
   * @throws what the stream breaks off with
   */
  async *take(): AsyncGenerator<readonly LogChunk[]> {
    this.#isTaken = true;
    const kept = this.#kept;
    this.#kept = [];
    if (kept.length > 0) yield kept;
    yield* await this.#rest;
  }

  /** @returns the rest of the stream when it is taken, or when it has ended */
  async #drain(chunks: AsyncIterator<readonly LogChunk[]>): Promise<LogStream> {
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return resumed([], chunks);
      if (this.#isTaken) return resumed(next.value, chunks);
      this.#keep(next.value);
    }
  }

  /** Copies: a chunk is a part of a larger buffer. */
  #keep(chunks: readonly LogChunk[]): void {
    for (const chunk of chunks) {
      this.#kept.push({ ...chunk, bytes: Buffer.from(chunk.bytes) });
      this.#size += chunk.bytes.length + OVERHEAD;
    }
    let dropped = 0;
    for (; this.#size > MAX_KEPT && dropped < this.#kept.length - 1; dropped += 1) {
      this.#size -= (this.#kept[dropped]?.bytes.length ?? 0) + OVERHEAD;
      this.#isCut = true;
    }
    this.#kept.splice(0, dropped);
  }
}

/** A stream whose first chunks have been taken already. */
export async function* resumed(
  first: readonly LogChunk[],
  rest: AsyncIterator<readonly LogChunk[]>,
): AsyncGenerator<readonly LogChunk[]> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
