import { ApiError } from './api-error';

/** So many requests in each window of time: a minute with Daytona. */
export interface RateLimit {
  readonly limit: number;
  readonly windowMs: number;
  /** The bucket that it counts; all, when absent. */
  readonly only?: Bucket;
}

type Bucket = 'authenticated' | 'sandbox-create' | 'sandbox-lifecycle';

/** Counts requests in buckets with a limit each: what makes a sandbox, what changes its life, and all the rest. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<Bucket, { endsAt: number; used: number }>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /**
   * @returns the headers that tell what is left
   * @throws ApiError 429. Its headers have the bucket's name in theirs, and none is a plain `Retry-After`.
   */
  take(method: string, path: string): Readonly<Record<string, string>> {
    const bucket = bucketOf(method, path);
    const now = Date.now();
    const { limit, windowMs, only = bucket } = this.#limit;
    if (bucket !== only) return {};
    let window = this.#buckets.get(bucket);
    if (!window || now >= window.endsAt) {
      window = { endsAt: now + windowMs, used: 0 };
      this.#buckets.set(bucket, window);
    }
    window.used += 1;
    const seconds = String(Math.ceil((window.endsAt - now) / 1000));
    const headers = {
      [`X-RateLimit-Limit-${bucket}`]: String(limit),
      [`X-RateLimit-Remaining-${bucket}`]: String(Math.max(0, limit - window.used)),
      [`X-RateLimit-Reset-${bucket}`]: seconds,
    };
    if (window.used <= limit) return headers;
    throw new ApiError(429, 'Rate limit exceeded', { ...headers, [`Retry-After-${bucket}`]: seconds });
  }
}

function bucketOf(method: string, path: string): Bucket {
  if (method === 'POST' && path === '/sandbox') return 'sandbox-create';
  const changesItsLife = method === 'DELETE' || (method === 'POST' && /\/(start|stop|fork)$/.test(path));
  return changesItsLife ? 'sandbox-lifecycle' : 'authenticated';
}
