import type { ErrorClass } from '../../core/provider';
import { Unreachable, UnreadableAnswer } from '../../lib/http-errors';

/** An answer of the API server, or of something before it, other than success. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly statusCode: number;
  /** The API's own word: `NotFound`, `Conflict`. Absent in an answer that is not the API's. */
  readonly reason: string | undefined;
  /** When to ask again, if the server said so. */
  readonly retryAfterMs: number | undefined;

  /**
   * @param request without a name, so that equal failures read alike: `DELETE pods`
   * @param says the server's own sentence
   */
  constructor(
    request: string,
    statusCode: number,
    says: string,
    { reason, retryAfterMs }: { reason?: string; retryAfterMs?: number } = {},
  ) {
    super(`${request}: ${statusCode} ${says}`);
    this.statusCode = statusCode;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The credentials can't be had: a plugin failed, a file is missing. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials';
}

/**
 * Retryable statuses below 500: 408 (timeout), 409 (changed meanwhile), 410 (the list is too old to go on), 425, 429 (too
 * many requests, which can come as plain text).
 */
const RETRYABLE: ReadonlySet<number> = new Set([408, 409, 410, 425, 429]);

/** Statuses from 500 on that do not pass: not implemented, wrong HTTP, a loop, a network's login page. */
const PERMANENT: ReadonlySet<number> = new Set([501, 505, 506, 508, 510, 511]);

/** The meaning of an error for a removal. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof UnreadableAnswer) return { kind: 'retryable' };
  if (error instanceof Unreachable) return { kind: error.mayPass ? 'retryable' : 'permanent' };
  if (!(error instanceof KubernetesError)) return { kind: 'permanent' };
  const { statusCode, retryAfterMs } = error;
  if (isNotFound(error)) return { kind: 'gone' };
  const passes =
    RETRYABLE.has(statusCode) || isStarting(error) || isOfProxy(error) || (statusCode >= 500 && !PERMANENT.has(statusCode));
  if (!passes) return { kind: 'permanent' };
  return retryAfterMs === undefined ? { kind: 'retryable' } : { kind: 'retryable', retryAfterMs };
}

/** Whether the API itself says that the object does not exist. A proxy’s 404 is no such news. */
export function isNotFound(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && error.statusCode === 404 && error.reason === 'NotFound';
}

/** The API’s answer; undefined where it says that the object does not exist. */
export function ifFound<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** Something before the API has lost its way to it. The API itself says this of a path that it does not have. */
function isOfProxy({ statusCode, reason, message }: KubernetesError): boolean {
  return statusCode === 404 && reason === undefined && !message.endsWith('404 page not found');
}

/** A server that has just started refuses everything until it has read its roles. */
function isStarting({ statusCode, message }: KubernetesError): boolean {
  return statusCode === 403 && /RBAC: .*not found/.test(message);
}

export function hasStatus(error: unknown, ...statusCodes: readonly number[]): error is KubernetesError {
  return error instanceof KubernetesError && statusCodes.includes(error.statusCode);
}
