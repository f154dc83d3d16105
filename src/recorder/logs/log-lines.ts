import type { LogChunk } from '../../core/container-source';
import type { Redactor } from './redactor';

/** A line longer than this is broken into several, so that one of a gigabyte is never held whole. In bytes. */
export const MAX_LINE = 65_536;

/** So many last lines are shown to people, and so much of each. */
const TAIL_LINES = 10;
const TAIL_LINE_BYTES = 300;

/** What a stream has written of a line so far. */
interface Unfinished {
  readonly at: string;
  readonly text: string;
}

/**
 * Makes whole lines of what two streams write, each after its time, in the order in which they are finished, without secrets. Text is
 * bytes, a character each (latin1): whatever a container writes stays as it is.
 */
export class LogLines {
  readonly #redactor: Redactor;
  readonly #unfinished = new Map<LogChunk['stream'], Unfinished>();
  readonly #tail: string[] = [];

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** @returns the lines that are finished by now */
  push(pieces: readonly LogChunk[]): string {
    return pieces.map((piece) => this.#add(piece)).join('');
  }

  /** @returns the lines that nobody finished */
  end(): string {
    const rest = [...this.#unfinished.values()].filter(({ text }) => text !== '');
    this.#unfinished.clear();
    return rest.map(({ at, text }) => this.#line(at, this.#redactor.redact(text))).join('');
  }

  /** The last lines, without times and cut: for people. */
  get tail(): readonly string[] {
    return this.#tail.map((line) => Buffer.from(line, 'latin1').toString('utf8'));
  }

  #add({ stream, at, bytes }: LogChunk): string {
    const before = this.#unfinished.get(stream);
    const lines = `${before?.text ?? ''}${latin1(bytes)}`.split('\n');
    const rest = lines.pop() ?? '';
    const [first, ...others] = lines.map((line) => this.#redactor.redact(line));
    const finished = [
      ...(first === undefined ? [] : [this.#line(before?.at ?? at, first)]),
      ...others.map((line) => this.#line(at, line)),
    ];
    const startedAt = first === undefined ? (before?.at ?? at) : at;
    if (rest.length <= MAX_LINE) {
      if (rest === '') this.#unfinished.delete(stream);
      else this.#unfinished.set(stream, { at: startedAt, text: rest });
      return finished.join('');
    }
    // What is kept back may be the beginning of a secret.
    const redacted = this.#redactor.redact(rest);
    const cutAt = redacted.length - this.#redactor.overlap;
    this.#unfinished.set(stream, { at, text: redacted.slice(cutAt) });
    return `${finished.join('')}${this.#line(startedAt, redacted.slice(0, cutAt))}`;
  }

  #line(at: string, text: string): string {
    this.#tail.push(text.replace(/\r$/, '').slice(0, TAIL_LINE_BYTES));
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    return `${at} ${text}\n`;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
