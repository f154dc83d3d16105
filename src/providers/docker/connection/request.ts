import type Docker from 'dockerode';

/** The part of docker-modem that makes a request; its own types leave it open. */
interface Modem {
  dial(request: object, answered: (error: Error | null, answer: unknown) => void): void;
}

/**
 * What the engine answers at a path. For those calls to which dockerode hands on no signal (`inspect` of networks and images): a request
 * that can't be ended keeps its socket, and the process with it.
 * @throws what dockerode's own calls throw
 */
export function ask<T>(docker: Docker, path: string, abortSignal: AbortSignal): Promise<T> {
  const modem: Modem = docker.modem;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const statusCodes = { 200: true, 404: 'not found', 500: 'server error' };
  modem.dial({ path, method: 'GET', abortSignal, statusCodes }, (error, answer) => {
    if (error) reject(error);
    else resolve(answer as T);
  });
  return promise;
}
