import type { LogChunk } from '../../../core/container-source';
import { ByteBudget } from '../../../lib/byte-budget';

/** Pieces of one stream and the same tenth of a second are made one, up to so many bytes: short lines take little more than their text. */
const LARGEST_PIECE = 1_024;
const TENTH_OF_A_SECOND = '2026-11-21T09:50:38.3'.length;

/** How many bytes are kept: some in any case, and more while there is space. */
export interface Keeping {
  readonly least: number;
  readonly most: number;
  readonly space: ByteBudget;
}

/** The last bytes of a log, in their order. */
export class TailBuffer {
  readonly #keeping: Keeping;
  #borrowed = 0;
  #pieces: LogChunk[] = [];
  #size = 0;
  #isCut = false;

  /** @param keeping bytes; a number are so many in any case */
  constructor(keeping: number | Keeping) {
    this.#keeping = typeof keeping === 'number' ? { least: keeping, most: keeping, space: new ByteBudget(0) } : keeping;
  }

  /** There was more before these. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get pieces(): readonly LogChunk[] {
    return this.#pieces;
  }

  /** All that is kept, of whatever stream. */
  get bytes(): Buffer {
    return bytesOf(this.#pieces);
  }

  add(pieces: readonly LogChunk[]): void {
    for (const { stream, at, bytes } of pieces) {
      for (let from = 0; from < bytes.length; from += LARGEST_PIECE) {
        this.#append({ stream, at, bytes: bytes.subarray(from, from + LARGEST_PIECE) });
      }
    }
    const { least, most, space } = this.#keeping;
    const wanted = Math.min(this.#size, most) - least - this.#borrowed;
    if (wanted > 0) this.#borrowed += space.take(wanted);
    for (let kept = least + this.#borrowed; this.#size > kept; ) this.#drop(this.#size - kept);
  }

  /** Keeps nothing any more. */
  clear(): void {
    this.#pieces = [];
    this.#size = 0;
    this.#keeping.space.giveBack(this.#borrowed);
    this.#borrowed = 0;
  }

  /** Copies: a piece is a part of what the connection has brought, which is larger. */
  #append({ stream, at, bytes }: LogChunk): void {
    const last = this.#pieces.at(-1);
    const isMore =
      last?.stream === stream &&
      last.at.slice(0, TENTH_OF_A_SECOND) === at.slice(0, TENTH_OF_A_SECOND) &&
      last.bytes.length + bytes.length <= LARGEST_PIECE;
    if (isMore) this.#pieces.pop();
    const copy = isMore ? { ...last, bytes: Buffer.concat([last.bytes, bytes]) } : { stream, at, bytes: Buffer.from(bytes) };
    this.#pieces.push(copy);
    this.#size += bytes.length;
  }

  #drop(excess: number): void {
    const first = this.#pieces.shift();
    if (first === undefined) return;
    const rest = first.bytes.subarray(excess);
    if (rest.length > 0) this.#pieces.unshift({ ...first, bytes: rest });
    this.#size -= first.bytes.length - rest.length;
    this.#isCut = true;
  }
}

export function bytesOf(pieces: readonly LogChunk[]): Buffer {
  return Buffer.concat(pieces.map(({ bytes }) => bytes));
}
