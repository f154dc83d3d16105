import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type Credentials, checkAccess } from './access';
import { ApiError, errorBody } from './api-error';
import { type Fault, type FaultKind, Faults } from './faults';
import { Lifecycle } from './lifecycle';
import { Listing } from './listing';
import { type RateLimit, RateLimiter } from './rate-limit';
import type { RecordedRequest } from './request';
import { type Call, perform, type Rooms } from './routes';
import type { Sandbox, SandboxOptions } from './sandbox';
import { Store } from './store';
import { Timers } from './timers';

export type { Fault, FaultKind } from './faults';
export type { RecordedRequest } from './request';
export { type DesiredState, type Sandbox, type SandboxOptions, type State, states } from './sandbox';

/** How the server is. All times in milliseconds. */
export interface DaytonaServerOptions {
  /** What every answer takes, besides its work. */
  readonly latencyMs?: number;
  /** What starting, stopping and destroying take after they were accepted. */
  readonly transitionMs?: number;
  /** What a plain stop takes of a sandbox that does not hear it. Meanwhile nothing else can be asked of it. */
  readonly deafMs?: number;
  /** For so long after a change every other listing tells of a sandbox as it was before: deleted ones come and go. About 2 s with Daytona. */
  readonly listingLagMs?: number;
  /** For so long a destroyed sandbox is shown by its id as `destroyed`, before it is not found. */
  readonly destroyedMs?: number;
  /** `array`: as old self-hosted servers do, which know no pages, and of the parameters only `labels`. */
  readonly listings?: 'cursor' | 'array';
  /** False: as v0.190, which ignores a time to live. */
  readonly knowsTtl?: boolean;
  /** What a minute of a time to live takes. */
  readonly minuteMs?: number;
  /** For what makes a sandbox, for what changes its life, and for all other requests, each. */
  readonly rateLimit?: RateLimit;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that the server may still write on. */
type OpenRecord = { -readonly [key in keyof RecordedRequest]: RecordedRequest[key] };

/**
 * Daytona's API as the action meets it: an HTTP server with sandboxes that take their time, listings that lag, and faults to order.
 * `test/daytona/server.test.ts` holds it to what Daytona's own client expects.
 */
export class DaytonaServer implements Credentials {
  readonly apiKey = 'dtn_the-key';
  readonly noDeleteKey = 'dtn_a-key-without-delete-sandboxes';
  readonly noWriteKey = 'dtn_a-key-without-write-sandboxes';
  readonly readOnlyKey = 'dtn_a-key-without-either';
  readonly jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0In0.';
  readonly organizationId = '0f7ad3b4-9b0f-4a51-8f0c-6c2d7a3f1e55';
  readonly #server: Server;
  readonly #rooms: Rooms;
  readonly #timers = new Timers();
  readonly #faults = new Faults();
  readonly #limiter: RateLimiter | undefined;
  readonly #latencyMs: number;
  readonly #closing = new AbortController();
  readonly #requests: RecordedRequest[] = [];
  #sockets = 0;

  private constructor(options: DaytonaServerOptions) {
    const { latencyMs = 0, transitionMs = 30, deafMs = 1_000, listingLagMs = 0, destroyedMs = 0, rateLimit } = options;
    const { listings = 'cursor', knowsTtl = true, minuteMs = 60_000 } = options;
    const store = new Store(listingLagMs, this.#timers);
    const lifecycle = new Lifecycle(store, this.#timers, { transitionMs, deafMs, destroyedMs }, this.organizationId);
    const { organizationId } = this;
    this.#rooms = { store, lifecycle, listing: new Listing(store), organizationId, listings, knowsTtl, minuteMs };
    this.#limiter = rateLimit && new RateLimiter(rateLimit);
    this.#latencyMs = latencyMs;
    this.#server = createServer((incoming, response) => {
      // A client that hangs up, or the server's end, is no fault of the server's.
      this.#handle(incoming, response).catch(() => response.destroy());
    });
    this.#server.on('connection', () => {
      this.#sockets += 1;
    });
    // Clients may ask for events. There are none to be had, and they look for themselves instead.
    this.#server.on('upgrade', (_, socket) => {
      // The connection is no longer the server's: a client that breaks it must not break the test.
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
    });
  }

  static async start(options: DaytonaServerOptions = {}): Promise<DaytonaServer> {
    const server = new DaytonaServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  /** Ends all connections, and whatever sandboxes are still about to do. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#timers.clear();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api`;
  }

  /** All requests so far. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  /** How many connections clients have made so far. */
  get sockets(): number {
    return this.#sockets;
  }

  /** Puts a sandbox there: a started one, made now, unless told otherwise. One in transition goes on by itself. */
  add(sandbox: Partial<SandboxOptions> = {}): Sandbox {
    const added = this.#rooms.lifecycle.add(sandbox);
    this.#rooms.store.settle(added.id);
    return added;
  }

  /** The sandbox as it is now; undefined when it is gone. */
  get(id: string): Sandbox | undefined {
    return this.#rooms.store.get(id);
  }

  /** What something else does to a sandbox. A new `state` brings the desired state that goes with it, unless that is given too. */
  change(id: string, to: Partial<SandboxOptions>): void {
    const sandbox = this.get(id);
    if (!sandbox) throw new Error(`no sandbox ${id} to change`);
    this.#rooms.lifecycle.change(sandbox, to);
  }

  /** Takes a sandbox away at once, as if it had never been. */
  remove(id: string): void {
    this.#rooms.store.remove(id);
  }

  count(method: string, path: RegExp): number {
    return this.#requests.filter((request) => request.method === method && path.test(request.path)).length;
  }

  fault(fault: Fault): void {
    this.#faults.add(fault);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost');
    const { method = 'GET', headers } = incoming;
    const path = pathname.replace(/^\/api(?=\/|$)/, '');
    const record: OpenRecord = { method, path, query: searchParams, headers, at: Date.now(), status: undefined };
    this.#requests.push(record);
    const fault = this.#faults.next(record);
    const body = await text(incoming);
    const isWork = fault === undefined || fault.after === true || fault.answer === 'cut' || fault.answer === 'stall';
    const answer = isWork ? this.#answer({ method, path, query: searchParams }, body, headers) : undefined;
    if (this.#latencyMs > 0) await pause(this.#latencyMs, undefined, { signal: this.#closing.signal });
    if (fault) await this.#spoil(fault.answer, answer, record, response);
    else if (answer) send(answer, record, response);
  }

  #answer(call: Omit<Call, 'body'>, body: string, headers: IncomingMessage['headers']): Answer {
    let limits = {};
    try {
      checkAccess(this, call.method, headers);
      limits = this.#limiter?.take(call.method, call.path) ?? {};
      const done = perform(this.#rooms, { ...call, body: readBody(body) });
      return { status: 200, headers: limits, body: JSON.stringify(done) };
    } catch (error) {
      if (error instanceof ApiError) return errorAnswer(call.path, error.status, error.message, { ...limits, ...error.headers });
      return errorAnswer(call.path, 500, `the test's server failed: ${inspect(error)}`);
    }
  }

  async #spoil(kind: FaultKind, answer: Answer | undefined, record: OpenRecord, response: ServerResponse): Promise<void> {
    switch (kind) {
      case 'hang':
        return;
      case 'reset':
        response.destroy();
        return;
      case 'cut':
        await sendHalf(answer, record, response);
        response.destroy();
        return;
      case 'stall':
        return sendHalf(answer, record, response);
      case 'garbage': {
        const body = '<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>';
        return send({ status: 200, headers: { 'content-type': 'text/html' }, body }, record, response);
      }
      case 'empty':
        return send({ status: 200, headers: {}, body: '' }, record, response);
      default:
        return send(ordered(kind, record.path), record, response);
    }
  }
}

function ordered(kind: Extract<FaultKind, object>, path: string): Answer {
  const { status, body, message = `the test says ${status}`, headers = {} } = kind;
  if (body === undefined) return errorAnswer(path, status, message, headers);
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function errorAnswer(path: string, status: number, message: string, headers: Answer['headers'] = {}): Answer {
  return { status, headers, body: JSON.stringify(errorBody(`/api${path}`, status, message)) };
}

/** @throws ApiError 400 */
function readBody(text: string): Call['body'] {
  if (text === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) return { ...body };
  } catch {
    // What is no JSON is no object either.
  }
  throw new ApiError(400, 'Unexpected token in JSON');
}

function send({ status, headers, body }: Answer, record: OpenRecord, response: ServerResponse): void {
  record.status = status;
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body);
}

/** Sends the head and one half of the body. */
async function sendHalf(answer: Answer | undefined, record: OpenRecord, response: ServerResponse): Promise<void> {
  if (answer === undefined) return;
  const { status, headers, body } = answer;
  record.status = status;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers, 'content-length': length });
  await new Promise((resolve) => response.write(body.slice(0, Math.ceil(body.length / 2)), resolve));
}
