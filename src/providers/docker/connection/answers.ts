import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type Docker from 'dockerode';
import { parseRetryAfter } from '../../../reaper/retry';

/** The engine's answer broke off, or is not what was asked for. */
export class BrokenAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** The engine, or what stands before it, said when to ask again. */
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

/** The part of docker-modem that makes a request; its declared types call it private. */
interface Modem {
  buildRequest(...parts: readonly unknown[]): void;
}

/** https://nodejs.org/api/diagnostics_channel.html#http: published while a request is being made, before anything is sent. */
const REQUEST_CREATED = 'http.client.request.created';

/**
 * Makes up for what docker-modem leaves out: it never calls back when a connection ends in the middle of an answer (it listens to the
 * request, and Node tells only the response), and hands on no header.
 */
export function watchAnswers(docker: Docker): void {
  const modem = docker.modem as unknown as Modem;
  const buildRequest = modem.buildRequest;
  modem.buildRequest = (...parts) => {
    // Nobody else's request can be made before this returns.
    subscribe(REQUEST_CREATED, onCreated);
    try {
      buildRequest.apply(modem, [...parts]);
    } finally {
      unsubscribe(REQUEST_CREATED, onCreated);
    }
  };
}

function onCreated(message: unknown): void {
  const { request } = message as { readonly request: ClientRequest };
  request.once('response', (response: IncomingMessage) => {
    const wait = waitOf(response);
    if (wait) request.emit('error', wait);
    response.once('close', () => {
      // docker-modem takes the first word that it gets: after the end of an answer, or of a stream, nobody listens to this.
      if (!response.complete) request.emit('error', new BrokenAnswer('the connection ended in the middle of the answer'));
    });
  });
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function waitOf({ statusCode = 0, headers }: IncomingMessage): AskedToWait | undefined {
  if (statusCode !== 429 && statusCode < 500) return undefined;
  const retryAfterMs = parseRetryAfter(headers['retry-after'], Date.now());
  return retryAfterMs === undefined ? undefined : new AskedToWait(statusCode, retryAfterMs);
}
