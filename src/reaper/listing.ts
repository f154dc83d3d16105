import type { Provider } from '../core/provider';
import type { Kind, Resource } from '../core/resource';
import { onAbort } from '../lib/abort';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, TimedOut } from '../lib/errors';
import { errorClassOf, isOver, isRetryable, type RetryPolicy, withRetries } from './retry';

/** The resources of a provider, as far as they could be listed. */
export interface Listing {
  readonly resources: readonly Resource[];
  readonly failures: readonly { readonly kind: Kind; readonly error: Error }[];
}

export interface ListingOptions {
  readonly provider: Provider;
  readonly retry: RetryPolicy;
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Whether the resources listed so far are enough work: then slow kinds are not waited for. */
  readonly hasWork?: (listed: readonly Resource[]) => boolean;
}

/** Milliseconds for one listing. 10,000 containers take an engine some seconds. */
export const LIST_TIMEOUT_MS = 30_000;

/** Milliseconds for the first try: a request that got lost costs no more than that. */
const FIRST_LIST_TIMEOUT_MS = 10_000;

/** Milliseconds for slow kinds once there is work. A healthy engine needs a few. */
const LAGGARD_MS = 2_000;

/** Lists each kind on its own, so that one failure does not hide the others. Never throws. */
export async function listKinds(options: ListingOptions): Promise<Listing> {
  const { provider, clock, hasWork } = options;
  const listed = new Map<Kind, readonly Resource[]>();
  const failed = new Map<Kind, Error>();
  const laggards = new AbortController();
  const found = () => [...listed.values()].flat();
  let cancelTimer: (() => void) | undefined;

  const list = async (kind: Kind) => {
    try {
      listed.set(kind, await untilAborted(listKind(kind, listed, laggards.signal, options), laggards.signal));
      if (!hasWork?.(found())) return;
      cancelTimer ??= clock.after(LAGGARD_MS, () => laggards.abort(new TimedOut('the listing', LAGGARD_MS)));
    } catch (error) {
      failed.set(kind, asError(error));
    }
  };
  await Promise.all(provider.stages.flat().map(list));
  cancelTimer?.();
  const failures = provider.stages.flat().flatMap((kind) => {
    const error = failed.get(kind);
    return error ? [{ kind, error }] : [];
  });
  return { resources: found(), failures };
}

/**
 * Gives up a kind that hangs twice while others are listed: it will go on hanging, as volumes do
 * with a dead plugin.
 * @param listed the other kinds
 */
function listKind(
  kind: Kind,
  listed: ReadonlyMap<Kind, unknown>,
  laggards: AbortSignal,
  { provider, retry, deadline, clock }: ListingOptions,
): Promise<readonly Resource[]> {
  let tries = 0;
  return withRetries(
    () => {
      tries += 1;
      const ms = provider.listTimeoutMs ?? (tries === 1 ? FIRST_LIST_TIMEOUT_MS : LIST_TIMEOUT_MS);
      return deadline.within(ms, 'the listing', (signal) => provider.list(kind, AbortSignal.any([signal, laggards])));
    },
    (error) => {
      const isDead = error instanceof TimedOut && tries > 1 && listed.size > 0;
      return isDead ? { kind: 'permanent' } : errorClassOf(error, provider);
    },
    retry,
    deadline,
    clock,
  );
}

/** @throws the signal's reason when it aborts first */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const forget = onAbort(signal, () => reject(signal.reason));
  work.then(resolve, reject).finally(forget);
  return promise;
}

/** An incomplete listing, as a sweep sees it. */
export interface ListingFailure {
  /** `error`: nothing could be listed. `unlisted`: some kinds could not. */
  readonly verdict: { readonly error: Error } | { readonly unlisted: Error };
  /** A later listing may be complete. */
  readonly isRetryable: boolean;
}

/**
 * @param earlier the failure before: it says more than a passed deadline
 * @returns undefined for a complete listing
 */
export function listingFailure(
  { failures }: Listing,
  provider: Provider,
  earlier: ListingFailure | undefined,
): ListingFailure | undefined {
  const [first] = failures;
  if (first === undefined) return undefined;
  if (isOver(first.error) && earlier) return earlier;
  if (failures.length === provider.stages.flat().length) {
    return { verdict: { error: first.error }, isRetryable: isRetryable(first.error, provider) };
  }
  const reasons = failures.map(({ kind, error }) => `no listing of the kind ${kind}: ${error.message}`);
  const mayCome = failures.some(({ error }) => !(error instanceof TimedOut) && isRetryable(error, provider));
  return { verdict: { unlisted: new Error(reasons.join('; '), { cause: first.error }) }, isRetryable: mayCome };
}
