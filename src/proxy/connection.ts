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
 * Bytes of a body that is held to be changed. Bodies that create something have a few KiB; of secrets and configs up to about 1.4 MiB
 * (https://docs.docker.com/engine/swarm/secrets/). A longer one passes as it is: unlabelled is better than broken.
 */
export const MAX_REWRITTEN_BYTES = 16 * 1024 * 1024;

/** One request and its response. */
interface Exchange {
  readonly method: string;
  /** `raw`: from the response's head on, the connection is two streams of bytes. `over`: nothing more will come. */
  readonly outcome: PromiseWithResolvers<'next' | 'raw' | 'over'>;
}

/**
 * Serves one client's connection to its end, over a connection of its own to the server: closes, half-closes and delays are on one side
 * what they are on the other. Requests go through one at a time; a response that takes the connection over (101, or one that has no end but
 * the connection's, as the engine's old hijacking has) leaves two streams of bytes.
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
  /** The one that the client waits for. */
  #exchange: Exchange | undefined;
  /** There are no more requests to be understood. */
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

  /** From the client to the server. */
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
   * What is left can’t be understood: the beginning of a head before the end, a head that is odd or too long, HTTP/2 from the first
   * byte. It is for the server to judge: what comes after it is unlabelled, but not broken.
   */
  async #raw(bytes: Buffer | undefined): Promise<void> {
    if (this.#client.hasEnded) return;
    this.#isRaw = true;
    const server = await this.#connected();
    if (bytes !== undefined) await server.write(bytes);
    await pump(this.#client, server);
  }

  /** Until the response is there, the client may end: a server gives up what it was at when it sees that. */
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
    // The client waits for leave to send its body, and the server would not see the request before it has come.
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

  /** A client that doesn't read any more is gone: the server is not left waiting for it. */
  async #endWithClient(server: Peer): Promise<void> {
    await this.#client.deaf;
    server.destroy();
  }

  /** From the server to the client, until the server ends. */
  async #answer(server: Peer): Promise<void> {
    try {
      let mayFollow = !this.#isRaw;
      while (mayFollow) mayFollow = await this.#response(server);
      await pump(server, this.#client);
    } finally {
      this.#exchange?.outcome.resolve('over');
    }
    // A server that has ended and doesn't read is gone: the client is not left waiting for it.
    await Promise.race([server.deaf, this.#client.deaf]);
    this.#client.close();
  }

  /** @returns whether another response may follow; not after one whose end is the connection's */
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

  /** @returns undefined at the end, and where a server says what no client understands: then all there is is bytes */
  async #responseHead(server: Peer): Promise<ResponseHead | undefined> {
    const bytes = await server.readHead();
    const head = bytes && understood(parseResponse, bytes);
    if (head !== undefined) return head;
    if (bytes !== undefined) server.unread(bytes);
    this.#exchange?.outcome.resolve('raw');
    return undefined;
  }

  /** Says that the server can’t be reached. It is found out with the first request. */
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
 * Hands a body on as it comes.
 * @returns whether its end has come
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

/** Reads a body until it ends, is malformed or is too long to be held: `raw` as it came, `content` without its framing. */
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
