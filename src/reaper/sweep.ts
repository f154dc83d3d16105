import type { Settlement } from '../core/outcome';
import type { FailedRemoval, Provider } from '../core/provider';
import type { Resource } from '../core/resource';
import { protectionOf, type Selector } from '../core/selector';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, Halted } from '../lib/errors';
import { Limit } from '../lib/limit';
import { Inspector } from './inspect';
import { type ReapContext, type ReapPolicy, reap } from './ladder';
import { Ledger } from './ledger';
import { LIST_TIMEOUT_MS, type Listing, type ListingFailure, listingFailure, listKinds } from './listing';
import { backoff, errorClassOf, withRetries } from './retry';

/** Removes what is selected, says what would be removed, or leaves it and says why. */
export type SweepMode =
  | { readonly kind: 'remove' }
  | { readonly kind: 'plan' }
  | { readonly kind: 'keep'; readonly reason: string };

export interface SweepOptions {
  readonly provider: Provider;
  readonly selector: Selector;
  /** Narrows the selection of each listing. Default: everything selected goes. */
  readonly choose?: ((selected: readonly Resource[], listed: readonly Resource[]) => readonly Resource[]) | undefined;
  /** Called with each listing before anything of it is chosen. Must not throw. */
  readonly learn?: ((listed: readonly Resource[]) => Promise<void>) | undefined;
  readonly mode: SweepMode;
  readonly policy: ReapPolicy;
  readonly deadline: Deadline;
  /** Requests in flight that make the provider work. */
  readonly concurrency: number;
  /** The session's last cleanup: waits out late listings. */
  readonly final: boolean;
  /** Stops at the first failure; the rest is kept. */
  readonly failFast: boolean;
  readonly clock: Clock;
  /** Called once for each resource when it is settled; for a failure, when no round can mend it. */
  readonly onSettled?: (settlement: Settlement) => void;
}

export interface SweepResult {
  readonly settlements: readonly Settlement[];
  /** The last listing showed nothing left to remove, and nothing failed. */
  readonly verified: boolean;
  /** Why the last listing failed. */
  readonly error?: Error;
  /** The last listing, complete. */
  readonly listed: readonly Resource[];
  /** Why the last listing lacks some kinds. */
  readonly unlisted?: Error;
}

/** The maximum number of resources in work, waiting ones included: each takes some kilobytes. */
const MAX_AT_ONCE = 500;

/** Milliseconds between rounds: spares a provider in trouble, and soon notices its recovery. */
const PAUSE_MS = { min: 500, max: 5_000 };

/**
 * Lists, reaps what is selected, and lists again, until a listing is clean, only permanent failures
 * are left, or the deadline passes. Picks up new resources. Never throws: see the result.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const ledger = new Ledger(options);
  let listed: readonly Resource[] = [];
  const onListed = (found: readonly Resource[]) => {
    listed = found;
  };
  const verdict = await sweepInRounds(ledger, options, onListed)
    .then((ended) => withFailedRemovals(ended, ledger, options))
    .catch((thrown: unknown) => ({ verified: false, error: asError(thrown) }));
  return { settlements: ledger.close(), listed, ...verdict };
}

type Verdict = Omit<SweepResult, 'settlements' | 'listed'>;

/** Settles as failed what the provider calls gone but failed to remove. */
async function withFailedRemovals(verdict: Verdict, ledger: Ledger, options: SweepOptions): Promise<Verdict> {
  const { provider, selector, mode, final, deadline } = options;
  if (mode.kind !== 'remove' || provider.failedRemovals === undefined || verdict.error) return verdict;
  if (deadline.passed) return { ...verdict, verified: false };
  // Earlier sessions have reported their own; only the last cleanup asks for unknown ones.
  const isOurs: Selector = (resource) => (final ? selector(resource) : ledger.has(resource)) && !protectionOf(resource);
  try {
    const ours = (await listFailedRemovals(options)).filter(({ resource }) => isOurs(resource));
    for (const { resource, ...failure } of ours) {
      ledger.retract(resource, { resource, durationMs: 0, steps: [], outcome: 'failed', retryable: false, ...failure });
    }
    return ours.length === 0 ? verdict : { ...verdict, verified: false };
  } catch (thrown) {
    return { ...verdict, verified: false, error: asError(thrown) };
  }
}

function listFailedRemovals({ provider, deadline, policy, clock }: SweepOptions): Promise<readonly FailedRemoval[]> {
  return withRetries(
    () =>
      deadline.within(
        provider.listTimeoutMs ?? LIST_TIMEOUT_MS,
        'the listing of failed removals',
        async (signal) => (await provider.failedRemovals?.(signal)) ?? [],
      ),
    (error) => errorClassOf(error, provider),
    policy.retry,
    deadline,
    clock,
  );
}

async function sweepInRounds(
  ledger: Ledger,
  options: SweepOptions,
  onListed: (listed: readonly Resource[]) => void,
): Promise<Verdict> {
  const { clock, deadline, concurrency } = options;
  const limits = { limit: new Limit(concurrency), inspector: new Inspector(options) };
  let quietSince: number | undefined;
  let failure: ListingFailure | undefined;
  for (let round = 0; ; round += 1) {
    const listing = await list(ledger, options);
    await options.learn?.(listing.resources);
    onListed(listing.resources);
    failure = listingFailure(listing, options.provider, failure);
    const next = nextAfter(listing, failure, ledger, quietSince, options);
    if (next.kind === 'end') return next.verdict;
    if (next.kind === 'wait') {
      quietSince ??= clock.now();
      await sleep(clock, quietMs(ledger, options), deadline.signal).catch(() => undefined);
    } else {
      quietSince = undefined;
      if (next.kind === 'retry' || ledger.hasFailures()) await pause(round - 1, options);
      await settleAll(ledger, limits, options);
    }
    if (deadline.passed) return { verified: false, ...failure?.verdict };
  }
}

/** The step after a listing. `wait`: for what the listing may not show yet. */
type Next = { readonly kind: 'end'; readonly verdict: Verdict } | { readonly kind: 'wait' | 'work' | 'retry' };

function nextAfter(
  { resources }: Listing,
  failure: ListingFailure | undefined,
  ledger: Ledger,
  quietSince: number | undefined,
  options: SweepOptions,
): Next {
  const owned = chosen(resources, options);
  if (!failure) ledger.reopenVanished(resources);
  ledger.discover(owned);
  if (failure) return afterFailedListing(failure, ledger, options);
  if (ledger.open().length > 0) return { kind: 'work' };
  const mayStay = (resource: Resource) =>
    protectionOf(resource) !== undefined || ledger.isHeld(resource) || ledger.isOnlyListed(resource);
  const verified = owned.every(mayStay) && !ledger.hasLastingFailures;
  // Waiting does not mend a permanent failure.
  return !verified || isSure(quietSince, ledger, options) ? { kind: 'end', verdict: { verified } } : { kind: 'wait' };
}

/** Goes on with known resources. Without any, only the last cleanup keeps asking. */
function afterFailedListing(failure: ListingFailure, ledger: Ledger, { deadline, final, mode }: SweepOptions): Next {
  const end: Next = { kind: 'end', verdict: { verified: false, ...failure.verdict } };
  if (deadline.passed) return end;
  if (ledger.open().length > 0) return { kind: 'work' };
  return final && mode.kind === 'remove' && failure.isRetryable ? { kind: 'retry' } : end;
}

/** Milliseconds until the last look, if something was created during the sweep: more may come. */
const LATE_MS = 2_000;

/** Milliseconds for which a clean listing must stay clean to be believed. */
function quietMs(ledger: Ledger, { provider, mode, final }: SweepOptions): number {
  if (!final || mode.kind !== 'remove') return 0;
  return Math.max(provider.listingLagMs ?? 0, ledger.hasLatecomers ? LATE_MS : 0);
}

function isSure(quietSince: number | undefined, ledger: Ledger, options: SweepOptions): boolean {
  const ms = quietMs(ledger, options);
  return ms === 0 || (quietSince !== undefined && options.clock.now() - quietSince >= ms);
}

function list(ledger: Ledger, options: SweepOptions): Promise<Listing> {
  // Apply `choose` here too: it may spare what the selector takes.
  const hasWork = (listed: readonly Resource[]) => chosen(listed, options).some((resource) => ledger.isOpen(resource));
  return listKinds({ ...options, retry: options.policy.retry, hasWork });
}

function chosen(listed: readonly Resource[], { selector, choose }: SweepOptions): readonly Resource[] {
  const selected = listed.filter(selector);
  return choose?.(selected, listed) ?? selected;
}

async function pause(round: number, { policy, clock, deadline }: SweepOptions): Promise<void> {
  const ms = Math.max(PAUSE_MS.min, Math.min(backoff(policy.retry, round, clock), PAUSE_MS.max));
  // If the deadline ends the pause, the next round finds out.
  await sleep(clock, ms, deadline.signal).catch(() => undefined);
}

type Limits = Pick<ReapContext, 'limit' | 'inspector'>;

/** Settles open resources by stage: containers before networks. A failure holds up nothing. */
async function settleAll(ledger: Ledger, limits: Limits, options: SweepOptions): Promise<void> {
  const open = ledger.open();
  const settle = async (resource: Resource) => {
    ledger.settle(resource, await settleOne(resource, limits, options).catch((thrown) => ourFault(resource, thrown)));
    if (options.failFast && ledger.hasFailedForGood(resource)) {
      options.deadline.halt(new Halted(`fail-fast: ${resource.name} could not be removed`));
    }
  };
  const stages = Map.groupBy(open, (resource) => ledger.stageOf(resource));
  for (const [, resources] of [...stages].sort(([a], [b]) => a - b)) {
    for (const wave of waves(resources)) await sideBySide(wave, settle);
  }
}

/** Settles at most `MAX_AT_ONCE` at a time. */
async function sideBySide(resources: readonly Resource[], settle: (resource: Resource) => Promise<void>): Promise<void> {
  const queue = resources.values();
  const worker = async () => {
    for (const resource of queue) await settle(resource);
  };
  await Promise.all(Array.from({ length: Math.min(resources.length, MAX_AT_ONCE) }, worker));
}

/** Orders the resources of one stage: images after those made from them. */
function* waves(resources: readonly Resource[]): Generator<readonly Resource[]> {
  let pending = resources;
  while (pending.length > 0) {
    const ids = new Set(pending.map(({ id }) => id));
    const isHeld = ({ dependents = [] }: Resource) => dependents.some((id) => ids.has(id));
    const held = pending.filter(isHeld);
    // None waits if they all hold each other.
    const next = held.length < pending.length ? held : [];
    const later = new Set(next);
    yield pending.filter((resource) => !later.has(resource));
    pending = next;
  }
}

/** Settles a resource that our code failed on: a fault must not hold up the others. */
function ourFault(resource: Resource, thrown: unknown): Settlement {
  return { resource, durationMs: 0, steps: [], outcome: 'failed', error: asError(thrown), retryable: false };
}

async function settleOne(resource: Resource, limits: Limits, options: SweepOptions): Promise<Settlement> {
  const { mode, selector } = options;
  const unreaped = { resource, durationMs: 0, steps: [] };
  const protection = protectionOf(resource);
  if (protection !== undefined) return { ...unreaped, outcome: 'kept', reason: protection };
  if (mode.kind === 'plan') return { ...unreaped, outcome: 'planned' };
  if (mode.kind === 'keep') {
    return { ...unreaped, outcome: 'kept', reason: mode.reason, command: options.provider.removalCommand(resource) };
  }
  const removable: Selector = (now) => selector(now) && protectionOf(now) === undefined;
  return reap(resource, { ...options, ...limits, owned: removable });
}
