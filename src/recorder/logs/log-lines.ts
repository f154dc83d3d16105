import type { LogChunk } from '../../core/container-source';
import type { Redactor } from './redactor';

/** Bytes. Longer lines become several, so that a line of a gigabyte is never held whole. */
export const MAX_LINE = 65_536;

/** The last lines to show to people, and the bytes of each. */
const TAIL_LINES = 10;
const TAIL_LINE_BYTES = 300;

/** The beginning of a line. */
interface Unfinished {
  readonly at: string;
  readonly text: string;
}

/**
 * Makes whole lines of two streams, each with its time, in the order of their ends, and takes
 * secrets out. Text is latin1, a character a byte, so that all bytes stay as they are.
 */
export class LogLines {
  readonly #redactor: Redactor;
  readonly #unfinished = new Map<LogChunk['stream'], Unfinished>();
  readonly #tail: string[] = [];
  #note: string | undefined;
  /** The time of the last chunk. */
  #lastAt = '';

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** @returns the lines that are complete */
  push(chunks: readonly LogChunk[]): string {
    const [first] = chunks;
    if (first === undefined) return '';
    const before = this.#writeNote((note) => this.#line(first.at, note));
    this.#lastAt = chunks.at(-1)?.at ?? first.at;
    return before + chunks.map((chunk) => this.#add(chunk)).join('');
  }

  /** Inserts a line of our own before the next chunk. `tail` has it only if a chunk follows. */
  note(line: string): void {
    this.#note = line;
  }

  get hasNote(): boolean {
    return this.#note !== undefined;
  }

  /** @returns the last lines, which lack a line feed */
  end(): string {
    if (this.#note !== undefined && this.#lastAt !== '') return this.#writeNote((note) => `${this.#lastAt} ${note}\n`);
    const rest = [...this.#unfinished.values()].filter(({ text }) => text !== '');
    this.#unfinished.clear();
    return rest.map(({ at, text }) => this.#line(at, this.#redactor.redact(text))).join('');
  }

  #writeNote(written: (note: string) => string): string {
    const note = this.#note;
    if (note === undefined) return '';
    this.#note = undefined;
    return this.end() + written(note);
  }

  /** The last lines for people: clipped, without times. */
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
    // The rest may be the beginning of a secret.
    const redacted = this.#redactor.redact(rest);
    const cutAt = redacted.length - this.#redactor.overlap;
    this.#unfinished.set(stream, { at, text: redacted.slice(cutAt) });
    return `${finished.join('')}${this.#line(startedAt, redacted.slice(0, cutAt))}`;
  }

  #line(at: string, text: string): string {
    this.#tail.push(shown(text).slice(0, TAIL_LINE_BYTES));
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    return `${at} ${text}\n`;
  }
}

/** What a terminal shows of a line in the end: a progress bar writes over it again and again. */
function shown(line: string): string {
  const text = line.replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
