import type { Readable } from 'node:stream';
import type Docker from 'dockerode';

/** The part of docker-modem that makes a request; its own types leave it open. */
interface Modem {
  dial(request: object, answered: (error: Error | null, answer: unknown) => void): void;
}

export interface StreamRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/**
 * Opens what the engine sends bit by bit. dockerode's own calls declare neither the signal nor a stream that is destroyed with it.
 * @returns when the engine has answered with a head; the stream ends with an error when the signal aborts or the connection breaks
 * @throws what dockerode's own calls throw
 */
export function openStream(docker: Docker, request: StreamRequest, abortSignal: AbortSignal): Promise<Readable> {
  const modem: Modem = docker.modem;
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  // docker-modem takes the last character of a query away.
  const path = `${request.path}?${new URLSearchParams(request.query)}&`;
  const statusCodes = { 200: true, 404: 'not found', 409: 'conflict', 500: 'server error' };
  modem.dial({ path, method: request.method, isStream: true, abortSignal, statusCodes }, (error, answer) => {
    if (error) return reject(error);
    const stream = answer as Readable;
    stream.on('error', () => undefined); // Nobody may be reading when it breaks; who reads gets the error.
    resolve(stream);
  });
  return promise;
}
