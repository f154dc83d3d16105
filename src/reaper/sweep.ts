import { type Clock, sleep } from './clock';
import type { Deadline } from './deadline';
import { asError, Halted } from './errors';
import { outcomeOf, type ReapContext, type ReapPolicy, reap } from './ladder';
import { Limit } from './limit';
import type { Settlement } from './outcome';
import type { Provider } from './provider';
import { keyOf, type Resource } from './resource';
import { backoff, verdictOn, withRetries } from './retry';
import { protectionOf, type Selector } from './selector';

/** What to do with what is selected: remove it, say what would be removed, or leave it and say why. */
export type SweepMode =
  | { readonly kind: 'remove' }
  | { readonly kind: 'plan' }
  | { readonly kind: 'keep'; readonly reason: string };

export interface SweepOptions {
  readonly provider: Provider;
  readonly selector: Selector;
  /** Of what is selected, what is to go: all of it by default. Asked with each listing. */
  readonly choose?: (selected: readonly Resource[]) => readonly Resource[];
  readonly mode: SweepMode;
  readonly policy: ReapPolicy;
  readonly deadline: Deadline;
  /** Requests in flight that make the provider work. */
  readonly concurrency: number;
  /** Stops at the first failure; the rest is kept. */
  readonly failFast: boolean;
  readonly clock: Clock;
  /** Called once a resource, as soon as it is settled. */
  readonly onSettled?: (settlement: Settlement) => void;
}

export interface SweepResult {
  readonly settlements: readonly Settlement[];
  /** A last listing found nothing left to remove. */
  readonly verified: boolean;
  /** Why the last listing could not be had. */
  readonly error?: Error;
}

/** Milliseconds for one listing. 10,000 containers take an engine some seconds. */
const LIST_TIMEOUT_MS = 30_000;

/** Milliseconds between rounds, so that a provider in trouble is not asked without a pause, and one that recovers is noticed soon. */
const PAUSE_MS = { least: 500, most: 5_000 };

/**
 * Lists, reaps what is selected, and lists again, until a listing shows nothing left, only permanent failures are left, or the
 * deadline passes. What appears meanwhile is picked up. Never throws: what could not be done is in the result.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const ledger = new Ledger(options.onSettled);
  const limits = { limit: new Limit(options.concurrency), looks: new Limit(options.concurrency) };
  for (let round = 0; ; round += 1) {
    const listing = await list(options);
    if (listing instanceof Error) {
      // What is known and may still go is tried until the deadline; nothing known, or all settled: the answer is "unverified".
      if (ledger.open().length === 0 || options.deadline.passed) return ledger.close({ verified: false, error: listing });
    } else {
      const selected = listing.filter(options.selector);
      const owned = options.choose?.(selected) ?? selected;
      ledger.discover(owned);
      if (ledger.open().length === 0) {
        return ledger.close({ verified: owned.every((resource) => protectionOf(resource) !== undefined) });
      }
    }
    if (ledger.hasFailures()) await pause(round - 1, options);
    await settleAll(ledger, limits, options);
    if (options.deadline.passed) return ledger.close({ verified: false });
  }
}

/** Who is known, and how it ended for each. A retryable failure stays open. */
class Ledger {
  readonly #entries = new Map<string, { readonly resource: Resource; settlement?: Settlement }>();
  readonly #onSettled: ((settlement: Settlement) => void) | undefined;

  constructor(onSettled: ((settlement: Settlement) => void) | undefined) {
    this.#onSettled = onSettled;
  }

  discover(resources: readonly Resource[]): void {
    for (const resource of resources) {
      if (!this.#entries.has(keyOf(resource))) this.#entries.set(keyOf(resource), { resource });
    }
  }

  open(): readonly Resource[] {
    return [...this.#entries.values()]
      .filter(({ settlement }) => settlement === undefined || isOpen(settlement))
      .map(({ resource }) => resource);
  }

  /** Something failed that is to be tried again. */
  hasFailures(): boolean {
    return [...this.#entries.values()].some(({ settlement }) => settlement !== undefined && isOpen(settlement));
  }

  settle(resource: Resource, settlement: Settlement): void {
    const entry = this.#entries.get(keyOf(resource));
    const whole = entry?.settlement ? continued(entry.settlement, settlement) : settlement;
    this.#entries.set(keyOf(resource), { resource, settlement: whole });
    if (!isOpen(whole)) this.#onSettled?.(whole);
  }

  /** The end: what is still open has failed for good. */
  close(verdict: { readonly verified: boolean; readonly error?: Error }): SweepResult {
    const settlements = [...this.#entries.values()].flatMap(({ settlement }) => settlement ?? []);
    for (const settlement of settlements.filter(isOpen)) this.#onSettled?.(settlement);
    return { settlements, ...verdict };
  }
}

function isOpen({ outcome, retryable }: Settlement): boolean {
  return outcome === 'failed' && retryable === true;
}

/** One account of two reaps of the same resource. */
function continued(before: Settlement, after: Settlement): Settlement {
  const steps = [...before.steps, ...after.steps];
  const isGone = after.outcome === 'gone' || after.outcome === 'removed';
  return {
    ...after,
    resource: before.resource,
    outcome: isGone ? outcomeOf(before.resource, before.ending, steps) : after.outcome,
    ...(before.ending ? { ending: before.ending } : {}),
    durationMs: before.durationMs + after.durationMs,
    steps,
  };
}

async function list({ provider, deadline, policy, clock }: SweepOptions): Promise<readonly Resource[] | Error> {
  try {
    return await withRetries(
      () => deadline.within(LIST_TIMEOUT_MS, 'listing', (signal) => provider.list(signal)),
      (error) => verdictOn(error, (other) => provider.classify(other)),
      policy.retry,
      deadline,
      clock,
    );
  } catch (error) {
    return asError(error);
  }
}

async function pause(round: number, { policy, clock, deadline }: SweepOptions): Promise<void> {
  const ms = Math.max(PAUSE_MS.least, Math.min(backoff(policy.retry, round, clock), PAUSE_MS.most));
  // The deadline ends the pause; the round after it finds out.
  await sleep(clock, ms, deadline.signal).catch(() => undefined);
}

type Limits = Pick<ReapContext, 'limit' | 'looks'>;

/** Settles what is open, stage by stage: what uses others goes first. One failure never holds up another resource. */
async function settleAll(ledger: Ledger, limits: Limits, options: SweepOptions): Promise<void> {
  const open = ledger.open();
  const { stages } = options.provider;
  const stageOf = ({ kind }: Resource) => stages.findIndex((kinds) => kinds.includes(kind));
  // Last, -1: a kind that the provider forgot to put in a stage.
  for (const stage of [...stages.keys(), -1]) {
    await Promise.all(
      open
        .filter((resource) => stageOf(resource) === stage)
        .map(async (resource) => {
          const settlement = await settleOne(resource, limits, options);
          ledger.settle(resource, settlement);
          if (options.failFast && settlement.outcome === 'failed' && settlement.retryable !== true) {
            options.deadline.halt(new Halted(`fail-fast: ${resource.name} could not be removed`));
          }
        }),
    );
  }
}

async function settleOne(resource: Resource, limits: Limits, options: SweepOptions): Promise<Settlement> {
  const { mode, selector } = options;
  const unreaped = { resource, durationMs: 0, steps: [] };
  const protection = protectionOf(resource);
  if (protection !== undefined) return { ...unreaped, outcome: 'kept', reason: protection };
  if (mode.kind === 'plan') return { ...unreaped, outcome: 'planned' };
  if (mode.kind === 'keep') return { ...unreaped, outcome: 'kept', reason: mode.reason };
  const removable: Selector = (now) => selector(now) && protectionOf(now) === undefined;
  return reap(resource, { ...options, ...limits, owned: removable });
}
