import pRetry from 'p-retry';
import type { ErrorClass, Provider } from '../core/provider';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { DeadlinePassed, Halted, TimedOut } from '../lib/errors';

/** Exponential backoff: `delayMs`, then `factor` times that, and so on, each up to 25 % longer by chance. */
export interface RetryPolicy {
  /** Attempts after the first. 0: none. */
  readonly retries: number;
  readonly delayMs: number;
  readonly factor: number;
}

/** Spreads requests that failed together, without making the wait much longer than the settings say. */
const JITTER = 0.25;

/** Milliseconds to wait before retry number `retry`, the first being 0. */
export function backoff(policy: RetryPolicy, retry: number, clock: Clock): number {
  return policy.delayMs * policy.factor ** retry * (1 + JITTER * clock.random());
}

/** What an error means: our own errors say it themselves, the provider decides about all others. */
export function errorClassOf(error: unknown, provider: Classifier): ErrorClass {
  if (error instanceof TimedOut) return { kind: 'retryable' };
  if (isOver(error)) return { kind: 'permanent' };
  return provider.classify(error);
}

/**
 * Runs `work` until it succeeds, its error is not worth a retry, the retries are used up, or the deadline would pass before the
 * next attempt. Waits that the provider asked for (`Retry-After`) use up no retry: the deadline alone bounds them.
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
    // A wait of 0 is not one: the backoff holds.
    return verdict.kind === 'retryable' ? verdict.retryAfterMs || undefined : undefined;
  };
  // Waits and the end of retries are decided here: p-retry's own know neither Retry-After nor our
  // clock, and its signal would hide the last error, which says more, behind the deadline's.
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
 * Milliseconds to wait, from the value of a `Retry-After` header: seconds, or a date. Undefined where it is neither.
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

/** What the error of one request means. One that took too long is not repeated. */
export function requestErrorClass(error: unknown, provider: Classifier): ErrorClass {
  return error instanceof Error && isOurs(error) ? { kind: 'permanent' } : provider.classify(error);
}

/** Whether the provider says with this error that the resource is gone. */
export function isGone(error: Error, provider: Classifier): boolean {
  return !isOurs(error) && provider.classify(error).kind === 'gone';
}

/** Whether the same may succeed in another round. */
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
