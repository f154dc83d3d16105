import type { Duplex } from 'node:stream';
import { endOfHead, MAX_HEAD_BYTES } from './http-head';

/** The maximum number of unread bytes: then the other end has to wait. */
const MAX_WAITING_BYTES = 64 * 1024;

/**
 * One end of a proxied connection. Reads can be put back, and writes wait for room. To a reader, a
 * broken stream has ended.
 */
export class Peer {
  readonly #stream: Duplex;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  readonly #deaf = Promise.withResolvers<void>();
  /** Resolves when a write has failed: the other end reads no more. Its own bytes can still be read. */
  readonly deaf = this.#deaf.promise;
  #isDeaf = false;
  /** Exists only while something waits: most changes are of no interest. */
  #change: PromiseWithResolvers<void> | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    outliveFailedWrites(stream, () => this.#becomeDeaf());
    stream.on('data', (bytes: Buffer) => this.#arrived(bytes));
    stream.once('end', () => this.#end());
    stream.once('close', () => {
      this.#becomeDeaf();
      this.#end();
    });
    stream.on('drain', () => this.#changed());
    stream.on('error', () => undefined); // It closes, which is seen.
  }

  /** The stream has ended or broken, and everything is read. */
  get hasEnded(): boolean {
    return this.#ended && this.#waiting.length === 0;
  }

  /** Resolves when there is something to read, or the end. */
  async readable(): Promise<void> {
    while (this.#waiting.length === 0 && !this.#ended) await this.#nextChange();
  }

  /** @returns undefined at the end */
  async read(): Promise<Buffer | undefined> {
    await this.readable();
    const bytes = this.#waiting.shift();
    this.#waitingBytes -= bytes?.length ?? 0;
    if (this.#waitingBytes < MAX_WAITING_BYTES && this.#stream.isPaused()) this.#stream.resume();
    return bytes;
  }

  /** Puts back what was read too far. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
  }

  /**
   * Reads up to and including the empty line that ends a head.
   * @returns undefined at the end, and for an overlong head; what came is put back
   */
  async readHead(): Promise<Buffer | undefined> {
    let bytes: Buffer = Buffer.alloc(0);
    for (let more = await this.read(); more !== undefined; more = await this.read()) {
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      const end = endOfHead(bytes);
      if (end !== undefined) {
        this.unread(bytes.subarray(end));
        return bytes.subarray(0, end);
      }
      if (bytes.length > MAX_HEAD_BYTES) break;
    }
    this.unread(bytes);
    return undefined;
  }

  /** Resolves when there is room for more, or the other end reads no more. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#isDeaf || bytes.length === 0 || this.#stream.writableEnded) return;
    if (this.#stream.write(bytes)) return;
    while (this.#stream.writableNeedDrain && !this.#isDeaf) await this.#nextChange();
  }

  /** Ends this direction; the other may go on. */
  end(): void {
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  /** Closes after everything is sent. */
  close(): void {
    if (this.#stream.destroyed) return;
    this.end();
    if (this.#isDeaf || this.#stream.writableFinished) this.#stream.destroy();
    else this.#stream.once('finish', () => this.#stream.destroy());
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #arrived(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#stream.pause();
    this.#changed();
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }

  #becomeDeaf(): void {
    this.#isDeaf = true;
    this.#deaf.resolve();
    this.#changed();
  }

  /** Waits until something came, ended, became deaf or has room again. */
  async #nextChange(): Promise<void> {
    this.#change ??= Promise.withResolvers();
    await this.#change.promise;
  }

  #changed(): void {
    const change = this.#change;
    this.#change = undefined;
    change?.resolve();
  }
}

/**
 * Keeps a stream alive when a write fails. Node would destroy it, with an answer that has come: an
 * engine that refuses a request answers and closes while the body is still being sent.
 */
function outliveFailedWrites(stream: Duplex, failed: () => void): void {
  const outliving = (done: (error?: Error | null) => void) => (error?: Error | null) => {
    if (error) failed();
    done();
  };
  const write = stream._write.bind(stream);
  stream._write = (bytes, encoding, done) => write(bytes, encoding, outliving(done));
  const writeMany = stream._writev?.bind(stream);
  if (writeMany) stream._writev = (chunks, done) => writeMany(chunks, outliving(done));
  const final = stream._final.bind(stream);
  stream._final = (done) => final(outliving(done));
}

/** Passes on all bytes, and then the end. */
export async function pump(from: Peer, to: Peer): Promise<void> {
  for (let bytes = await from.read(); bytes !== undefined; bytes = await from.read()) await to.write(bytes);
  to.end();
}
