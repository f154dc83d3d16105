import pRetry from 'p-retry';
import type { ErrorClass, Provider } from '../core/provider';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { DeadlinePassed, Halted, TimedOut } from '../lib/errors';

/** Exponential backoff: `delayMs`, then `factor` times as long, and so on, plus up to 25 %. */
export interface RetryPolicy {
  /** Attempts after the first. 0: none. */
  readonly retries: number;
  readonly delayMs: number;
  readonly factor: number;
}

/** Spreads requests that failed together, without long extra waits. */
const JITTER = 0.25;

/**
 * Milliseconds before a retry.
 * @param retry counts from 0
 */
export function backoff(policy: RetryPolicy, retry: number, clock: Clock): number {
  return policy.delayMs * policy.factor ** retry * (1 + JITTER * clock.random());
}

/** The meaning of an error. Ours are decided here, all others by the provider. */
export function errorClassOf(error: unknown, provider: Classifier): ErrorClass {
  if (error instanceof TimedOut) return { kind: 'retryable' };
  if (isOver(error)) return { kind: 'permanent' };
  return provider.classify(error);
}

/**
 * Repeats `work` until it succeeds, its error is permanent, the retries are used up, or the
 * deadline would pass before the next attempt. Waits that the provider asks for (`Retry-After`) use
 * up no retry.
 * @throws the last error
 */
export function withRetries<T>(
  work: (attempt: number) => Promise<T>,
  classify: (error: unknown) => ErrorClass,
  policy: RetryPolicy,
  deadline: Deadline,
  clock: Clock,
): Promise<T> {
  const asked = (error: Error) => {
    const verdict = classify(error);
    // Treat 0 as unset: the backoff applies.
    return verdict.kind === 'retryable' ? verdict.retryAfterMs || undefined : undefined;
  };
  // p-retry knows neither Retry-After nor our clock, and its signal would hide the last error.
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 0,
    shouldConsumeRetry: ({ error }) => asked(error) === undefined,
    async onFailedAttempt({ error, retriesConsumed }) {
      const verdict = classify(error);
      if (verdict.kind !== 'retryable') throw error;
      if (asked(error) === undefined && retriesConsumed >= policy.retries) throw error;
      const delay = asked(error) ?? backoff(policy, retriesConsumed, clock);
      if (delay >= deadline.remaining()) throw error;
      await sleep(clock, delay, deadline.signal);
    },
  });
}

/**
 * Milliseconds to wait, from a `Retry-After` header: seconds or a date. Undefined for neither.
 * https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

type Classifier = Pick<Provider, 'classify'>;

/** The meaning of an error for one request. A timeout is not repeated. */
export function requestErrorClass(error: unknown, provider: Classifier): ErrorClass {
  return error instanceof Error && isOurs(error) ? { kind: 'permanent' } : provider.classify(error);
}

/** Whether the provider's error means that the resource is gone. */
export function isGone(error: Error, provider: Classifier): boolean {
  return !isOurs(error) && provider.classify(error).kind === 'gone';
}

/** Whether another round may succeed. */
export function isRetryable(error: Error, provider: Classifier): boolean {
  return errorClassOf(error, provider).kind === 'retryable';
}

/** Whether the whole cleanup is over: then the error says nothing about the resource. */
export function isOver(error: unknown): boolean {
  return error instanceof DeadlinePassed || error instanceof Halted;
}

function isOurs(error: Error): boolean {
  return error instanceof TimedOut || isOver(error);
}
