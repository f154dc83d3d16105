import { parseRetryAfter } from '../../reaper/retry';

/** The headers of an answer. */
type Headers = Iterable<readonly [name: string, value: string]>;

/** One allowance of requests, as the server last described it. */
interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since the epoch when it is full again. */
  readonly resetsAt: number;
}

/**
 * Starting, stopping and deleting count here, all other requests there:
 * https://www.daytona.io/docs/en/limits
 */
const BUCKETS = { lifecycle: 'sandbox-lifecycle', other: 'authenticated' };

/** The part of the allowance that is left to others in the organization, who share it. */
const SPARE = 0.02;

/** The part of the allowance below which it is used sparingly. */
const SHORT = 0.25;

/** Milliseconds in which an answer comes that says how much is left. */
const MOMENT_MS = 250;

/** Two resets less than this apart are the same one: servers round them to seconds. */
const SAME_WINDOW_MS = 1_500;

/** From this number on a reset is a Unix time, not a number of seconds from now. */
const UNIX_TIME_FROM = 1_000_000_000;

/**
 * How many requests the server still takes, as it says:
 * `X-RateLimit-{Limit,Remaining,Reset}-{authenticated|sandbox-lifecycle}`. Observed on API server
 * v0.190.
 */
export class RateLimits {
  readonly #allowances = new Map<string, Allowance>();

  /** Takes note of an answer's headers. */
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
   * Milliseconds to wait before one more request, so that it is not refused; 0: none. That is a
   * moment while the requests on their way could use up the rest, and the time until the allowance
   * is full again when it is used up.
   * @param lifecycle it starts, stops or deletes a sandbox
   * @param inFlight requests of that kind on their way, which the server may not have counted yet
   */
  waitMs(lifecycle: boolean, inFlight: number, now: number): number {
    const waits = [...this.#allowances].map(([bucket, { limit, remaining, resetsAt }]) => {
      if (bucket === (lifecycle ? BUCKETS.other : BUCKETS.lifecycle)) return 0;
      const spare = Math.floor(limit * SPARE);
      const isFull = resetsAt <= now;
      if (isFull) return limit === 0 || limit - inFlight > spare ? 0 : MOMENT_MS;
      if (remaining - inFlight > spare) return 0;
      return remaining > spare ? Math.min(MOMENT_MS, resetsAt - now) : resetsAt - now;
    });
    return Math.max(0, ...waits);
  }

  /**
   * Whether little is left of the allowance for starting, stopping and deleting.
   * @param needed requests on their way, and those that have to follow
   */
  isShort(needed: number, now: number): boolean {
    return [...this.#allowances].some(
      ([bucket, { limit, remaining, resetsAt }]) =>
        bucket !== BUCKETS.other && resetsAt > now && remaining - needed <= limit * SHORT,
    );
  }

  /** Answers overtake each other: within one window, the rest only becomes smaller. */
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

/**
 * The longest wait that any `Retry-After`, `Retry-After-sandbox-lifecycle` or the like asks for, in
 * milliseconds.
 */
export function retryAfterIn(headers: Headers, now: number): number | undefined {
  const waits = [...headers].flatMap(([name, value]) => (/^retry-after/i.test(name) ? (parseRetryAfter(value, now) ?? []) : []));
  return waits.length === 0 ? undefined : Math.max(...waits);
}
