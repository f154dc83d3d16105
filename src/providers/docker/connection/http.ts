import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import { parseRetryAfter } from '../../../reaper/retry';

/** The engine's answer is cut off, or unexpected. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer';
}

/** The engine, or a proxy before it, said when to ask again. */
export class AskedToWait extends Error {
  override readonly name = 'AskedToWait';
  readonly statusCode: number;
  readonly retryAfterMs: number;

  constructor(statusCode: number, retryAfterMs: number) {
    super(`(HTTP code ${statusCode}) asked to wait for ${retryAfterMs / 1000} s`);
    this.statusCode = statusCode;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A redirect. Engines never redirect, and their client must not follow to another host. */
export class Redirected extends Error {
  override readonly name = 'Redirected';
  readonly statusCode: number;

  constructor(statusCode: number) {
    super(`(HTTP code ${statusCode}) a redirect, which is not followed: is this a Docker engine?`);
    this.statusCode = statusCode;
  }
}

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

type Callback = (error: Error | null, answer: unknown) => void;

/** A request to docker-modem. */
interface DialOptions {
  readonly method: string;
  readonly path: string;
  readonly isStream?: boolean;
}

/** The methods of docker-modem that make requests, which its types hide. */
interface Modem {
  dial(options: DialOptions & object, answered: Callback): void;
  buildRequest(...parts: readonly unknown[]): void;
}

function modemOf(docker: Docker): Modem {
  return docker.modem as unknown as Modem;
}

const STATUS_CODES = { 200: true, 204: true, 404: 'not found', 409: 'conflict', 500: 'server error' };

/**
 * Requests a JSON document.
 * @param parse throws `BrokenAnswer` for an unexpected document
 * @throws {BrokenAnswer} when the answer is not an object or a list
 * @throws dockerode's errors
 */
export function ask<T>(
  docker: Docker,
  path: string,
  abortSignal: AbortSignal,
  parse: (answer: unknown) => T = (answer) => answer as T,
  { method = 'GET', query }: Partial<Pick<EngineRequest, 'method' | 'query'>> = {},
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const options = { path: query ? withQuery(path, query) : path, method, abortSignal, statusCodes: STATUS_CODES };
  modemOf(docker).dial(options, (error, answer) => {
    if (error) return reject(error);
    try {
      resolve(parse(answer));
    } catch (thrown) {
      reject(nameRequest(asError(thrown), options));
    }
  });
  return promise;
}

/**
 * Opens a streamed answer. dockerode's own calls lack the signal, and do not destroy the stream.
 * @returns after the answer's head; the stream fails when the signal aborts or the connection
 *   breaks
 * @throws dockerode's errors
 */
export function openStream(docker: Docker, request: EngineRequest, abortSignal: AbortSignal): Promise<Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const path = withQuery(request.path, request.query);
  const options = { path, method: request.method, isStream: true, abortSignal, statusCodes: STATUS_CODES };
  modemOf(docker).dial(options, (error, answer) => {
    if (error) return reject(error);
    const stream = answer as Readable;
    stream.on('error', () => undefined); // The reader gets the error, too.
    resolve(stream);
  });
  return promise;
}

/** docker-modem cuts off the last character of a query. */
function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query)}&`;
}

/** Published before a request is sent: https://nodejs.org/api/diagnostics_channel.html#http */
const REQUEST_CREATED = 'http.client.request.created';

/**
 * Adds to all requests of a client:
 *
 * - errors name the request;
 * - an answer must be JSON if JSON was requested;
 * - an answer that breaks off is an error (docker-modem only listens to the request);
 * - redirects, and switches of the protocol, are errors;
 * - `Retry-After` is read.
 */
export function watchRequests(docker: Docker, clock: Clock): void {
  const modem = modemOf(docker);
  const { dial, buildRequest } = modem;
  const onCreated = (message: unknown) => watchAnswer((message as { readonly request: ClientRequest }).request, clock);
  modem.dial = (options, answered) => {
    const named = (error: Error) => answered(nameRequest(error, options), null);
    dial.call(modem, options, (error, answer) => {
      if (error) named(error);
      else if (expectsJson(options) && !isJson(answer))
        named(new BrokenAnswer('the answer is not JSON: is this a Docker engine?'));
      else answered(null, answer);
    });
  };
  modem.buildRequest = (...parts) => {
    // Synchronous: sees no other request.
    subscribe(REQUEST_CREATED, onCreated);
    try {
      buildRequest.apply(modem, [...parts]);
    } finally {
      unsubscribe(REQUEST_CREATED, onCreated);
    }
  };
}

/** Puts the request before the message, and keeps the error's class and fields. */
function nameRequest(error: Error, options: DialOptions): Error {
  // An abort's reason is the caller's own error.
  if (error.name !== 'AbortError') error.message = `${callOf(options)}: ${error.message.trim()}`;
  return error;
}

/** `GET /containers/{id}/json`: without ids, so that equal failures read alike. */
function callOf({ method, path }: DialOptions): string {
  const [pathname = ''] = path.split('?');
  return `${method} ${pathname.replace(/^(\/(?:containers|networks|volumes|images|services|secrets|configs)\/)(?!json$)[^/]+/, '$1{id}')}`;
}

function expectsJson({ method, isStream }: DialOptions): boolean {
  return method === 'GET' && isStream !== true;
}

/** docker-modem returns the bytes of answers that it can't parse. */
function isJson(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && !Buffer.isBuffer(answer);
}

function watchAnswer(request: ClientRequest, clock: Clock): void {
  const fail = (error: Error) => request.emit('error', error);
  // Before docker-modem's own listener, which follows redirects.
  request.prependOnceListener('response', (response: IncomingMessage) => {
    const error = refusalOf(response, clock);
    // docker-modem ignores all but the first result.
    if (error) fail(error);
    response.once('close', () => {
      if (!response.complete) fail(new BrokenAnswer('the connection ended in the middle of the answer'));
    });
  });
  request.once('upgrade', (_: IncomingMessage, socket: Duplex) => {
    socket.destroy();
    fail(switched());
  });
}

function switched(): BrokenAnswer {
  return new BrokenAnswer('(HTTP code 101) an answer in another protocol: is this a Docker engine?');
}

/** Errors in an answer's head that docker-modem ignores. */
function refusalOf({ statusCode = 0, headers }: IncomingMessage, clock: Clock): Error | undefined {
  if (statusCode >= 300 && statusCode <= 399 && headers.location !== undefined) {
    delete headers.location;
    return new Redirected(statusCode);
  }
  if (statusCode === 101) return switched();
  if (statusCode !== 429 && statusCode < 500) return undefined;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], clock.now());
  return retryAfterMs === undefined ? undefined : new AskedToWait(statusCode, retryAfterMs);
}
