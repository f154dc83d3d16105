import type { Settlement } from '../core/outcome';
import type { Provider } from '../core/provider';
import { keyOf, type Resource } from '../core/resource';
import { protectionOf, type Selector } from '../core/selector';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, DeadlinePassed, Halted } from '../lib/errors';
import { Limit } from '../lib/limit';
import { deadlineError, outcomeOf, type ReapContext, type ReapPolicy, reap } from './ladder';
import { backoff, errorClassOf, withRetries } from './retry';

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
  /** Nothing comes after it: what a listing that lags does not tell yet is waited for. */
  readonly final: boolean;
  /** Stops at the first failure; the rest is kept. */
  readonly failFast: boolean;
  readonly clock: Clock;
  /** Called once a resource, as soon as it is settled; a failure, as soon as a further listing shows that there is no hope for it. */
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

/**
 * So many resources are taken down at a time, those that wait out their grace included: each takes some kilobytes of memory, and of the
 * ten thousand sandboxes of a large organization only a few can be worked at anyway.
 */
const MAX_AT_ONCE = 500;

/** Milliseconds between rounds, so that a provider in trouble is not asked without a pause, and one that recovers is noticed soon. */
const PAUSE_MS = { least: 500, most: 5_000 };

/**
 * Lists, reaps what is selected, and lists again, until a listing shows nothing left, only permanent failures are left, or the
 * deadline passes. What appears meanwhile is picked up. Never throws: what could not be done is in the result.
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { clock, deadline } = options;
  const ledger = new Ledger(options);
  const limits = { limit: new Limit(options.concurrency), inspectLimit: new Limit(options.concurrency) };
  let quietSince: number | undefined;
  for (let round = 0; ; round += 1) {
    const next = whatNext(await list(options), ledger, quietSince, options);
    if (next.kind === 'close') return ledger.close(next.verdict);
    if (next.kind === 'wait') {
      quietSince ??= clock.now();
      await waitOutLag(options);
    } else {
      quietSince = undefined;
      if (ledger.hasFailures()) await pause(round - 1, options);
      await settleAll(ledger, limits, options);
    }
    if (deadline.passed) return ledger.close({ verified: false });
  }
}

type Closing = Omit<SweepResult, 'settlements'>;

/** What a listing leads to: the end, a wait for what it may not tell yet, or work. */
type Next = { readonly kind: 'close'; readonly verdict: Closing } | { readonly kind: 'wait' } | { readonly kind: 'work' };

function whatNext(
  listing: readonly Resource[] | Error,
  ledger: Ledger,
  quietSince: number | undefined,
  options: SweepOptions,
): Next {
  if (listing instanceof Error) {
    // What is known and may still go is tried until the deadline; nothing known, or all settled: the answer is "unverified".
    const isOver = ledger.open().length === 0 || options.deadline.passed;
    return isOver ? { kind: 'close', verdict: { verified: false, error: listing } } : { kind: 'work' };
  }
  const selected = listing.filter(options.selector);
  const owned = options.choose?.(selected) ?? selected;
  ledger.discover(owned);
  if (ledger.open().length > 0) return { kind: 'work' };
  const verified = owned.every((resource) => protectionOf(resource) !== undefined);
  // What has failed for good will not become more by waiting.
  return !verified || isSure(quietSince, options) ? { kind: 'close', verdict: { verified } } : { kind: 'wait' };
}

/** Whether nothing can be there that the listings do not tell, when they have had nothing new since then. */
function isSure(quietSince: number | undefined, { provider, mode, final, clock }: SweepOptions): boolean {
  const { listingLagMs = 0 } = provider;
  if (!final || mode.kind !== 'remove' || listingLagMs === 0) return true;
  return quietSince !== undefined && clock.now() - quietSince >= listingLagMs;
}

async function waitOutLag({ provider, clock, deadline }: SweepOptions): Promise<void> {
  await sleep(clock, provider.listingLagMs ?? 0, deadline.signal).catch(() => undefined);
}

interface Entry {
  readonly resource: Resource;
  readonly settlement?: Settlement;
  /** It was settled as gone, and was listed again: it is about to vanish, or another one took its name. */
  readonly reappeared?: boolean;
  readonly told?: boolean;
}

/** Who is known, and how it ended for each. What failed stays open while there is hope for it. */
class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #stages: Provider['stages'];
  readonly #onSettled: ((settlement: Settlement) => void) | undefined;

  constructor({ provider, onSettled }: SweepOptions) {
    this.#stages = provider.stages;
    this.#onSettled = onSettled;
  }

  discover(listed: readonly Resource[]): void {
    for (const resource of listed) {
      const entry = this.#entries.get(keyOf(resource));
      if (entry === undefined) this.#entries.set(keyOf(resource), { resource });
      else if (isGone(entry.settlement)) this.#entries.set(keyOf(resource), { ...entry, reappeared: true });
      else this.#entries.set(keyOf(resource), { ...entry, resource }); // More may be known of it by now: what must go before it.
    }
    const isOpen = this.#openness();
    for (const [key, entry] of this.#entries) if (!isOpen(entry)) this.#tell(key);
  }

  open(): readonly Resource[] {
    return [...this.#entries.values()].filter(this.#openness()).map(({ resource }) => resource);
  }

  /** Something was tried before, and is to be tried again. */
  hasFailures(): boolean {
    const isOpen = this.#openness();
    return [...this.#entries.values()].some((entry) => entry.settlement !== undefined && isOpen(entry));
  }

  hasFailedForGood(resource: Resource): boolean {
    const entry = this.#entries.get(keyOf(resource));
    return entry?.settlement?.outcome === 'failed' && !this.#openness()(entry);
  }

  /** Where in the provider's order it is; a kind that the provider forgot comes last. */
  stageOf({ kind }: Resource): number {
    const stage = this.#stages.findIndex((kinds) => kinds.includes(kind));
    return stage < 0 ? this.#stages.length : stage;
  }

  settle(resource: Resource, settlement: Settlement): void {
    const before = this.#entries.get(keyOf(resource));
    const whole = before?.settlement ? continued(before.settlement, settlement) : settlement;
    // What went twice is told once; what could not go the second time is told again.
    const told = before?.told === true && whole.outcome !== 'failed';
    this.#entries.set(keyOf(resource), { resource, settlement: whole, told });
    if (whole.outcome !== 'failed') this.#tell(keyOf(resource));
  }

  /** The end: what is still open has failed for good. */
  close(verdict: Closing): SweepResult {
    for (const key of this.#entries.keys()) this.#tell(key);
    return { settlements: [...this.#entries.values()].flatMap(({ settlement }) => settlement ?? []), ...verdict };
  }

  /**
   * Open is what was not tried yet or may succeed later. Also what was refused for good, while something of an earlier stage is open:
   * that may be what holds it, as a container holds its network.
   */
  #openness(): (entry: Entry) => boolean {
    const isOpenItself = ({ settlement, reappeared }: Entry) =>
      settlement === undefined || reappeared === true || (settlement.outcome === 'failed' && settlement.retryable === true);
    const open = [...this.#entries.values()].filter(isOpenItself);
    const first = open.reduce((least, { resource }) => Math.min(least, this.stageOf(resource)), Number.POSITIVE_INFINITY);
    return (entry) => isOpenItself(entry) || (entry.settlement?.outcome === 'failed' && this.stageOf(entry.resource) > first);
  }

  #tell(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.settlement === undefined || entry.told) return;
    this.#entries.set(key, { ...entry, told: true });
    this.#onSettled?.(entry.settlement);
  }
}

function isGone(settlement: Settlement | undefined): boolean {
  return settlement !== undefined && ['graceful', 'killed', 'removed', 'gone'].includes(settlement.outcome);
}

/** One account of two reaps of the same resource. */
function continued(before: Settlement, after: Settlement): Settlement {
  // It was only still on the list.
  if (isGone(before) && after.outcome === 'gone') return before;
  const steps = [...before.steps, ...after.steps];
  const goneSince = before.outcome === 'failed' && (after.outcome === 'gone' || after.outcome === 'removed');
  const error = after.error && before.error ? continuedError(before.error, after.error) : after.error;
  return {
    ...after,
    resource: before.resource,
    outcome: goneSince ? outcomeOf(before.resource, before.ending, steps) : after.outcome,
    ...(before.ending ? { ending: before.ending } : {}),
    ...(error ? { error } : {}),
    durationMs: before.durationMs + after.durationMs,
    steps,
  };
}

/** That the deadline has passed says nothing about the resource; what went wrong before does. */
function continuedError(before: Error, after: Error): Error {
  return after instanceof DeadlinePassed ? deadlineError(after, before) : after;
}

async function list({ provider, deadline, policy, clock }: SweepOptions): Promise<readonly Resource[] | Error> {
  try {
    return await withRetries(
      () => deadline.within(provider.listTimeoutMs ?? LIST_TIMEOUT_MS, 'listing', (signal) => provider.list(signal)),
      (error) => errorClassOf(error, (other) => provider.classify(other)),
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

type Limits = Pick<ReapContext, 'limit' | 'inspectLimit'>;

/** Settles what is open, stage by stage: what uses others goes first. One failure never holds up another resource. */
async function settleAll(ledger: Ledger, limits: Limits, options: SweepOptions): Promise<void> {
  const open = ledger.open();
  const settle = async (resource: Resource) => {
    ledger.settle(resource, await settleOne(resource, limits, options));
    if (options.failFast && ledger.hasFailedForGood(resource)) {
      options.deadline.halt(new Halted(`fail-fast: ${resource.name} could not be removed`));
    }
  };
  const stages = Map.groupBy(open, (resource) => ledger.stageOf(resource));
  for (const [, resources] of [...stages].sort(([a], [b]) => a - b)) {
    for (const wave of waves(resources)) await sideBySide(wave, settle);
  }
}

/** At most `MOST_AT_ONCE` at a time. */
async function sideBySide(resources: readonly Resource[], settle: (resource: Resource) => Promise<void>): Promise<void> {
  const queue = resources.values();
  const worker = async () => {
    for (const resource of queue) await settle(resource);
  };
  await Promise.all(Array.from({ length: Math.min(resources.length, MAX_AT_ONCE) }, worker));
}

/** In the order in which they can go: what was made from another one of them before that. */
function* waves(resources: readonly Resource[]): Generator<readonly Resource[]> {
  let pending = resources;
  while (pending.length > 0) {
    const ids = new Set(pending.map(({ id }) => id));
    const isHeld = ({ dependents = [] }: Resource) => dependents.some((id) => ids.has(id));
    const held = pending.filter(isHeld);
    // Should they all hold each other, nobody waits.
    const next = held.length < pending.length ? held : [];
    const later = new Set(next);
    yield pending.filter((resource) => !later.has(resource));
    pending = next;
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
