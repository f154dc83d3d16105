import { join } from 'node:path';
import { IncompleteLog, type LogStream } from '../../core/container-source';
import type { Resource } from '../../core/resource';
import type { ByteBudget } from '../../lib/byte-budget';
import { asError } from '../../lib/errors';
import { LogFile } from './log-file';
import { LogLines } from './log-lines';
import type { Redactor } from './redactor';

/** What became of a container's log. */
export interface KeptLog {
  readonly file: string | null;
  /** Why there is none, or why it is not whole. */
  readonly reason: string | null;
  readonly tail: readonly string[];
}

export interface KeepingPlace {
  readonly directory: string;
  /** Bytes of one log. */
  readonly limit: number;
  readonly space: ByteBudget;
  readonly redactor: Redactor;
}

export function noLog(reason: string): KeptLog {
  return { file: null, reason, tail: [] };
}

/** One container's log on its way into a file. */
export class LogKeeper {
  readonly #file: LogFile;
  readonly #lines: LogLines;
  readonly #place: KeepingPlace;
  #broken: Error | undefined;
  #pieces = 0;
  #written = 0;

  constructor(container: Resource, place: KeepingPlace) {
    this.#place = place;
    this.#file = new LogFile(join(place.directory, logFileName(container)), place.limit, place.space);
    this.#lines = new LogLines(place.redactor);
  }

  /**
   * Writes all that comes, as it comes. Never throws: what broke off is told at the end.
   * @param signal what ends the stream: its reason says more than the stream's error
   * @returns the error with which it broke off
   */
  async take(stream: LogStream, signal: AbortSignal): Promise<Error | undefined> {
    try {
      for await (const pieces of stream) {
        this.#pieces += pieces.length;
        await this.#write(this.#lines.push(pieces));
      }
    } catch (error) {
      this.#broken = asError(signal.aborted ? signal.reason : error);
    }
    return this.#broken;
  }

  /** @throws what the file system answers */
  async close(): Promise<KeptLog> {
    await this.#write(this.#lines.end());
    const { tail } = this.#lines;
    const file = this.#file.size > 0 ? this.#file.path : null;
    await this.#file.close();
    return { file, reason: this.#reason(file), tail };
  }

  async discard(): Promise<void> {
    await this.#file.discard();
  }

  /** How many have come so far. */
  get pieces(): number {
    return this.#pieces;
  }

  /** Bytes that have come so far, with their times; more than are kept, where it is cut. */
  get written(): number {
    return this.#written;
  }

  #reason(file: string | null): string | null {
    const { cut, size } = this.#file;
    const { limit, space } = this.#place;
    const reasons = [
      this.#broken ? whatBroke(this.#broken) : '',
      cut === 'log-limit' ? `only its end is kept: log-limit is ${limit} bytes` : '',
      cut === 'logs-limit'
        ? `${size > 0 ? 'only its end is kept' : 'there was no room'}: logs-limit is ${space.limit} bytes`
        : '',
    ].filter((reason) => reason !== '');
    if (reasons.length > 0) return reasons.join('; ');
    return file === null ? 'it wrote nothing' : null;
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

/** A name that no file system takes for anything else: what may not be in it is `_`. The id keeps apart what is called the same. */
export function logFileName({ name, id }: Pick<Resource, 'name' | 'id'>): string {
  const safe = (text: string, most: number) => text.slice(0, most).replace(/[^A-Za-z0-9._-]/g, '_');
  return `${safe(name, 80)}-${safe(id, 12)}.log`;
}
