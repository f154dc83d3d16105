import type { LogChunk } from '../../../core/container-source';

const [LINE_FEED, BLANK] = [0x0a, 0x20];

/** Bytes of a time: `2026-11-27T10:00:00.123456789+01:00`. */
const MAX_TIME = 40;

/**
 * Reads a log of which each line begins with its time. Takes all for stdout: the API joins both
 * streams of a container. A long line comes in several chunks.
 */
export async function* chunksOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<readonly LogChunk[]> {
  const reader = new LineReader();
  for await (const bytes of stream) {
    const chunks = reader.chunks(bytes);
    if (chunks.length > 0) yield chunks;
  }
  const rest = reader.end();
  if (rest.length > 0) yield rest;
}

class LineReader {
  /** The time of the line that goes on. */
  #at: string | undefined;
  /** The beginning of a line, up to its time's end. */
  #head = Buffer.alloc(0);

  chunks(bytes: Uint8Array): readonly LogChunk[] {
    const chunks: LogChunk[] = [];
    let rest = this.#head.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#head, bytes]);
    this.#head = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.#at === undefined) {
        const time = timeAt(rest);
        if (time === undefined) {
          this.#head = rest;
          break;
        }
        this.#at = time.text;
        rest = rest.subarray(time.length);
      }
      const end = rest.indexOf(LINE_FEED) + 1;
      const part = end === 0 ? rest : rest.subarray(0, end);
      if (part.length > 0) chunks.push({ stream: 'stdout', at: this.#at, bytes: part });
      if (end > 0) this.#at = undefined;
      rest = rest.subarray(part.length);
    }
    return chunks;
  }

  /** @returns what is left: no whole time, but a message of the node's */
  end(): readonly LogChunk[] {
    return this.#head.length === 0 ? [] : [{ stream: 'stdout', at: '', bytes: this.#head }];
  }
}

/** @returns undefined if more bytes are needed; an empty time for a line without one: the node's */
function timeAt(bytes: Buffer): { readonly text: string; readonly length: number } | undefined {
  const head = bytes.subarray(0, MAX_TIME);
  const blank = head.indexOf(BLANK);
  const isWhole = blank >= 0 || head.length === MAX_TIME || head.includes(LINE_FEED);
  if (!isWhole) return undefined;
  const text = head.toString('latin1', 0, Math.max(0, blank));
  return /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? { text, length: blank + 1 } : { text: '', length: 0 };
}
