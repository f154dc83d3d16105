import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';
import { asError } from '../../../lib/errors';
import { parseRetryAfter } from '../../../reaper/retry';

/** The engine's answer broke off, or is not what was asked for. */
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

/** The answer leads elsewhere. An engine never does that, and its client must not be led to another host. */
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

/** What docker-modem is asked for. */
interface DialOptions {
  readonly method: string;
  readonly path: string;
  readonly isStream?: boolean;
}

/** The parts of docker-modem that make requests; its declared types leave them open, or call them private. */
interface Modem {
  dial(options: DialOptions & object, answered: Callback): void;
  buildRequest(...parts: readonly unknown[]): void;
}

function modemOf(docker: Docker): Modem {
  return docker.modem as unknown as Modem;
}

const STATUS_CODES = { 200: true, 204: true, 404: 'not found', 409: 'conflict', 500: 'server error' };

/**
 * Asks the engine for a JSON document.
 * @param parse makes what is needed of it; throws `BrokenAnswer` for what it can't be made of
 * @throws {BrokenAnswer} when the answer is not an object or a list
 * @throws what dockerode's own calls throw
 */
export function ask<T>(
  docker: Docker,
  path: string,
  abortSignal: AbortSignal,
  parse: (answer: unknown) => T = (answer) => answer as T,
  query?: Readonly<Record<string, string>>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const options = { path: query ? withQuery(path, query) : path, method: 'GET', abortSignal, statusCodes: STATUS_CODES };
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
 * Opens an answer that comes bit by bit. dockerode's own calls declare neither the signal nor a stream that is destroyed with it.
 * @returns when the engine has answered with a head; the stream ends with an error when the signal aborts or the connection breaks
 * @throws what dockerode's own calls throw
 */
export function openStream(docker: Docker, request: EngineRequest, abortSignal: AbortSignal): Promise<Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const path = withQuery(request.path, request.query);
  const options = { path, method: request.method, isStream: true, abortSignal, statusCodes: STATUS_CODES };
  modemOf(docker).dial(options, (error, answer) => {
    if (error) return reject(error);
    const stream = answer as Readable;
    stream.on('error', () => undefined); // It may break while it is not read; the reader gets the error.
    resolve(stream);
  });
  return promise;
}

/** docker-modem takes the last character of a query away. */
function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query)}&`;
}

/** https://nodejs.org/api/diagnostics_channel.html#http: published while a request is being made, before anything is sent. */
const REQUEST_CREATED = 'http.client.request.created';

/**
 * Adds what docker-modem leaves out, for all requests of a client:
 *
 * - the error names the request;
 * - what is not JSON is an error, where JSON was asked for;
 * - an answer that breaks off is an error (docker-modem listens to the request, and Node tells only the response);
 * - redirects are errors, as is a switch of protocols (Node would hang up without a word);
 * - `Retry-After` is read.
 */
export function watchRequests(docker: Docker): void {
  const modem = modemOf(docker);
  const { dial, buildRequest } = modem;
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
    // No other request can be made before this returns.
    subscribe(REQUEST_CREATED, onCreated);
    try {
      buildRequest.apply(modem, [...parts]);
    } finally {
      unsubscribe(REQUEST_CREATED, onCreated);
    }
  };
}

/** Puts the request before the message. In place: class and fields of the error say what it means. */
function nameRequest(error: Error, options: DialOptions): Error {
  // The abort's reason is the caller's own error, and says more.
  if (error.name !== 'AbortError') error.message = `${callOf(options)}: ${error.message.trim()}`;
  return error;
}

/** `GET /containers/{id}/json`: without ids, so that the same failure of many resources is one text. */
function callOf({ method, path }: DialOptions): string {
  const [pathname = ''] = path.split('?');
  return `${method} ${pathname.replace(/^(\/(?:containers|networks|volumes|images)\/)(?!json$)[^/]+/, '$1{id}')}`;
}

function expectsJson({ method, isStream }: DialOptions): boolean {
  return method === 'GET' && isStream !== true;
}

/** docker-modem hands on the bytes of what it can't parse. */
function isJson(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && !Buffer.isBuffer(answer);
}

function onCreated(message: unknown): void {
  const { request } = message as { readonly request: ClientRequest };
  const fail = (error: Error) => request.emit('error', error);
  // Before docker-modem's own listener, which follows redirects.
  request.prependOnceListener('response', (response: IncomingMessage) => {
    const error = refusalOf(response);
    // docker-modem takes the first word that it gets: later ones have no effect.
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

/** What a head says that docker-modem does not understand. */
function refusalOf({ statusCode = 0, headers }: IncomingMessage): Error | undefined {
  if (statusCode >= 300 && statusCode <= 399 && headers.location !== undefined) {
    delete headers.location;
    return new Redirected(statusCode);
  }
  if (statusCode === 101) return switched();
  if (statusCode !== 429 && statusCode < 500) return undefined;
  // https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
  const retryAfterMs = parseRetryAfter(headers['retry-after'], Date.now());
  return retryAfterMs === undefined ? undefined : new AskedToWait(statusCode, retryAfterMs);
}
