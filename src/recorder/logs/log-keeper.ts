import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { LogStatus, LogStream } from '../../core/container-source';
import type { Resource } from '../../core/resource';
import type { ByteBudget } from '../../lib/byte-budget';
import { asError } from '../../lib/errors';
import { LogFile } from './log-file';
import { LogLines } from './log-lines';
import type { Redactor } from './redactor';

/** Where a container's log is. */
export interface KeptLog {
  readonly status: LogStatus;
  readonly file: string | null;
  /** Why it is missing or incomplete. */
  readonly reason: string | null;
  /** Its last lines, for people. */
  readonly tail: readonly string[];
}

/** The log may lack lines, around the `SEAM` in the file. */
export class IncompleteLog extends Error {
  override readonly name = 'IncompleteLog';

  constructor() {
    super('lines may be missing where the log says so');
  }
}

export interface KeepingPlace {
  readonly directory: string;
  /** Bytes of one log. */
  readonly limit: number;
  readonly space: ByteBudget;
  /** Others' logs matter more: see `LesserLogs`. */
  readonly isLesser?: boolean;
  readonly redactor: Redactor;
}

export function noLog(status: Exclude<LogStatus, 'kept'>, reason: string): KeptLog {
  return { status, file: null, reason, tail: [] };
}

/** One container's log on its way into a file. */
export class LogKeeper {
  readonly #file: LogFile;
  readonly #lines: LogLines;
  readonly #place: KeepingPlace;
  #broken: Error | undefined;
  #chunks = 0;
  #written = 0;

  constructor(container: Resource, place: KeepingPlace) {
    this.#place = place;
    this.#file = new LogFile(join(place.directory, logFileName(container)), place.limit, place.space, place.isLesser);
    this.#lines = new LogLines(place.redactor);
  }

  /**
   * Writes a stream to the file as it arrives. Never throws: an error becomes the log's reason.
   * @param signal ends the stream; its reason replaces the stream's error
   * @returns the error, if the stream broke off
   */
  async take(stream: LogStream, signal: AbortSignal): Promise<Error | undefined> {
    try {
      for await (const chunks of stream) {
        this.#chunks += chunks.length;
        await this.#write(this.#lines.push(chunks));
      }
      return undefined;
    } catch (error) {
      const broken = asError(signal.aborted ? signal.reason : error);
      this.brokeWith(broken);
      return broken;
    }
  }

  /** Adds a line of our own before the next line of the log; alone, it makes no file. */
  note(line: string): void {
    this.#lines.note(line);
  }

  /** Marks the log as incomplete. The first error is reported. */
  brokeWith(error: Error): void {
    this.#broken ??= error;
  }

  /** @throws what the file system answers */
  async close(): Promise<KeptLog> {
    await this.#write(this.#lines.end());
    const { tail } = this.#lines;
    const file = this.#file.size > 0 ? this.#file.path : null;
    await this.#file.close();
    const reason = this.#reason();
    if (file !== null) return { status: 'kept', file, reason, tail };
    return { ...(reason === null ? noLog('empty', 'it wrote nothing') : noLog('unavailable', reason)), tail };
  }

  async discard(): Promise<void> {
    await this.#file.discard();
  }

  /** The number of chunks so far. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Whether a line of our own waits for the log's next line. */
  get hasNote(): boolean {
    return this.#lines.hasNote;
  }

  /** Bytes so far, times included; more than the file keeps if the log is cut. */
  get written(): number {
    return this.#written;
  }

  #reason(): string | null {
    const { cut, size } = this.#file;
    const { limit, space } = this.#place;
    const reasons = [
      this.#broken ? whatBroke(this.#broken) : '',
      cut === 'log-limit' ? `only its end is kept: log-limit is ${limit} bytes` : '',
      cut === 'logs-limit'
        ? `${size > 0 ? 'only its end is kept' : 'there was no room'}: logs-limit is ${space.limit} bytes`
        : '',
    ].filter((reason) => reason !== '');
    return reasons.length > 0 ? reasons.join('; ') : null;
  }

  async #write(text: string): Promise<void> {
    if (text === '') return;
    this.#written += text.length;
    await this.#file.append(Buffer.from(text, 'latin1'));
  }
}

function whatBroke(error: Error): string {
  return error instanceof IncompleteLog ? error.message : `it broke off: ${error.message}`;
}

/** A name for any file system: replaces other characters by `_`. The id makes it unique: an engine's by its beginning. */
function logFileName({ name, id }: Pick<Resource, 'name' | 'id'>): string {
  const safe = (text: string, most: number) => text.slice(0, most).replace(/[^A-Za-z0-9._-]/g, '_');
  const isRandom = /^[0-9a-f]{64}$/.test(id);
  return `${safe(name, 80)}-${isRandom ? id.slice(0, 12) : createHash('sha256').update(id).digest('hex').slice(0, 12)}.log`;
}
