import type { LogPiece } from '../reaper/recordable';

/** Pieces of one stream and the same tenth of a second are made one, up to so many bytes: short lines take little more than their text. */
const LARGEST_PIECE = 1_024;
const TENTH_OF_A_SECOND = '2026-11-21T09:50:38.3'.length;

/** The last bytes of a log, in their order. */
export class LastPieces {
  readonly #most: number;
  readonly #pieces: LogPiece[] = [];
  #size = 0;
  #isCut = false;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** There was more before these. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get pieces(): readonly LogPiece[] {
    return this.#pieces;
  }

  /** All that is kept, of whatever stream. */
  get bytes(): Buffer {
    return bytesOf(this.#pieces);
  }

  add(pieces: readonly LogPiece[]): void {
    for (const { stream, at, bytes } of pieces) {
      for (let from = 0; from < bytes.length; from += LARGEST_PIECE) {
        this.#append({ stream, at, bytes: bytes.subarray(from, from + LARGEST_PIECE) });
      }
    }
    while (this.#size > this.#most) this.#drop(this.#size - this.#most);
  }

  /** Copies: a piece is a part of what the connection has brought, which is larger. */
  #append({ stream, at, bytes }: LogPiece): void {
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

export function bytesOf(pieces: readonly LogPiece[]): Buffer {
  return Buffer.concat(pieces.map(({ bytes }) => bytes));
}
