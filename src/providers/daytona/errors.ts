import type { ErrorClass } from '../../core/provider';
import { Unreachable, UnreadableAnswer } from '../../lib/http-errors';

/** An answer other than success. */
export class DaytonaError extends Error {
  override readonly name = 'DaytonaError';
  readonly statusCode: number;
  /** When to ask again, if the server said so. */
  readonly retryAfterMs: number | undefined;
  /** The message without the hint: `DELETE /sandbox/{id}: 403 Forbidden`. */
  readonly answer: string;

  /**
   * @param request without an id, so that equal failures read alike: `DELETE /sandbox/{id}`
   * @param serverSays without the key
   * @param hint what the user can do
   */
  constructor(request: string, statusCode: number, serverSays: string, retryAfterMs?: number, hint?: string) {
    const answer = `${request}: ${statusCode} ${serverSays}`;
    super(hint === undefined ? answer : `${answer}: ${hint}`);
    this.statusCode = statusCode;
    this.retryAfterMs = retryAfterMs;
    this.answer = answer;
  }
}

/** The API listed a sandbox whose id can't be part of a path, so that no request can name it. */
export class UnusableId extends Error {
  override readonly name = 'UnusableId';
}

/** The request was not sent: the allowance is used up until a known time. */
export class AllowanceUsedUp extends Error {
  override readonly name = 'AllowanceUsedUp';
  /** The server's answer, if the request had been sent. */
  readonly statusCode = 429;
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(`the allowance for requests is used up for another ${Math.ceil(retryAfterMs / 1000)} s`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The stop was left out, to save requests for deletions. */
export class TooFewRequests extends Error {
  static readonly MESSAGE = 'few requests are left of the rate limit: it is deleted as it runs';
  override readonly name = 'TooFewRequests';

  constructor() {
    super(TooFewRequests.MESSAGE);
  }
}

/** Its forks must be deleted first. */
export class HasForks extends Error {
  override readonly name = 'HasForks';
  readonly statusCode: number;
  /** Whether the forks are to be deleted, too. */
  readonly willGo: boolean;

  constructor(forks: readonly string[], willGo: boolean, cause: DaytonaError) {
    super(`it has forks, which must go before it: ${forks.join(', ') || 'Daytona does not say which'}`, { cause });
    this.statusCode = cause.statusCode;
    this.willGo = willGo;
  }
}

/** It is changing its state, and can't be deleted meanwhile. */
export class Changing extends Error {
  override readonly name = 'Changing';
  readonly statusCode: number;
  readonly retryAfterMs: number | undefined;

  /** @param state `starting since 2026-11-21T09:00:00.000Z` */
  constructor(state: string, cause: DaytonaError) {
    super(`${cause.message} (it is ${state})`, { cause });
    this.statusCode = cause.statusCode;
    this.retryAfterMs = cause.retryAfterMs;
  }
}

/** It has been changing its state for too long. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** The key may stop sandboxes, but not delete them. */
export class NotDeletable extends Error {
  override readonly name = 'NotDeletable';
}

/** Daytona accepted the deletion, failed, hides the sandbox, and does not try again. */
export class Undeleted extends Error {
  override readonly name = 'Undeleted';

  constructor(reason: string | undefined) {
    super(
      `Daytona failed to delete it (${reason ?? 'it does not say why'}), hides it, and does not try again: ask Daytona’s support, or the operator of your server, to remove it from its runner`,
    );
  }
}

/**
 * Retryable statuses below 500: 408 (server timeout), 409 (state change in progress, or modified by
 * another operation), 421 (wrong server), 423 and 424 (locked, or a dependency is), 425 (too
 * early), 429 (rate limit). Others are wrong or forbidden requests. Redirects are never followed:
 * the key would go to another server.
 */
const RETRYABLE: ReadonlySet<number> = new Set([408, 409, 421, 423, 424, 425, 429]);

/**
 * Permanent statuses from 500 on: 501 (not implemented), 505 (wrong HTTP), 506 and 508
 * (misconfigured), 510, 511 (a network's login page). Retryable: 500 (deleting a starting sandbox,
 * for one), and a proxy's 502 to 504 and 520 to 530.
 */
const PERMANENT: ReadonlySet<number> = new Set([501, 505, 506, 508, 510, 511]);

/** The meaning of an error for a removal. A 404 of another server is not a `DaytonaError`. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof AllowanceUsedUp) return { kind: 'retryable', retryAfterMs: error.retryAfterMs, unsent: true };
  if (error instanceof HasForks) return { kind: error.willGo ? 'retryable' : 'permanent' };
  if (error instanceof UnreadableAnswer) return { kind: 'retryable' };
  if (error instanceof Changing) return retryable(error);
  if (error instanceof Unreachable) return { kind: error.mayPass ? 'retryable' : 'permanent' };
  if (error instanceof DaytonaError) return errorClassByStatus(error);
  return { kind: 'permanent' };
}

function errorClassByStatus(error: DaytonaError): ErrorClass {
  const { statusCode } = error;
  if (statusCode === 404) return { kind: 'gone' };
  const passes = RETRYABLE.has(statusCode) || (statusCode >= 500 && !PERMANENT.has(statusCode));
  return passes ? retryable(error) : { kind: 'permanent' };
}

function retryable({ retryAfterMs }: { readonly retryAfterMs: number | undefined }): ErrorClass {
  return retryAfterMs === undefined ? { kind: 'retryable' } : { kind: 'retryable', retryAfterMs };
}

export function hasStatus(error: unknown, ...statusCodes: readonly number[]): error is DaytonaError {
  return error instanceof DaytonaError && statusCodes.includes(error.statusCode);
}
