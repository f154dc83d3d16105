import type { Provider } from '../core/provider';
import type { Kind, Resource } from '../core/resource';
import { onAbort } from '../lib/abort';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, TimedOut } from '../lib/errors';
import { errorClassOf, isOver, isRetryable, type RetryPolicy, withRetries } from './retry';

/** What a provider has, as far as it could be listed. */
export interface Listing {
  readonly resources: readonly Resource[];
  /** The kinds that could not be listed. */
  readonly failures: readonly { readonly kind: Kind; readonly error: Error }[];
}

export interface ListingOptions {
  readonly provider: Provider;
  readonly retry: RetryPolicy;
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Whether the resources listed so far are enough to go on with: then a kind that takes long is not waited for. */
  readonly hasWork?: (listed: readonly Resource[]) => boolean;
}

/** Milliseconds for one listing. 10,000 containers take an engine some seconds. */
export const LIST_TIMEOUT_MS = 30_000;

/** Milliseconds for the other kinds once there is something to do: a healthy engine needs a few for each. */
const LAGGARD_MS = 2_000;

/** Lists each kind by itself: a kind that can't be listed does not hide the others. Never throws. */
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

/** @param listed the other kinds' listings so far: where an engine answers them, one that hangs will go on hanging */
function listKind(
  kind: Kind,
  listed: ReadonlyMap<Kind, unknown>,
  laggards: AbortSignal,
  { provider, retry, deadline, clock }: ListingOptions,
): Promise<readonly Resource[]> {
  return withRetries(
    () =>
      deadline.within(provider.listTimeoutMs ?? LIST_TIMEOUT_MS, 'the listing', (signal) =>
        provider.list(kind, AbortSignal.any([signal, laggards])),
      ),
    (error) => (error instanceof TimedOut && listed.size > 0 ? { kind: 'permanent' } : errorClassOf(error, provider)),
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

/** What a listing that is not whole means for a sweep. */
export interface ListingFailure {
  /** `error`: nothing could be listed. `unlisted`: some kinds could not. */
  readonly verdict: { readonly error: Error } | { readonly unlisted: Error };
  /** A later listing may be better. */
  readonly isRetryable: boolean;
}

/**
 * @param earlier the failure of the listing before: it says more than that the deadline has passed
 * @returns undefined where all kinds were listed
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
