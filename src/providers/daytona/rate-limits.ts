import { parseRetryAfter } from '../../reaper/retry';

type Headers = Iterable<readonly [name: string, value: string]>;

/** An allowance of requests, as the server described it last. */
interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since the epoch of its next refill. */
  readonly resetsAt: number;
}

/** `lifecycle`: starts, stops and deletions. https://www.daytona.io/docs/en/limits */
const BUCKETS = { lifecycle: 'sandbox-lifecycle', other: 'authenticated' };

/** The part of an allowance left to the rest of the organization, by default. */
const SPARE = 0.02;

/** Below this part of an allowance, requests are saved. */
const SHORT = 0.25;

/** Milliseconds until the next answer should have arrived. */
const MOMENT_MS = 250;

/** Milliseconds. Resets closer than this are the same, because servers round to seconds. */
const SAME_WINDOW_MS = 1_500;

/** From here on, a reset is a Unix time, not a number of seconds. */
const UNIX_TIME_FROM = 1_000_000_000;

/**
 * The requests that the server still accepts, from
 * `X-RateLimit-{Limit,Remaining,Reset}-{authenticated|sandbox-lifecycle}`. Observed on API server
 * v0.190.
 */
export class RateLimits {
  readonly #allowances = new Map<string, Allowance>();
  readonly #spare: number;

  /** @param spare the part of an allowance left to others */
  constructor(spare = SPARE) {
    this.#spare = spare;
  }

  /** Notes an answer's headers. */
  note(headers: Headers, now: number): void {
    const noted = new Map<string, Map<string, number>>();
    for (const [name, value] of headers) {
      const [, field, bucket] = /^x-ratelimit-(limit|remaining|reset)(?:-(.+))?$/i.exec(name) ?? [];
      if (field === undefined || !/^\d+(\.\d+)?$/.test(value)) continue;
      const fields = noted.get(bucket ?? '') ?? new Map<string, number>();
      noted.set(bucket ?? '', fields.set(field.toLowerCase(), Number(value)));
    }
    for (const [bucket, fields] of noted) this.#note(bucket, fields, now);
  }

  /**
   * Milliseconds to wait so that the next request is not refused: until the refill when the
   * allowance is used up, or a moment while requests in flight may use it up.
   * @param lifecycle whether it starts, stops or deletes a sandbox
   * @param inFlight requests of that kind, which the server may not have counted
   */
  waitMs(lifecycle: boolean, inFlight: number, now: number): number {
    const waits = [...this.#allowances].map(([bucket, { limit, remaining, resetsAt }]) => {
      if (bucket === (lifecycle ? BUCKETS.other : BUCKETS.lifecycle)) return 0;
      const spare = Math.floor(limit * this.#spare);
      const isFull = resetsAt <= now;
      if (isFull) return limit === 0 || limit - inFlight > spare ? 0 : MOMENT_MS;
      if (remaining - inFlight > spare) return 0;
      return remaining > spare ? Math.min(MOMENT_MS, resetsAt - now) : resetsAt - now;
    });
    return Math.max(0, ...waits);
  }

  /**
   * Whether few starts, stops and deletions are left.
   * @param needed requests in flight, and those that must follow
   */
  isShort(needed: number, now: number): boolean {
    return [...this.#allowances].some(
      ([bucket, { limit, remaining, resetsAt }]) =>
        bucket !== BUCKETS.other && resetsAt > now && remaining - needed <= limit * SHORT,
    );
  }

  /** Answers overtake each other: until a refill, the remaining number only shrinks. */
  #note(bucket: string, fields: ReadonlyMap<string, number>, now: number): void {
    const remaining = fields.get('remaining');
    const reset = fields.get('reset');
    if (remaining === undefined || reset === undefined) return;
    const resetsAt = reset >= UNIX_TIME_FROM ? reset * 1000 : now + reset * 1000;
    const known = this.#allowances.get(bucket);
    const same = known !== undefined && Math.abs(known.resetsAt - resetsAt) < SAME_WINDOW_MS && known.resetsAt > now;
    this.#allowances.set(bucket, {
      limit: fields.get('limit') ?? 0,
      remaining: same ? Math.min(known.remaining, remaining) : remaining,
      resetsAt: same ? known.resetsAt : resetsAt,
    });
  }
}

/** The longest wait, in milliseconds, of all headers like `Retry-After-sandbox-lifecycle`. */
export function retryAfterIn(headers: Headers, now: number): number | undefined {
  const waits = [...headers].flatMap(([name, value]) => (/^retry-after/i.test(name) ? (parseRetryAfter(value, now) ?? []) : []));
  return waits.length === 0 ? undefined : Math.max(...waits);
}
