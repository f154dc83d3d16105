import type { LogChunk } from '../../../core/container-source';
import { bytesOf, TailBuffer } from './tail-buffer';

/** So much of a log's end is kept, to know it again in what was heard. */
const TOLD_BYTES = 4_096;

/** Bytes that a log's end and what was heard have in common where they meet. Fewer, such as a line feed, may be chance. */
const MIN_IN_COMMON = 32;

/** When so much was heard without meeting the log's end, they never will: what an engine holds back is less. */
const UNMET_BYTES = 2 ** 20;

/** In the place of what is missing. */
export const GAP = '[cleanup-action: something that was written here is missing]\n';

/**
 * Where a log and what was heard meet. The log has the beginning; but where it is followed it may stop early: dockerd 20.10, on a busy
 * machine, gave 9,280 of 20,000 lines. What was heard has the end, and begins somewhere in the log. They are joined by what both have:
 * lines that are all the same may be one too few or too many there.
 */
export class Joint {
  readonly #streams = { stdout: new StreamJoint('stdout'), stderr: new StreamJoint('stderr') };
  #hasNews = false;

  /** Something of one stream is missing. */
  get isGap(): boolean {
    return Object.values(this.#streams).some(({ isGap }) => isGap);
  }

  /** Something was heard that the log did not have. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** The log had something. */
  get hasTold(): boolean {
    return Object.values(this.#streams).some(({ hasTold }) => hasTold);
  }

  /** The log goes on. */
  tell(pieces: readonly LogChunk[]): void {
    for (const piece of pieces) this.#streams[piece.stream].tell(piece);
  }

  /**
   * The log has ended.
   * @returns what of this is not in it, as far as that is sure
   */
  hear(pieces: readonly LogChunk[]): readonly LogChunk[] {
    const streams = Object.values(this.#streams);
    const news = streams.every(({ hasMet }) => hasMet)
      ? pieces
      : streams.flatMap((stream) => stream.hear(pieces.filter((piece) => stream.has(piece))));
    if (news.length > 0) this.#hasNews = true;
    return news;
  }

  /** @returns what was heard, and never met the log, after a line that says so */
  end(): readonly LogChunk[] {
    return Object.values(this.#streams).flatMap((stream) => stream.end());
  }

  /** A line of our own, after what is unfinished. */
  line(text: string): readonly LogChunk[] {
    const ends = Object.values(this.#streams).flatMap((stream) => stream.lineEnd());
    return [...ends, own('stdout', text)];
  }
}

class StreamJoint {
  readonly #stream: LogChunk['stream'];
  readonly #told = new TailBuffer(TOLD_BYTES);
  readonly #heard = new TailBuffer(UNMET_BYTES);
  #heardBytes = 0;
  hasMet = false;
  isGap = false;

  constructor(stream: LogChunk['stream']) {
    this.#stream = stream;
  }

  get hasTold(): boolean {
    return this.#told.pieces.length > 0;
  }

  has({ stream }: LogChunk): boolean {
    return stream === this.#stream;
  }

  tell(piece: LogChunk): void {
    this.#told.add([piece]);
  }

  hear(pieces: readonly LogChunk[]): readonly LogChunk[] {
    if (this.hasMet || pieces.length === 0) return pieces;
    const heard = [...this.#heard.pieces, ...pieces];
    const known = meeting(this.#told, bytesOf(heard));
    if (known !== undefined) return this.#meet(heard, known);
    this.#heard.add(pieces);
    this.#heardBytes += bytesOf(pieces).length;
    return this.#heardBytes > UNMET_BYTES ? this.end() : [];
  }

  end(): readonly LogChunk[] {
    const { pieces, bytes } = this.#heard;
    if (this.hasMet || bytes.length === 0) return [];
    // Too little to be sure; but there is nothing else.
    if (bytes.length < MIN_IN_COMMON && endsWith(this.#told.bytes, bytes)) return this.#meet(pieces, bytes.length);
    this.isGap = true;
    return [...this.lineEnd(), own(this.#stream, GAP), ...this.#meet(pieces, 0)];
  }

  lineEnd(): readonly LogChunk[] {
    const last = this.#told.bytes.at(-1);
    return last === undefined || last === 0x0a ? [] : [own(this.#stream, '\n')];
  }

  #meet(heard: readonly LogChunk[], known: number): readonly LogChunk[] {
    this.hasMet = true;
    return without(known, heard);
  }
}

/** All but so many bytes at the beginning. */
function without(bytes: number, pieces: readonly LogChunk[]): readonly LogChunk[] {
  let left = bytes;
  return pieces.flatMap((piece) => {
    const rest = piece.bytes.subarray(left);
    left -= piece.bytes.length - rest.length;
    return rest.length > 0 ? { ...piece, bytes: rest } : [];
  });
}

function own(stream: LogChunk['stream'], text: string): LogChunk {
  return { stream, at: new Date().toISOString(), bytes: Buffer.from(text) };
}

/** @returns how many bytes at the beginning of what was heard are the log's last; undefined where they do not meet, or not yet */
function meeting({ bytes: told, isCut }: TailBuffer, heard: Buffer): number | undefined {
  if (told.length === 0) return 0;
  const mark = told.subarray(-MIN_IN_COMMON);
  for (let at = heard.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : heard.lastIndexOf(mark, at - 1)) {
    const known = at + mark.length;
    const compared = isCut ? Math.min(known, told.length) : known;
    if (endsWith(told, heard.subarray(known - compared, known))) return known;
  }
  return meetingInText(told, heard);
}

function endsWith(text: Buffer, end: Buffer): boolean {
  return end.length <= text.length && text.subarray(text.length - end.length).equals(end);
}

/**
 * Logs of text have U+FFFD, once or several times, in the place of bytes that are none, or that stand where a long line was cut in two.
 * There only the log's last characters are looked for, up to the end of a line.
 */
function meetingInText(told: Buffer, heard: Buffer): number | undefined {
  if (!told.includes('\uFFFD') || told.at(-1) !== 0x0a) return undefined;
  const [log, live] = [told, heard].map((bytes) => bytes.toString().replaceAll(/\uFFFD+/g, '\uFFFD')) as [string, string];
  const mark = log.slice(-MIN_IN_COMMON);
  const at = live.lastIndexOf(mark);
  if (at < 0) return undefined;
  let known = 0;
  for (let lines = live.slice(0, at + mark.length).split('\n').length - 1; lines > 0; lines -= 1)
    known = heard.indexOf(0x0a, known) + 1;
  return known;
}
