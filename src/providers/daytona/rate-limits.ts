import { parseRetryAfter } from '../../reaper/retry';

/** The headers of an answer. */
type Headers = Iterable<readonly [name: string, value: string]>;

/** One allowance of requests, as the server last told it. */
interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since the epoch when it is whole again. */
  readonly resetsAt: number;
}

/** Starting, stopping and deleting count here, all other requests there: https://www.daytona.io/docs/en/limits */
const BUCKETS = { lifecycle: 'sandbox-lifecycle', other: 'authenticated' };

/** Kept free for others in the organization, who share the allowance: this part of it. */
const SPARE = 0.02;

/** Milliseconds in which an answer comes, which tells what is left. */
const MOMENT_MS = 250;

/** Two resets that are told less than this apart are one: they are whole seconds. */
const SAME_WINDOW_MS = 1_500;

/** Above this a reset is no number of seconds from now, but a Unix time. */
const UNIX_TIME_FROM = 1_000_000_000;

/**
 * What the server said about how much it will take: `X-RateLimit-{Limit,Remaining,Reset}-{authenticated|sandbox-lifecycle}`. Observed on
 * API server v0.190.
 */
export class RateLimits {
  readonly #allowances = new Map<string, Allowance>();

  /** Takes note of an answer's headers. */
  heard(headers: Headers, now: number): void {
    const told = new Map<string, Map<string, number>>();
    for (const [name, value] of headers) {
      const [, field, bucket] = /^x-ratelimit-(limit|remaining|reset)(?:-(.+))?$/i.exec(name) ?? [];
      if (field === undefined || !/^\d+(\.\d+)?$/.test(value)) continue;
      const fields = told.get(bucket ?? '') ?? new Map<string, number>();
      told.set(bucket ?? '', fields.set(field.toLowerCase(), Number(value)));
    }
    for (const [bucket, fields] of told) this.#note(bucket, fields, now);
  }

  /**
   * Milliseconds to wait before one more request, so that it is not refused; 0: none. While what is on its way could use the rest up, that
   * is a moment; when it is used up, the time until it is whole again.
   * @param lifecycle it starts, stops or deletes a sandbox
   * @param inFlight requests of that kind on their way, which the server may not have counted yet
   */
  waitMs(lifecycle: boolean, inFlight: number, now: number): number {
    const waits = [...this.#allowances].map(([bucket, { limit, remaining, resetsAt }]) => {
      if (bucket === (lifecycle ? BUCKETS.other : BUCKETS.lifecycle)) return 0;
      const spare = Math.floor(limit * SPARE);
      if (resetsAt <= now || remaining - inFlight > spare) return 0;
      return remaining > spare ? Math.min(MOMENT_MS, resetsAt - now) : resetsAt - now;
    });
    return Math.max(0, ...waits);
  }

  /** Answers overtake each other: within one window, what is left only becomes less. */
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

/** The longest wait that any `Retry-After`, `Retry-After-sandbox-lifecycle` or the like asks for, in milliseconds. */
export function retryAfterIn(headers: Headers, now: number): number | undefined {
  const waits = [...headers].flatMap(([name, value]) => (/^retry-after/i.test(name) ? (parseRetryAfter(value, now) ?? []) : []));
  return waits.length === 0 ? undefined : Math.max(...waits);
}
