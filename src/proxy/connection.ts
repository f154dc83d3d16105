import type { Duplex } from 'node:stream';
import { askOver } from './ask';
import type { Dial } from './dial';
import { type BodyScanner, scannerOf } from './framing';
import {
  BadMessage,
  parseRequest,
  parseResponse,
  type RequestHead,
  type ResponseHead,
  responseFraming,
  valuesOf,
  withFields,
} from './http-head';
import { Peer, pump } from './peer';
import { rewritten } from './rewritten';
import type { Rewrite, Rules } from './rules';

/**
 * The longest body that is held to be changed, in bytes. Most have a few KiB, secrets and configs up
 * to 1.4 MiB (https://docs.docker.com/engine/swarm/secrets/). A longer one passes unchanged:
 * unlabelled is better than broken.
 */
export const MAX_REWRITTEN_BYTES = 16 * 1024 * 1024;

/** One request and its response. */
interface Exchange {
  readonly method: string;
  /**
   * `next`: another request may follow. `raw`: after the response's head, the connection is two
   * streams of bytes. `over`: nothing follows.
   */
  readonly outcome: PromiseWithResolvers<'next' | 'raw' | 'over'>;
}

/**
 * Serves one client's connection to its end, over a new connection to the server. Passes on closes,
 * half-closes and delays. Requests pass one at a time. After a 101, or a response that ends only with
 * the connection (the engine's old way to hijack), both directions are streams of bytes.
 */
export async function serve(client: Duplex, dial: Dial, rules: Rules): Promise<void> {
  await new ProxiedConnection(new Peer(client), dial, rules).run();
}

class ProxiedConnection {
  readonly #client: Peer;
  readonly #dial: Dial;
  readonly #rules: Rules;
  #server: Peer | undefined;
  #responses: Promise<unknown> | undefined;
  /** The exchange that the client waits for. */
  #exchange: Exchange | undefined;
  /** The client's bytes are passed on without being read as requests. */
  #isRaw = false;

  constructor(client: Peer, dial: Dial, rules: Rules) {
    this.#client = client;
    this.#dial = dial;
    this.#rules = rules;
  }

  async run(): Promise<void> {
    try {
      await this.#requests();
      this.#server?.end();
      await this.#responses;
    } catch (error) {
      await this.#refuse(error);
    } finally {
      this.#client.close();
      this.#server?.destroy();
    }
  }

  /** Passes on requests. */
  async #requests(): Promise<void> {
    for (;;) {
      const bytes = await this.#client.readHead();
      const request = bytes && understood(parseRequest, bytes);
      if (request === undefined) return this.#raw(bytes);
      const server = await this.#connected();
      const exchange: Exchange = { method: request.method, outcome: Promise.withResolvers() };
      this.#exchange = exchange;
      await this.#send(request, server);
      if ((await this.#outcome(exchange, server)) !== 'next') return pump(this.#client, server);
    }
  }

  /**
   * Passes on what is no request: half a head, an odd or overlong one, HTTP/2 from the first byte.
   * The server judges it. What follows is unlabelled, but not broken.
   */
  async #raw(bytes: Buffer | undefined): Promise<void> {
    if (this.#client.hasEnded) return;
    this.#isRaw = true;
    const server = await this.#connected();
    if (bytes !== undefined) await server.write(bytes);
    await pump(this.#client, server);
  }

  /** Waits for the end of an exchange. Tells the server when the client ends first: it may give up. */
  async #outcome({ outcome }: Exchange, server: Peer): Promise<'next' | 'raw' | 'over'> {
    const result = await Promise.race([outcome.promise, this.#client.readable()]);
    if (result !== undefined) return result;
    if (this.#client.hasEnded) server.end();
    return outcome.promise;
  }

  async #send(request: RequestHead, server: Peer): Promise<void> {
    const scanner = scannerOf(request.framing);
    const { host } = this.#rules;
    await this.#rules.hold?.(request);
    const fields = host === undefined ? {} : { host };
    const rewrite = this.#rules.rewriteOf(request);
    if (rewrite) return this.#sendRewritten(request, scanner, fields, rewrite, server);
    await server.write(host === undefined ? request.bytes : withFields(request, fields));
    await forwardBody(this.#client, scanner, server);
  }

  async #sendRewritten(
    request: RequestHead,
    scanner: BodyScanner,
    fields: Readonly<Record<string, string>>,
    rewrite: Rewrite,
    server: Peer,
  ): Promise<void> {
    // The client sends its body only after this, and the server gets the request only with its body.
    const expects = valuesOf(request, 'expect').length > 0;
    if (expects && !scanner.done) await this.#client.write(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
    const passedOn = expects ? { ...fields, expect: undefined } : fields;
    const { raw, content } = await hold(this.#client, scanner);
    const ask = askOver(this.#dial, request, this.#rules.host);
    const body = scanner.done ? await rewritten(request, content, rewrite, ask) : undefined;
    if (body !== undefined) {
      const framing = { 'transfer-encoding': undefined, trailer: undefined, 'content-length': String(body.length) };
      await server.write(Buffer.concat([withFields(request, { ...passedOn, ...framing }), body]));
      return;
    }
    const head = Object.keys(passedOn).length === 0 ? request.bytes : withFields(request, passedOn);
    await server.write(Buffer.concat([head, ...raw]));
    await forwardBody(this.#client, scanner, server);
  }

  async #connected(): Promise<Peer> {
    if (this.#server) return this.#server;
    const stream = await this.#dial().catch((cause: unknown) => {
      throw new Unreachable('the server can’t be reached', { cause });
    });
    const server = new Peer(stream);
    this.#server = server;
    this.#responses = Promise.all([this.#answer(server), this.#endWithClient(server)]);
    return server;
  }

  /** Leaves the server when the client reads no more. */
  async #endWithClient(server: Peer): Promise<void> {
    await this.#client.deaf;
    server.destroy();
  }

  /** Passes on responses until the server ends. */
  async #answer(server: Peer): Promise<void> {
    try {
      let mayFollow = !this.#isRaw;
      while (mayFollow) mayFollow = await this.#response(server);
      await pump(server, this.#client);
    } finally {
      this.#exchange?.outcome.resolve('over');
    }
    // Leave the client when the server has ended and reads no more.
    await Promise.race([server.deaf, this.#client.deaf]);
    this.#client.close();
  }

  /** @returns whether another response may follow: not after one that ends with the connection */
  async #response(server: Peer): Promise<boolean> {
    const head = await this.#responseHead(server);
    if (head === undefined) return false;
    await this.#client.write(head.bytes);
    if (head.status >= 100 && head.status < 200 && head.status !== 101) return true;
    const exchange = this.#exchange;
    const framing = head.status === 101 ? undefined : responseFraming(head, exchange?.method ?? '');
    if (framing === undefined || framing.kind === 'until-close' || exchange === undefined) {
      exchange?.outcome.resolve('raw');
      return false;
    }
    if (!(await forwardBody(server, scannerOf(framing), this.#client))) return false;
    this.#exchange = undefined;
    exchange.outcome.resolve('next');
    return true;
  }

  /** @returns undefined at the end, and if it is no response: then only bytes are passed on */
  async #responseHead(server: Peer): Promise<ResponseHead | undefined> {
    const bytes = await server.readHead();
    const head = bytes && understood(parseResponse, bytes);
    if (head !== undefined) return head;
    if (bytes !== undefined) server.unread(bytes);
    this.#exchange?.outcome.resolve('raw');
    return undefined;
  }

  /** Answers that the server is unreachable, which the first request shows. */
  async #refuse(error: unknown): Promise<void> {
    if (!(error instanceof Unreachable)) throw error;
    const body = JSON.stringify({ message: `cleanup-action’s proxy: ${messageOf(error)}` });
    const head = ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'];
    await this.#client.write(Buffer.from(['HTTP/1.1 503 Service Unavailable', ...head, '', body].join('\r\n')));
  }
}

/** The server can't be reached. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

function messageOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/**
 * Passes on a body as it comes.
 * @returns whether it came to its end
 */
async function forwardBody(from: Peer, scanner: BodyScanner, to: Peer): Promise<boolean> {
  while (!scanner.done) {
    const bytes = await from.read();
    if (bytes === undefined) return false;
    const taken = take(from, scanner, bytes);
    await to.write(taken === bytes.length ? bytes : bytes.subarray(0, taken));
  }
  return true;
}

/**
 * Reads a body until it ends, is malformed, or is too long to be held.
 * @returns `raw` as it came, `content` without its framing
 */
async function hold(from: Peer, scanner: BodyScanner): Promise<{ readonly raw: readonly Buffer[]; readonly content: Buffer }> {
  const [raw, content]: [Buffer[], Buffer[]] = [[], []];
  let held = 0;
  while (!scanner.done && !scanner.lost && held <= MAX_REWRITTEN_BYTES) {
    const bytes = await from.read();
    if (bytes === undefined) break;
    const taken = take(from, scanner, bytes, content);
    raw.push(bytes.subarray(0, taken));
    held += taken;
  }
  return { raw, content: Buffer.concat(content) };
}

/** Takes what belongs to the body; the rest is put back. */
function take(from: Peer, scanner: BodyScanner, bytes: Buffer, content?: Buffer[]): number {
  const taken = scanner.take(bytes, content);
  from.unread(bytes.subarray(taken));
  return taken;
}

function understood<Head>(parse: (bytes: Buffer) => Head, bytes: Buffer): Head | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof BadMessage) return undefined;
    throw error;
  }
}
