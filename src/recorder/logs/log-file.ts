import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ByteBudget } from '../../lib/byte-budget';
import { makeDirectory } from '../../lib/make-directory';

/** Why a file lacks its beginning: its own limit, or the limit of all files together. */
export type Cut = 'log-limit' | 'logs-limit';

/**
 * A file that keeps the end of a log: at its limit, new bytes replace the oldest, in a ring. Gets
 * its name when it is closed, in order.
 */
export class LogFile {
  readonly path: string;
  readonly #unfinished: string;
  readonly #limit: number;
  readonly #space: ByteBudget;
  readonly #isLesser: boolean;
  #file: FileHandle | undefined;
  #size = 0;
  /** The ring's next position; undefined while the file grows. */
  #next: number | undefined;
  #cut: Cut | undefined;

  /** @param limit bytes */
  constructor(path: string, limit: number, space: ByteBudget, isLesser = false) {
    this.path = path;
    // Two runs' logs of one container can be written at a time.
    this.#unfinished = `${path}.${randomUUID().slice(0, 8)}.unfinished`;
    this.#limit = limit;
    this.#space = space;
    this.#isLesser = isLesser;
  }

  /** Why the beginning is missing, if it is. */
  get cut(): Cut | undefined {
    return this.#cut;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  async append(bytes: Buffer): Promise<void> {
    const grown = this.#next === undefined ? await this.#grow(bytes) : 0;
    if (grown < bytes.length) await this.#overwrite(bytes.subarray(grown));
  }

  /** Gives the file its name. Does nothing if nothing was written. */
  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await file.close();
    if (this.#next === undefined) await this.#publish(this.#unfinished);
    else await this.#straighten(this.#next, this.#cut ?? 'log-limit');
  }

  /** Removes everything that was written. */
  async discard(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    await rm(this.#unfinished, { force: true });
    this.#space.giveBack(this.#size);
    this.#size = 0;
  }

  async #grow(bytes: Buffer): Promise<number> {
    const wanted = Math.min(bytes.length, this.#limit - this.#size);
    const room = this.#space.take(wanted, !this.#isLesser);
    if (room > 0) await this.#write(bytes.subarray(0, room), this.#size);
    this.#size += room;
    if (room < bytes.length) {
      this.#next = 0;
      this.#cut = room < wanted ? 'logs-limit' : 'log-limit';
    }
    return room;
  }

  async #overwrite(bytes: Buffer): Promise<void> {
    if (this.#size === 0) return;
    // Skips bytes that this very call would overwrite.
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#size));
    const from = ((this.#next ?? 0) + (bytes.length - kept.length)) % this.#size;
    const first = kept.subarray(0, this.#size - from);
    await this.#write(first, from);
    if (first.length < kept.length) await this.#write(kept.subarray(first.length), 0);
    this.#next = (from + kept.length) % this.#size;
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    this.#file ??= await this.#open();
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, position + written);
      written += bytesWritten;
    }
  }

  async #open(): Promise<FileHandle> {
    await makeDirectory(dirname(this.path));
    return open(this.#unfinished, 'wx');
  }

  /** Copies the ring from its oldest whole line to its newest. */
  async #straighten(next: number, cut: Cut): Promise<void> {
    const whole = `${this.#unfinished}.whole`;
    const why = cut === 'log-limit' ? `${cut} is ${this.#limit}` : `${cut} is ${this.#space.limit}`;
    const mark = Buffer.from(`[cleanup-action: earlier output is cut off: ${why} bytes]\n`);
    await pipeline(() => this.#inOrder(next, mark), createWriteStream(whole, { flags: 'wx' }));
    await this.#publish(whole);
    await rm(this.#unfinished, { force: true });
  }

  /** Replaces an earlier log of the container, which this one contains. */
  async #publish(finished: string): Promise<void> {
    const before = await lstat(this.path).catch(() => undefined);
    await rename(finished, this.path);
    if (before) this.#space.giveBack(before.size);
  }

  async *#inOrder(next: number, mark: Buffer): AsyncGenerator<Buffer> {
    yield mark;
    let atLineStart = false;
    for (const part of [
      { start: next, end: this.#size - 1 },
      { start: 0, end: next - 1 },
    ]) {
      if (part.end < part.start) continue;
      for await (const chunk of createReadStream(this.#unfinished, part)) {
        const lineFeed = atLineStart ? -1 : chunk.indexOf('\n');
        if (!atLineStart && lineFeed < 0) continue;
        atLineStart = true;
        yield chunk.subarray(lineFeed + 1);
      }
    }
  }
}
