/** How to find the end of a message's body. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** Finds the end of a body in passing bytes, without changing them. */
export interface BodyScanner {
  /** The body has ended. */
  readonly done: boolean;
  /** The framing is malformed: everything that follows counts as body. */
  readonly lost: boolean;
  /**
   * @param content gets the body's pieces without the framing
   * @returns the number of bytes that belong to the body
   */
  take(bytes: Buffer, content?: Buffer[]): number;
}

export function scannerOf(framing: Framing): BodyScanner {
  switch (framing.kind) {
    case 'none':
      return new LengthScanner(0);
    case 'length':
      return new LengthScanner(framing.bytes);
    case 'chunked':
      return new ChunkScanner();
    case 'until-close':
      return new LengthScanner(Number.POSITIVE_INFINITY);
  }
}

class LengthScanner implements BodyScanner {
  readonly lost = false;
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  take(bytes: Buffer, content?: Buffer[]): number {
    const taken = Math.min(bytes.length, this.#left);
    this.#left -= taken;
    content?.push(bytes.subarray(0, taken));
    return taken;
  }
}

/** The longest line of a framing, in bytes. Go's servers accept 4096 for a chunk's size. */
const MAX_LINE_BYTES = 16 * 1024;

/** What comes next in a chunked body. https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
type Part = 'size' | 'data' | 'end of data' | 'trailer' | 'nothing' | 'unknown';

class ChunkScanner implements BodyScanner {
  #part: Part = 'size';
  /** Of the data. */
  #left = 0;
  /** What has come of a line that has not ended. */
  #line = '';

  get done(): boolean {
    return this.#part === 'nothing';
  }

  get lost(): boolean {
    return this.#part === 'unknown';
  }

  take(bytes: Buffer, content?: Buffer[]): number {
    let at = 0;
    while (at < bytes.length && !this.done) at += this.#step(bytes, at, content);
    return at;
  }

  #step(bytes: Buffer, at: number, content: Buffer[] | undefined): number {
    if (this.lost) return bytes.length - at;
    if (this.#part !== 'data') return this.#takeLine(bytes, at);
    const taken = Math.min(bytes.length - at, this.#left);
    content?.push(bytes.subarray(at, at + taken));
    this.#left -= taken;
    if (this.#left === 0) this.#part = 'end of data';
    return taken;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    if (this.#line.length + end - at > MAX_LINE_BYTES) this.#part = 'unknown';
    if (this.lost) return 0;
    this.#line += bytes.toString('latin1', at, end);
    if (newline < 0) return end - at;
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    this.#part = this.#partAfter(line);
    return newline + 1 - at;
  }

  #partAfter(line: string): Part {
    if (this.#part === 'trailer') return line === '' ? 'nothing' : 'trailer';
    if (this.#part === 'end of data') return line === '' ? 'size' : 'unknown';
    const size = /^([0-9a-f]{1,13})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) return 'unknown';
    this.#left = Number.parseInt(size, 16);
    return this.#left === 0 ? 'trailer' : 'data';
  }
}
