import type { Settlement, Step } from '../core/outcome';
import type { Provider } from '../core/provider';
import { isWorkload, keyOf, type Resource } from '../core/resource';
import { DeadlinePassed } from '../lib/errors';
import { deadlineError, outcomeOf } from './ladder';

interface Entry {
  readonly resource: Resource;
  readonly settlement?: Settlement;
  /** Gone, and listed again: the listing is late, or another resource has its name. */
  readonly reappeared?: boolean;
  /** How often it was listed again, and inspections said again that it is gone. */
  readonly contradictions?: number;
  /** It failed for good, and a later listing lacked it: it gets one more look. */
  readonly lastLook?: 'due' | 'taken';
  readonly reported?: boolean;
}

/**
 * Inspections that must contradict the list before it is believed to be wrong. Docker 28 to 29.1
 * can list a container that removed itself for as long as the engine runs:
 * https://github.com/moby/moby/issues/51692
 */
const MAX_CONTRADICTIONS = 3;

const LISTED_AGAIN = 'it was listed again after its removal, and there was no time to look';

const ONLY_LISTED = 'still listed, but each inspection says that it is not there: a restart of the provider clears its list';

export interface LedgerOptions {
  readonly provider: Pick<Provider, 'stages' | 'listingLagMs' | 'removalCommand'>;
  /** See `SweepOptions`. */
  readonly onSettled?: ((settlement: Settlement) => void) | undefined;
}

/**
 * Holds every resource of a sweep and its settlement. An entry is open until it is settled, and
 * after a failure while another round may mend it.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #provider: LedgerOptions['provider'];
  readonly #onSettled: LedgerOptions['onSettled'];
  #hasLatecomers = false;

  constructor({ provider, onSettled }: LedgerOptions) {
    this.#provider = provider;
    this.#onSettled = onSettled;
  }

  /** Adds what is owned of a listing, and reports the failures that it makes final. */
  discover(listed: readonly Resource[]): void {
    const isFirst = this.#entries.size === 0;
    for (const resource of listed) {
      const entry = this.#entries.get(keyOf(resource));
      if (entry === undefined) {
        this.#entries.set(keyOf(resource), { resource });
        this.#hasLatecomers ||= !isFirst && isWorkload(resource.kind);
      } else if (isGone(entry.settlement)) {
        // Another one of its name was created at another time.
        const isSame = entry.resource.createdAt === resource.createdAt;
        const again = { ...entry, contradictions: isSame ? (entry.contradictions ?? 0) : 0 };
        this.#entries.set(keyOf(resource), { ...again, reappeared: !isOnlyListed(again) });
      } else this.#entries.set(keyOf(resource), { ...entry, resource }); // It may know more: `dependents`.
    }
    const isOpen = this.#openness();
    for (const [key, entry] of this.#entries) if (!isOpen(entry)) this.#report(key);
  }

  /**
   * Opens once more what failed for good and is not in a whole listing: it may have ended, or gone by another's hand, since.
   * @param listed a listing that has every kind
   */
  reopenVanished(listed: readonly Resource[]): void {
    const there = new Set(listed.map(keyOf));
    const isOpen = this.#openness();
    for (const [key, entry] of this.#entries) {
      const hasFailed = entry.settlement?.outcome === 'failed' && !isOpen(entry);
      if (!hasFailed || there.has(key) || entry.lastLook) continue;
      this.#entries.set(key, { ...entry, lastLook: 'due' });
    }
  }

  /** Whether the sweep's last word on anything is that it failed. */
  get hasLastingFailures(): boolean {
    return [...this.#entries.values()].some(({ settlement }) => settlement?.outcome === 'failed');
  }

  /**
   * Whether something that runs was listed only after the first listing that had anything: then
   * something creates while the sweep removes. Other kinds may have been hidden by their users.
   */
  get hasLatecomers(): boolean {
    return this.#hasLatecomers;
  }

  /** Whether it is only listed: see `MAX_CONTRADICTIONS`. */
  isOnlyListed(resource: Resource): boolean {
    const entry = this.#entries.get(keyOf(resource));
    return entry !== undefined && isOnlyListed(entry);
  }

  has(resource: Resource): boolean {
    return this.#entries.has(keyOf(resource));
  }

  /** Whether something is left to do; true for an unknown resource. */
  isOpen(resource: Resource): boolean {
    const entry = this.#entries.get(keyOf(resource));
    return entry === undefined || this.#openness()(entry);
  }

  open(): readonly Resource[] {
    return [...this.#entries.values()].filter(this.#openness()).map(({ resource }) => resource);
  }

  /** Whether a failure is to be tried again. */
  hasFailures(): boolean {
    const isOpen = this.#openness();
    return [...this.#entries.values()].some((entry) => entry.settlement !== undefined && isOpen(entry));
  }

  hasFailedForGood(resource: Resource): boolean {
    const entry = this.#entries.get(keyOf(resource));
    return entry?.settlement?.outcome === 'failed' && !this.#openness()(entry);
  }

  /** Whether it stays because all its users stay on purpose. */
  isHeld(resource: Resource): boolean {
    const { outcome, heldBy } = this.#entries.get(keyOf(resource))?.settlement ?? {};
    return outcome === 'kept' && heldBy !== undefined;
  }

  /** The place in the provider's order; unknown kinds come last. */
  stageOf({ kind }: Resource): number {
    const { stages } = this.#provider;
    const stage = stages.findIndex((kinds) => kinds.includes(kind));
    return stage < 0 ? stages.length : stage;
  }

  settle(resource: Resource, settlement: Settlement): void {
    const before = this.#entries.get(keyOf(resource));
    const whole = before?.settlement ? this.#continued(before.settlement, settlement) : settlement;
    // Reports everything but the same end again.
    const reported =
      before?.reported === true && (isGone(whole) ? isGone(before.settlement) : whole.outcome === before.settlement?.outcome);
    const isContradicted = before?.reappeared === true && settlement.outcome === 'gone' && settlement.steps.length === 0;
    const entry = {
      resource,
      settlement: whole,
      reported,
      ...(before?.lastLook && { lastLook: 'taken' as const }),
      contradictions: isContradicted ? (before.contradictions ?? 0) + 1 : 0,
    };
    this.#entries.set(keyOf(resource), isOnlyListed(entry) ? { ...entry, settlement: { ...whole, reason: ONLY_LISTED } } : entry);
    if (whole.outcome !== 'failed') this.#report(keyOf(resource));
  }

  /** Settles as failed a resource that the provider itself says is not gone. */
  retract(resource: Resource, failure: Settlement): void {
    const before = this.#entries.get(keyOf(resource))?.settlement;
    this.#entries.set(keyOf(resource), { resource, settlement: before ? continued(before, failure) : failure });
  }

  /** Ends the sweep: reports what is still open, or was listed again by a provider whose listings do not lag, as failed. */
  close(): readonly Settlement[] {
    for (const { resource, settlement, reappeared } of this.#entries.values()) {
      if (!reappeared || settlement === undefined || this.#provider.listingLagMs !== undefined) continue;
      const command = this.#provider.removalCommand(resource);
      this.#entries.set(keyOf(resource), {
        resource,
        settlement: { ...settlement, outcome: 'failed', error: new Error(LISTED_AGAIN), command },
      });
    }
    for (const key of this.#entries.keys()) this.#report(key);
    return [...this.#entries.values()].flatMap(({ settlement }) => settlement ?? []);
  }

  #continued(before: Settlement, after: Settlement): Settlement {
    // It was only listed again. A failure without steps may be another resource with its name.
    const isLate = after.outcome === 'kept' || this.#provider.listingLagMs !== undefined;
    const isOnlyListed = after.outcome === 'gone' || (after.steps.length === 0 && isLate);
    return isGone(before) && isOnlyListed ? before : continued(before, after);
  }

  /**
   * Returns a test for open entries. A permanent failure also stays open while an earlier stage is
   * open: a container of that stage may hold it.
   */
  #openness(): (entry: Entry) => boolean {
    const isOpenItself = ({ settlement, reappeared, lastLook }: Entry) =>
      settlement === undefined ||
      reappeared === true ||
      lastLook === 'due' ||
      (settlement.outcome === 'failed' && settlement.retryable === true);
    const stages = [...this.#entries.values()].filter(isOpenItself).map(({ resource }) => this.stageOf(resource));
    const first = stages.reduce((min, stage) => Math.min(min, stage), Number.POSITIVE_INFINITY);
    return (entry) => isOpenItself(entry) || (entry.settlement?.outcome === 'failed' && this.stageOf(entry.resource) > first);
  }

  #report(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.settlement === undefined || entry.reported) return;
    this.#entries.set(key, { ...entry, reported: true });
    this.#onSettled?.(entry.settlement);
  }
}

function isOnlyListed({ contradictions = 0 }: Pick<Entry, 'contradictions'>): boolean {
  return contradictions >= MAX_CONTRADICTIONS;
}

function isGone(settlement: Settlement | undefined): boolean {
  return settlement !== undefined && ['graceful', 'killed', 'removed', 'gone'].includes(settlement.outcome);
}

function heldAsBefore({ command, heldBy }: Settlement): Partial<Settlement> {
  return { ...(command !== undefined && { command }), ...(heldBy && { heldBy }) };
}

/** Combines two reaps of the same resource. */
function continued(before: Settlement, after: Settlement): Settlement {
  const steps = after.steps.reduce(withStep, before.steps);
  const goneSince = before.outcome === 'failed' && (after.outcome === 'gone' || after.outcome === 'removed');
  const error = after.error && before.error ? continuedError(before.error, after.error) : after.error;
  return {
    ...after,
    // A passed deadline says nothing new about the holders.
    ...(after.error instanceof DeadlinePassed && before.outcome === 'failed' ? heldAsBefore(before) : {}),
    resource: before.resource,
    outcome: goneSince ? outcomeOf(before.resource, before.ending, steps) : after.outcome,
    ...(before.ending ? { ending: before.ending } : {}),
    ...(error ? { error } : {}),
    durationMs: before.durationMs + after.durationMs,
    steps,
  };
}

/** Adds a step, or merges it with an equal one: a stuck resource goes through many rounds. */
function withStep(steps: readonly Step[], step: Step): readonly Step[] {
  const index = steps.findIndex(
    ({ action, result, detail }) => action === step.action && result === step.result && detail === step.detail,
  );
  const earlier = steps[index];
  if (earlier === undefined) return [...steps, step];
  const retriedAfter = [...(earlier.retriedAfter ?? []), ...(step.retriedAfter ?? [])];
  return steps.with(index, {
    ...earlier,
    attempts: earlier.attempts + step.attempts,
    ...(retriedAfter.length > 0 ? { retriedAfter } : {}),
    durationMs: step.startedAt + step.durationMs - earlier.startedAt,
  });
}

/** Keeps the earlier error beside that of the deadline. */
function continuedError(before: Error, after: Error): Error {
  return after instanceof DeadlinePassed ? deadlineError(after, before) : after;
}
