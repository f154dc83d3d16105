import type { LogChunk, LogStream } from '../../core/container-source';

/** Bytes to keep until `take`, and the overhead of a chunk. */
const MAX_KEPT = 2 ** 18;
const OVERHEAD = 200;

/** Reads a stream from now on, even before `take`: unread output blocks its container. */
export class LiveStream {
  readonly #rest: Promise<LogStream>;
  #kept: LogChunk[] = [];
  #size = 0;
  #isTaken = false;
  #isCut = false;

  constructor(stream: LogStream) {
    this.#rest = this.#drain(stream[Symbol.asyncIterator]());
    this.#rest.catch(() => undefined); // `take` throws the error.
  }

  /** Whether the oldest chunks were dropped to limit memory. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /**
   * Yields the kept chunks, then the rest of the stream. To be called once.
   * @throws the stream's error
   */
  async *take(): AsyncGenerator<readonly LogChunk[]> {
    this.#isTaken = true;
    const kept = this.#kept;
    this.#kept = [];
    if (kept.length > 0) yield kept;
    yield* await this.#rest;
  }

  /** @returns the rest of the stream, once `take` was called or the stream has ended */
  async #drain(chunks: AsyncIterator<readonly LogChunk[]>): Promise<LogStream> {
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return resumed([], chunks);
      if (this.#isTaken) return resumed(next.value, chunks);
      this.#keep(next.value);
    }
  }

  /** Copies each chunk, which is a part of a larger buffer. */
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

/** A stream of which the first chunks were read already. */
export async function* resumed(
  first: readonly LogChunk[],
  rest: AsyncIterator<readonly LogChunk[]>,
): AsyncGenerator<readonly LogChunk[]> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
