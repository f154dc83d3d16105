import type { ErrorClass } from '../../core/provider';

/** The API answered, and it was no success. The message holds the server's own, the status and the path; never the key. */
export class DaytonaError extends Error {
  override readonly name = 'DaytonaError';
  readonly statusCode: number;
  /** What the server said about when to ask again. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, statusCode: number, serverSays: string, retryAfterMs?: number) {
    super(`${request}: ${statusCode} ${serverSays}`);
    this.statusCode = statusCode;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The answer broke off, or is not what was asked for: a proxy's page, say. */
export class UnreadableAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** There was no answer at all. */
export class DaytonaUnreachable extends Error {
  override readonly name = 'Unreachable';
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

/** It is in between two states, and refuses to be deleted until it has come through. */
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

/** It has been in between two states for so long that nobody should wait for it. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** The key may stop sandboxes, not delete them. */
export class NotDeletable extends Error {
  override readonly name = 'NotDeletable';
}

/** A certificate that is not trusted will not be trusted the next time. */
const CERTIFICATE_ERROR = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL/;

/**
 * What the API's answers mean for a removal.
 * - 404: it is not there.
 * - 408, 409 (a state change in progress), 429, 5xx (500 is what a delete of a starting sandbox can give): later.
 * - all others: the same request will fail again.
 */
export function classify(error: unknown): ErrorClass {
  if (error instanceof AllowanceUsedUp) return { kind: 'retryable', retryAfterMs: error.retryAfterMs, unsent: true };
  if (error instanceof HasForks) return { kind: error.willGo ? 'retryable' : 'permanent' };
  if (error instanceof UnreadableAnswer) return { kind: 'retryable' };
  if (error instanceof Changing) return retryable(error);
  if (error instanceof DaytonaUnreachable) return { kind: CERTIFICATE_ERROR.test(error.code ?? '') ? 'permanent' : 'retryable' };
  if (error instanceof DaytonaError) return verdictOn(error);
  return { kind: 'permanent' };
}

function verdictOn(error: DaytonaError): ErrorClass {
  const { statusCode } = error;
  if (statusCode === 404) return { kind: 'gone' };
  const passes = statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500;
  return passes ? retryable(error) : { kind: 'permanent' };
}

function retryable({ retryAfterMs }: { readonly retryAfterMs: number | undefined }): ErrorClass {
  return retryAfterMs === undefined ? { kind: 'retryable' } : { kind: 'retryable', retryAfterMs };
}

export function hasStatus(error: unknown, ...statusCodes: readonly number[]): error is DaytonaError {
  return error instanceof DaytonaError && statusCodes.includes(error.statusCode);
}

/** What failed may be below what says so; of several addresses the first tells. */
function rootOf(error: Error): { readonly code: string | undefined; readonly message: string } {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return rootOf(inner);
  return { code: 'code' in error && typeof error.code === 'string' ? error.code : undefined, message: error.message };
}
