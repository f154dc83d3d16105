import type { LogChunk } from '../../../core/container-source';

/**
 * Before each frame: its stream, three zeros, its length.
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
const HEADER_BYTES = 8;
const STDERR = 2;

/** A stamp ends with a blank; the longest is `2026-11-21T09:50:38.345968434+01:00`. */
const MAX_STAMP = 40;
const BLANK = 0x20;
const LINE_FEED = 0x0a;

/** `theirs`: the engine's, before each frame, or each line without frames. Else: of the arrival. */
export type Stamps = 'theirs' | (() => string);

interface Format {
  chunks(received: Buffer): readonly LogChunk[];
}

/**
 * Takes a log apart as it arrives. Holds no more than the beginning of a frame; docker-modem's
 * parser holds whole frames, copies the rest for each, and recurses.
 */
export class LogDemuxer {
  readonly #stamps: Stamps;
  #pending: Buffer = Buffer.alloc(0);
  #format: Format | undefined;

  constructor(stamps: Stamps) {
    this.#stamps = stamps;
  }

  chunks(received: Buffer): readonly LogChunk[] {
    if (this.#format !== undefined) return this.#format.chunks(received);
    this.#pending = Buffer.concat([this.#pending, received]);
    if (this.#pending.length < HEADER_BYTES && isFramed(this.#pending)) return [];
    this.#format = this.#formatOf(this.#pending);
    return this.#format.chunks(this.#pending);
  }

  /** Goes by the bytes: a terminal's stream has no frames, and engines before 23.0 don't say so. */
  #formatOf(beginning: Buffer): Format {
    const arrival = this.#stamps === 'theirs' ? undefined : this.#stamps;
    if (isFramed(beginning)) return new Frames(arrival);
    return arrival === undefined ? new StampedLines() : new ArrivingText(arrival);
  }
}

/** Decides on fewer bytes than a header, too. */
function isFramed(beginning: Buffer): boolean {
  return (beginning[0] ?? 0) <= STDERR && beginning.subarray(1, 4).every((byte) => byte === 0);
}

/** Frames of two streams. A stamp, if any, begins each frame, even in the middle of a line. */
class Frames implements Format {
  readonly #arrival: (() => string) | undefined;
  #pending: Buffer = Buffer.alloc(0);
  #stream: LogChunk['stream'] = 'stdout';
  #left = 0;
  #at = '';

  constructor(arrival: (() => string) | undefined) {
    this.#arrival = arrival;
  }

  chunks(received: Buffer): readonly LogChunk[] {
    const chunks: LogChunk[] = [];
    const all = this.#pending.length === 0 ? received : Buffer.concat([this.#pending, received]);
    let from = 0;
    for (;;) {
      if (this.#left === 0) {
        const begun = this.#begin(all, from);
        if (begun === undefined) break;
        from = begun;
      }
      const bytes = all.subarray(from, from + this.#left);
      if (bytes.length === 0) break;
      chunks.push({ stream: this.#stream, at: this.#at, bytes });
      from += bytes.length;
      this.#left -= bytes.length;
    }
    this.#pending = all.subarray(from);
    return chunks;
  }

  /** @returns where the frame's text begins; undefined until its header and stamp are complete */
  #begin(all: Buffer, frameAt: number): number | undefined {
    let from = frameAt;
    while (all.length - from >= HEADER_BYTES) {
      const length = all.readUInt32BE(from + 4);
      const text = from + HEADER_BYTES;
      const stampIsThere = all.length - text >= Math.min(length, MAX_STAMP);
      if (this.#arrival === undefined && !stampIsThere) return undefined;
      const stamp = this.#arrival === undefined ? stampIn(all.subarray(text, text + length)) : { at: this.#arrival(), bytes: 0 };
      this.#stream = all[from] === STDERR ? 'stderr' : 'stdout';
      this.#at = stamp.at;
      this.#left = length - stamp.bytes;
      from = text + stamp.bytes;
      if (this.#left > 0) return from;
    }
    return undefined;
  }
}

/** A terminal's lines, each after its stamp. Stamps within a very long line are taken for text. */
class StampedLines implements Format {
  #pending: Buffer = Buffer.alloc(0);
  #at: string | undefined;

  chunks(received: Buffer): readonly LogChunk[] {
    const chunks: LogChunk[] = [];
    const all = this.#pending.length === 0 ? received : Buffer.concat([this.#pending, received]);
    let from = 0;
    while (from < all.length) {
      if (this.#at === undefined) {
        const line = all.subarray(from, from + MAX_STAMP);
        if (line.length < MAX_STAMP && !line.includes(BLANK)) break;
        const stamp = stampIn(line);
        this.#at = stamp.at;
        from += stamp.bytes;
      }
      const lineFeed = all.indexOf(LINE_FEED, from);
      const end = lineFeed < 0 ? all.length : lineFeed + 1;
      chunks.push({ stream: 'stdout', at: this.#at, bytes: all.subarray(from, end) });
      if (lineFeed >= 0) this.#at = undefined;
      from = end;
    }
    this.#pending = all.subarray(from);
    return chunks;
  }
}

class ArrivingText implements Format {
  readonly #arrival: () => string;

  constructor(arrival: () => string) {
    this.#arrival = arrival;
  }

  chunks(received: Buffer): readonly LogChunk[] {
    return [{ stream: 'stdout', at: this.#arrival(), bytes: received }];
  }
}

/** Reads the time before the first blank. Without one, everything is text. */
function stampIn(text: Buffer): { readonly at: string; readonly bytes: number } {
  const head = text.toString('latin1', 0, MAX_STAMP);
  const stamp = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) /.exec(head)?.[1];
  return stamp === undefined ? { at: '', bytes: 0 } : { at: stamp, bytes: stamp.length + 1 };
}
