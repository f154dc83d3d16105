import type { Provider } from '../core/provider';
import type { Resource } from '../core/resource';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError } from '../lib/errors';
import { Limit } from '../lib/limit';
import { isGone, type RetryPolicy, requestErrorClass, withRetries } from './retry';

/** How an inspection ended. `unknown`: the provider did not answer. */
export type Inspection =
  | { readonly kind: 'there'; readonly resource: Resource }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unknown'; readonly error: Error };

/** Milliseconds for one inspection, at first and at most: see `Inspector`. */
const TIMEOUT_MS = { first: 5_000, max: 60_000 };

/** Milliseconds after which a slow inspection lets the next one begin. */
const SLOW_MS = 1_000;

const NO_RETRIES: RetryPolicy = { retries: 0, delayMs: 0, factor: 1 };

export interface InspectorOptions {
  readonly provider: Provider;
  /** Inspections in flight, slow ones not counted. Separate from requests that do work. */
  readonly concurrency: number;
  readonly deadline: Deadline;
  readonly clock: Clock;
}

/** Inspects resources. After a slow inspection, the next ones may take twice as long. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #limit: Limit;
  #timeoutMs = TIMEOUT_MS.first;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#limit = new Limit(options.concurrency);
  }

  /**
   * Never throws.
   * @param maxMs milliseconds that the deadline allows
   */
  async inspect(resource: Resource, maxMs: number): Promise<Inspection> {
    const { provider, deadline, clock } = this.#options;
    try {
      // Does not repeat a failed inspection, but keeps a wait that the provider asks for.
      const found = await withRetries(
        () => this.#inTurn(() => this.#ask(resource, maxMs)),
        (error) => requestErrorClass(error, provider),
        NO_RETRIES,
        deadline,
        clock,
      );
      return found ? { kind: 'there', resource: found } : { kind: 'gone' };
    } catch (thrown) {
      const error = asError(thrown);
      return isGone(error, provider) ? { kind: 'gone' } : { kind: 'unknown', error };
    }
  }

  async #ask(resource: Resource, maxMs: number): Promise<Resource | undefined> {
    const { provider, deadline, clock } = this.#options;
    const startedAt = clock.now();
    try {
      return await deadline.within(Math.min(this.#timeoutMs, maxMs), 'inspect', (signal) => provider.inspect(resource, signal));
    } finally {
      const needed = clock.now() - startedAt;
      this.#timeoutMs = Math.min(TIMEOUT_MS.max, Math.max(this.#timeoutMs, 2 * needed));
    }
  }

  /** Takes a place in the limit, and frees it early when the answer is slow. */
  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const { deadline, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    await this.#limit.run(deadline.signal, () => {
      const slow = Promise.withResolvers<void>();
      const cancel = clock.after(SLOW_MS, () => slow.resolve());
      const answered = ask().then(resolve, reject).finally(cancel);
      return Promise.race([answered, slow.promise]);
    });
    return promise;
  }
}
