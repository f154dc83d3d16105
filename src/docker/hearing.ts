import { isUtf8 } from 'node:buffer';
import { asError } from '../reaper/errors';
import { LogGap, type LogPiece, type LogStream } from '../reaper/recordable';
import { LastPieces } from './last-pieces';

/** So much of what is heard, and twice that of the log, is kept to find where they meet. In bytes. */
export const MEETING_BYTES = 16_384;

/** Bytes that both have: fewer, such as a line feed, may be chance. */
const LEAST_IN_COMMON = 32;

const STREAMS = ['stdout', 'stderr'] as const;

/** In the place of what is missing. */
export const GAP = '[cleanup-action: something that was written here is missing]\n';

/**
 * What a container writes from some moment on: the engine hands on all of it, to the last byte. Its log has the beginning, but where it is
 * followed it may stop early: dockerd 20.10, on a busy machine, gave 9,280 of 20,000 lines. So both are taken, and joined.
 */
export class Hearing {
  readonly #heard = new LastPieces(MEETING_BYTES);
  readonly #listening: Promise<AsyncIterator<readonly LogPiece[]> | undefined>;
  #hasBegun = false;
  #isHandedOver = false;
  #broken: Error | undefined;

  /** @param stream ends with the container */
  constructor(stream: Promise<LogStream>) {
    this.#listening = this.#listen(stream);
  }

  /** The engine has agreed: what is written from now on is heard. Or it has refused. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * All that is heard.
   * @throws {LogGap} at the end, when it came faster than it was taken
   * @throws what it breaks off with
   */
  async *all(): AsyncGenerator<readonly LogPiece[]> {
    this.#isHandedOver = true;
    const rest = await this.#listening;
    if (this.#heard.isCut) yield lineAfter(new LastPieces(0), GAP);
    yield this.#heard.pieces;
    if (rest) yield* resumed(rest);
    if (this.#heard.isCut) throw new LogGap();
    if (this.#broken) throw this.#broken;
  }

  /**
   * A log from its beginning, and then what was heard that is not in it.
   * @throws {LogGap} at the end, when something between the two is missing
   * @throws what both of them break off with
   */
  async *after(log: LogStream): AsyncGenerator<readonly LogPiece[]> {
    const told = new LastPieces(2 * MEETING_BYTES);
    let isOver = false;
    try {
      for await (const pieces of log) {
        told.add(pieces);
        yield pieces;
      }
      isOver = true;
    } catch {
      // What was heard goes on where it broke off; should that break too, its error is the reason.
    }
    await this.#listening;
    const { known, isGap } = meeting(told, this.#heard);
    // What broke off before the log ended has no more to say. (dockerd forgets to end it now and then.)
    if (this.#broken && isOver && isGap) return;
    if (isGap) yield lineAfter(told, GAP);
    yield this.#heard.without(known);
    if (isGap) throw new LogGap();
    if (this.#broken && !isOver) throw this.#broken;
  }

  /** @returns where it goes on, as soon as that is wanted; undefined when it is over. Never rejects */
  async #listen(stream: Promise<LogStream>): Promise<AsyncIterator<readonly LogPiece[]> | undefined> {
    try {
      const pieces = (await stream)[Symbol.asyncIterator]();
      this.#hasBegun = true;
      while (!this.#isHandedOver) {
        const next = await pieces.next();
        if (next.done === true) return undefined;
        this.#heard.add(next.value);
      }
      return pieces;
    } catch (error) {
      this.#hasBegun = true;
      this.#broken = asError(error);
      return undefined;
    }
  }
}

/** What is left of a stream of which some was taken. */
export function resumed(rest: AsyncIterator<readonly LogPiece[]>): LogStream {
  return { [Symbol.asyncIterator]: () => rest };
}

/** A line of our own, after what is unfinished. */
export function lineAfter(told: LastPieces, line: string): readonly LogPiece[] {
  const at = new Date().toISOString();
  const unfinished = STREAMS.filter((stream) => ![undefined, 0x0a].includes(told.of(stream).at(-1)));
  const ends = unfinished.map((stream): LogPiece => ({ stream, at, bytes: Buffer.from('\n') }));
  return [...ends, { stream: 'stdout', at, bytes: Buffer.from(line) }];
}

interface Meeting {
  /** Bytes at the beginning of what was heard that the log has, too. */
  readonly known: Readonly<Record<LogPiece['stream'], number>>;
  /** They do not meet. */
  readonly isGap: boolean;
}

function meeting(told: LastPieces, heard: LastPieces): Meeting {
  const known = { stdout: 0, stderr: 0 };
  let isGap = false;
  for (const stream of STREAMS) {
    const [log, live] = [told.of(stream), heard.of(stream)];
    const common = overlap(log, live);
    const isApart = (log.length > 0 || heard.isCut) && common < Math.min(live.length, LEAST_IN_COMMON);
    if (isApart) isGap = true;
    else known[stream] = common;
  }
  return { known, isGap };
}

/** @returns the most bytes that one ends and the other begins with */
function overlap(log: Buffer, live: Buffer): number {
  // Logs of text have U+FFFD for what is none, one for each byte or for several: those are found only where all of it is in the log.
  if (!isUtf8(live)) return replaced(log).endsWith(replaced(live)) ? live.length : 0;
  let length = Math.min(log.length, live.length);
  while (!log.subarray(log.length - length).equals(live.subarray(0, length))) length -= 1;
  return length;
}

function replaced(text: Buffer): string {
  return text.toString().replaceAll(/\uFFFD+/g, '\uFFFD');
}
