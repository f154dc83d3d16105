import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, request as requestByTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

/** What goes wrong with one request. */
export type Fault =
  /** The engine never hears of it, and there is no answer. */
  | { readonly kind: 'hang' }
  /** The engine never hears of it, and the connection breaks. */
  | { readonly kind: 'reset' }
  /** The engine does it, and the connection breaks in the middle of its answer's body. */
  | { readonly kind: 'cut' }
  /** The engine does it, and its answer stops in the middle of the body. */
  | { readonly kind: 'stall' }
  /** The engine never hears of it, and the proxy answers in its place. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly retryAfter?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The engine never hears of it, and the proxy answers with these bytes, whatever they are. */
  | { readonly kind: 'raw'; readonly bytes: string }
  /** The engine hears of it so much later. */
  | { readonly kind: 'late'; readonly ms: number }
  /** The engine does it, and the proxy changes its JSON. */
  | { readonly kind: 'edit'; readonly edit: (answer: unknown) => unknown };

interface Rule {
  readonly fault: Fault;
  /** `DELETE /containers/abc?force=true`, without the version of the API. */
  readonly matches: (call: string) => boolean;
  left: number;
  failedAt?: number;
  askedAgainAt?: number;
}

/** What became of requests that are to be spoiled. */
export interface Spoiled {
  /** Milliseconds from the last one spoiled to the next that matches; infinite if there was none. */
  readonly askedAgainAfterMs: number;
}

/** A server by TLS at 127.0.0.1, and what the proxy needs to be taken for it. */
export interface TlsUpstream {
  readonly url: string;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** Stands between a client and the engine, or a cluster's API server, and spoils the requests that it is told to. */
export class FlakyProxy {
  /** For clients, once it has started. */
  url = '';
  /** All requests so far. */
  readonly calls: string[] = [];
  readonly #server: Server;
  readonly #directory: string;
  readonly #upstream: string | TlsUpstream;
  readonly #rules: Rule[] = [];

  private constructor(directory: string, upstream: string | TlsUpstream) {
    this.#directory = directory;
    this.#upstream = upstream;
    const listener: RequestListener = (incoming, answer) => {
      // Whatever breaks on one side breaks on the other; the client's verdict is what is tested.
      this.#handle(incoming, answer).catch(() => answer.destroy());
    };
    this.#server = typeof upstream === 'string' ? createServer(listener) : createTlsServer({ ...upstream }, listener);
  }

  /** @param upstream the engine's socket, or a server by TLS: then the proxy is one too */
  static async start(upstream: string | TlsUpstream): Promise<FlakyProxy> {
    const proxy = new FlakyProxy(await mkdtemp(join(tmpdir(), 'cleanup-proxy-')), upstream);
    const socket = join(proxy.#directory, 'proxy.sock');
    if (typeof upstream === 'string') proxy.#server.listen(socket);
    else proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    const address = proxy.#server.address();
    proxy.url = typeof address === 'string' ? `unix://${socket}` : `https://127.0.0.1:${(address as AddressInfo).port}`;
    return proxy;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Spoils so many of the requests that match, from now on. */
  spoil(fault: Fault, matches: RegExp | ((call: string) => boolean), times = Number.POSITIVE_INFINITY): Spoiled {
    const test = matches instanceof RegExp ? (call: string) => matches.test(call) : matches;
    const rule: Rule = { fault, matches: test, left: times };
    this.#rules.push(rule);
    return {
      get askedAgainAfterMs() {
        return (rule.askedAgainAt ?? Number.POSITIVE_INFINITY) - (rule.failedAt ?? 0);
      },
    };
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const call = `${incoming.method} ${incoming.url?.replace(/^\/v[\d.]+(?=\/)/, '')}`;
    this.calls.push(call);
    for (const rule of this.#rules.filter(({ matches, left }) => left === 0 && matches(call))) {
      rule.askedAgainAt ??= performance.now();
    }
    const rule = this.#rules.find(({ matches, left }) => left > 0 && matches(call));
    if (rule === undefined) return this.#forward(incoming, answer);
    rule.left -= 1;
    rule.failedAt = performance.now();
    return this.#fail(rule.fault, incoming, answer);
  }

  async #fail(fault: Fault, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    switch (fault.kind) {
      case 'hang':
        return;
      case 'reset':
        answer.destroy();
        return;
      case 'cut':
      case 'stall':
        await this.#half(incoming, answer);
        if (fault.kind === 'cut') answer.destroy();
        return;
      case 'late':
        await setTimeout(fault.ms);
        await this.#forward(incoming, answer);
        return;
      case 'raw':
        answer.socket?.end(fault.bytes);
        return;
      case 'edit': {
        const json = fault.edit(JSON.parse((await buffer(await this.#ask(incoming, answer))).toString()));
        answer.writeHead(200, { 'content-type': 'application/json' });
        answer.end(JSON.stringify(json));
        return;
      }
      case 'answer':
        answer.writeHead(fault.status, {
          'content-type': 'application/json',
          ...(fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }),
          ...fault.headers,
        });
        answer.end(fault.body ?? JSON.stringify({ message: `the proxy says ${fault.status}` }));
    }
  }

  async #forward(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const response = await this.#ask(incoming, answer);
    answer.writeHead(response.statusCode ?? 502, response.headers);
    answer.flushHeaders(); // A watch begins long before its first event.
    response.pipe(answer);
  }

  /** Lets the engine do it, and hands on the head and one half of what it says; one that says nothing breaks off before its first byte. */
  async #half(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await buffer(await this.#ask(incoming, answer));
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': Math.max(1, body.length) });
    answer.flushHeaders();
    const half = body.subarray(0, Math.floor(body.length / 2));
    if (half.length > 0) await new Promise((resolve) => answer.write(half, resolve));
  }

  async #ask(incoming: IncomingMessage, answer: ServerResponse): Promise<IncomingMessage> {
    const { method, url, headers } = incoming;
    const outgoing: ClientRequest =
      typeof this.#upstream === 'string'
        ? request({ socketPath: this.#upstream, method, path: url, headers })
        : requestByTls(new URL(url ?? '/', this.#upstream.url), { method, headers, ca: this.#upstream.ca });
    answer.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
    const [response]: IncomingMessage[] = await once(outgoing, 'response');
    if (response === undefined) throw new Error('a response without a response');
    return response;
  }
}
