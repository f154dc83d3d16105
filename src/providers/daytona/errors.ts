import type { ErrorClass } from '../../core/provider';

/** The API answered, and it was not a success. */
export class DaytonaError extends Error {
  override readonly name = 'DaytonaError';
  readonly statusCode: number;
  /** What the server said about when to ask again. */
  readonly retryAfterMs: number | undefined;
  /** `DELETE /sandbox/{id}: 403 Forbidden`: the message without the hint. */
  readonly answer: string;

  /**
   * @param request `DELETE /sandbox/{id}`, without the id itself: failures with one cause are to
   * read alike
   * @param serverSays never holds the key
   * @param hint says what the user can do
   */
  constructor(request: string, statusCode: number, serverSays: string, retryAfterMs?: number, hint?: string) {
    const answer = `${request}: ${statusCode} ${serverSays}`;
    super(hint === undefined ? answer : `${answer}: ${hint}`);
    this.statusCode = statusCode;
    this.retryAfterMs = retryAfterMs;
    this.answer = answer;
  }
}

/** The answer broke off, or is not what was asked for: a proxy's page, say. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}

/** The API listed a sandbox whose id can't be part of a path: nothing can be asked of it. */
export class UnusableId extends Error {
  override readonly name = 'UnusableId';
}

/** There was no answer at all. */
export class DaytonaUnreachable extends Error {
  override readonly name = 'DaytonaUnreachable';
  /** Node's word for why: `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(origin: string, cause: Error) {
    const { code, message } = rootOf(cause);
    super(`${origin} can’t be reached: ${code ?? message}`, { cause });
    this.code = code;
  }
}

/** Asking now would be refused: the allowance for requests is used up until a known time. */
export class AllowanceUsedUp extends Error {
  override readonly name = 'AllowanceUsedUp';
  /** What the server would have answered. */
  readonly statusCode = 429;
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(`the allowance for requests is used up for another ${Math.ceil(retryAfterMs / 1000)} s`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A stop is left out: the rest of the allowance is for deletions. */
export class TooFewRequests extends Error {
  static readonly MESSAGE = 'few requests are left of the rate limit: it is deleted as it runs';
  override readonly name = 'TooFewRequests';

  constructor() {
    super(TooFewRequests.MESSAGE);
  }
}

/** It can't go before its forks. */
export class HasForks extends Error {
  override readonly name = 'HasForks';
  readonly statusCode: number;
  /** They are to go, too. Otherwise they were there before, and have stayed. */
  readonly willGo: boolean;

  constructor(forks: readonly string[], willGo: boolean, cause: DaytonaError) {
    super(`it has forks, which must go before it: ${forks.join(', ') || 'Daytona does not say which'}`, { cause });
    this.statusCode = cause.statusCode;
    this.willGo = willGo;
  }
}

/** It is in between two states, and can't be deleted until it has come through. */
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

/** It has been in between two states for so long that waiting for it makes no sense. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** The key may stop sandboxes, not delete them. */
export class NotDeletable extends Error {
  override readonly name = 'NotDeletable';
}

/**
 * Daytona accepted the deletion, failed to carry it out, and hides the sandbox. It does not try
 * again.
 */
export class Undeleted extends Error {
  override readonly name = 'Undeleted';

  constructor(reason: string | undefined) {
    super(
      `Daytona failed to delete it (${reason ?? 'it does not say why'}), hides it, and does not try again: ask Daytona’s support, or the operator of your server, to remove it from its runner`,
    );
  }
}

/**
 * A certificate that is not trusted will not be trusted the next time; an address that does not
 * speak TLS will not either.
 */
const NEVER_REACHABLE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|ERR_INVALID_URL|UND_ERR_INVALID_ARG/;

/**
 * Statuses below 500 that time can mend: 408 (the server gave up waiting), 409 (a state change in
 * progress, or modified by another operation), 421 (the wrong server of several), 423 and 424
 * (locked, or something it depends on is), 425 (too early), 429 (rate limit). All others say that
 * the request itself is wrong or not allowed: 400, 401, 402 (not paid), 403, 405, 410 to 418, 422,
 * 451. A redirect is never followed: the key would go to another server.
 */
const RETRYABLE: ReadonlySet<number> = new Set([408, 409, 421, 423, 424, 425, 429]);

/**
 * Statuses from 500 on that time does not mend: 501 (it can't do that), 505 (not this HTTP), 506
 * and 508 (misconfigured), 510, 511 (a login page of the network). 500 is what a deletion of a
 * starting sandbox can get; 502 to 504 and 520 to 530 are a proxy's.
 */
const PERMANENT: ReadonlySet<number> = new Set([501, 505, 506, 508, 510, 511]);

/**
 * Decides what an error means for a removal. 404 is the API's own word for gone; see
 * `DaytonaClient` for a 404 that is not the API's.
 */
export function classify(error: unknown): ErrorClass {
  if (error instanceof AllowanceUsedUp) return { kind: 'retryable', retryAfterMs: error.retryAfterMs, unsent: true };
  if (error instanceof HasForks) return { kind: error.willGo ? 'retryable' : 'permanent' };
  if (error instanceof UnreadableAnswer) return { kind: 'retryable' };
  if (error instanceof Changing) return retryable(error);
  // Whatever Node calls it (no route, no name, no descriptor or memory, a broken connection): it
  // may be better in a moment.
  if (error instanceof DaytonaUnreachable) return { kind: NEVER_REACHABLE.test(error.code ?? '') ? 'permanent' : 'retryable' };
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

/** The innermost cause says most; of several addresses the first. */
function rootOf(error: Error): { readonly code: string | undefined; readonly message: string } {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return rootOf(inner);
  return { code: 'code' in error && typeof error.code === 'string' ? error.code : undefined, message: error.message };
}
