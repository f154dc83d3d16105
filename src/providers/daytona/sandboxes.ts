import type { SandboxState } from '@daytona/api-client';
import type { FailedRemoval, Provider, Rung, StopOutcome } from '../../core/provider';
import type { Kind, Resource } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import { isUsableId, type SandboxInfo } from './answers';
import type { DaytonaClient } from './client';
import type { Curl } from './curl';
import {
  Changing,
  classify,
  type DaytonaError,
  HasForks,
  hasStatus,
  NotDeletable,
  Stuck,
  TooFewRequests,
  Undeleted,
} from './errors';

export const NAME = 'daytona';

export interface DaytonaSettings {
  /** Milliseconds of each rung, for one request and then for its effect. */
  readonly stopMs: number;
  readonly removeMs: number;
}

/** States in which nothing runs. Any other sandbox may be in use, or come into use. */
const AT_REST: ReadonlySet<string> = new Set<SandboxState>([
  'stopped',
  'paused',
  'archived',
  'archiving',
  'error',
  'build_failed',
  'pending_build',
  'destroying',
  'destroyed',
]);

/** States after a failure of Daytona's. */
const FAILED: ReadonlySet<string> = new Set<SandboxState>(['error', 'build_failed']);

/**
 * Milliseconds in a passing state after which a sandbox counts as lost: many times the usual.
 * Daytona's own client gives up on a start after 60 s. `unknown`: its runner does not know it yet.
 */
const PATIENCE_MS: Partial<Readonly<Record<string, number>>> = {
  creating: 60_000,
  starting: 60_000,
  stopping: 60_000,
  resizing: 60_000,
  pausing: 60_000,
  resuming: 60_000,
  unknown: 60_000,
  destroying: 60_000,
  // These move images and disks.
  restoring: 600_000,
  pending_build: 600_000,
  building_snapshot: 600_000,
  pulling_snapshot: 600_000,
  archiving: 600_000,
  snapshotting: 600_000,
  forking: 600_000,
} satisfies Partial<Record<SandboxState, number>>;

/**
 * Milliseconds from a stop until Daytona's runner kills. It can't be hastened: meanwhile the API
 * refuses forced stops and deletions. Read in v0.190, apps/runner/pkg/docker/stop.go.
 */
const DAYTONA_KILLS_AFTER_MS = 10_000;

/** Milliseconds. Listings are late by about 2 s, observed on API server v0.190. */
const LISTING_LAG_MS = 2_500;

/** Milliseconds. Ten thousand sandboxes have fifty pages, fetched one by one. */
const LIST_TIMEOUT_MS = 120_000;

/** Sandboxes take seconds to stop, and each inspection counts against the rate limit. */
const POLL_MS = { first: 500, max: 4_000 };

/**
 * The number of sandboxes above which the rate limit takes longest: an inspection that comes too
 * early costs more than one that comes late.
 */
const MANY = 1_000;
const POLL_MANY_MS = { first: 2_000, max: 4_000 };

/** When a sandbox entered its state, in milliseconds since the epoch. */
interface Since {
  readonly state: string;
  /** By the server's clock. */
  readonly since: number;
  /** By our clock: the first time we saw it. */
  readonly seenSince: number;
}

/** The sandboxes of one organization. */
export class Sandboxes implements Provider {
  readonly name = NAME;
  readonly stages = [['sandbox']] as const;
  readonly listingLagMs = LISTING_LAG_MS;
  readonly listTimeoutMs = LIST_TIMEOUT_MS;
  pollMs = POLL_MS;
  readonly classify = classify;
  readonly #client: DaytonaClient;
  readonly #curl: Curl;
  readonly #settings: DaytonaSettings;
  readonly #clock: Clock;
  /** Forks that prevent a deletion, by sandbox. Listings do not show them. */
  readonly #forks = new Map<string, readonly string[]>();
  /** Sandboxes of `#forks` that were listed again, so that the sweep deletes forks first. */
  readonly #ordered = new Set<string>();
  /** Names before the deletion, which renames a sandbox: it may be owned by name. */
  readonly #names = new Map<string, string>();
  readonly #since = new Map<string, Since>();
  /** Sandboxes that we stopped. */
  readonly #stopped = new Set<string>();
  /** Sandboxes whose deletion has not been requested yet. */
  readonly #toDelete = new Set<string>();
  /** Sandboxes that had failed before their deletion. Daytona hides them, and does nothing. */
  readonly #failedBefore = new Set<string>();

  constructor(client: DaytonaClient, curl: Curl, settings: DaytonaSettings, clock: Clock) {
    this.#client = client;
    this.#curl = curl;
    this.#settings = settings;
    this.#clock = clock;
  }

  async list(_kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    const found: Resource[] = [];
    for await (const page of this.#client.pages(signal)) {
      const there = page.filter((sandbox) => sandbox.state !== 'destroyed' && !isUndeleted(sandbox));
      found.push(...there.map((sandbox) => this.#resource(sandbox)));
    }
    if (found.length >= MANY) this.pollMs = POLL_MANY_MS;
    for (const { id } of found) if (this.#forks.has(id)) this.#ordered.add(id);
    return found;
  }

  /** Sandboxes that Daytona calls gone and hides. It forgets them after 7 days (v0.190). */
  async failedRemovals(signal: AbortSignal): Promise<readonly FailedRemoval[]> {
    const found: FailedRemoval[] = [];
    for await (const page of this.#client.undeleted(signal)) {
      const failed = page.filter((sandbox) => isUndeleted(sandbox) && !this.#failedBefore.has(sandbox.id));
      found.push(
        ...failed.map((sandbox) => ({
          resource: this.#resource(sandbox),
          error: new Undeleted(sandbox.errorReason),
          command: this.#curl.undeleted(sandbox.id),
        })),
      );
    }
    return found;
  }

  async inspect({ id }: Resource, signal: AbortSignal): Promise<Resource | undefined> {
    const now = await this.#inspect(id, signal);
    if (now === undefined || isLeaving(now)) this.#toDelete.delete(id);
    else this.#toDelete.add(id);
    return now && this.#resource(now);
  }

  /**
   * Stops a started sandbox before the deletion. No kill: a deletion kills. Skips the stop when
   * requests run short, so that each sandbox takes only one.
   */
  ladder(resource: Resource): readonly Rung[] {
    const { stopMs, removeMs } = this.#settings;
    const stop: Rung = {
      action: 'stop',
      timeoutMs: Math.min(stopMs, DAYTONA_KILLS_AFTER_MS),
      waits: false,
      ...(this.#isShortOfRequests() ? { skip: TooFewRequests.MESSAGE } : {}),
      run: (signal) => this.#stop(resource.id, signal),
      reached: ({ state }) => state !== 'started' && state !== 'stopping',
    };
    const remove: Rung = {
      action: 'remove',
      timeoutMs: removeMs,
      waits: false,
      run: (signal) => this.#delete(resource, signal),
      reached: () => false,
    };
    return resource.state === 'started' ? [stop, remove] : [remove];
  }

  removalCommand({ id }: Resource): string {
    return this.#curl.removal(id);
  }

  async #stop(id: string, signal: AbortSignal): Promise<StopOutcome> {
    // Others may have used them up meanwhile.
    if (this.#isShortOfRequests()) throw new TooFewRequests();
    try {
      await this.#client.stop(id, false, signal);
      this.#stopped.add(id);
    } catch (error) {
      if (!hasStatus(error, 400, 409)) throw error;
      // It has stopped, something else stops it, or its state is changing.
      const now = await this.#client.get(id, signal);
      if (!isStopping(now) && (!AT_REST.has(now.state) || FAILED.has(now.state))) throw error;
    }
    return 'graceful';
  }

  /** @returns `graceful` if something else was stopping it: the deletion had to wait for that */
  async #delete({ id, state }: Resource, signal: AbortSignal): Promise<StopOutcome | undefined> {
    try {
      await this.#client.delete(id, signal);
      this.#toDelete.delete(id);
      if (FAILED.has(state) && !this.#stopped.has(id)) this.#failedBefore.add(id);
    } catch (error) {
      if (hasStatus(error, 400)) throw await this.#forksOf(id, error, signal);
      if (!hasStatus(error, 403, 409, 500)) throw error;
      await this.#explainRefusal(id, error, signal);
    }
    return state === 'stopping' && !this.#stopped.has(id) ? 'graceful' : undefined;
  }

  /**
   * Finds out why a deletion was refused.
   * @throws unless the sandbox is gone or going
   */
  async #explainRefusal(id: string, refusal: DaytonaError, signal: AbortSignal): Promise<void> {
    const now = await this.#inspect(id, signal);
    if (now === undefined) return;
    if (isLeaving(now)) this.#requireProgress(id);
    else if (refusal.statusCode === 403) throw await this.#stopInstead(now, refusal, signal);
    else throw this.#changing(now, refusal);
  }

  /** Whether a stop could use up the request for another sandbox's deletion. */
  #isShortOfRequests(): boolean {
    return this.#client.isShortOfRequests(this.#toDelete.size);
  }

  /** Inspects the sandbox, because listings are late. */
  async #inspect(id: string, signal: AbortSignal): Promise<SandboxInfo | undefined> {
    try {
      const now = await this.#client.get(id, signal);
      if (now.state === 'destroyed') return undefined;
      this.#watch(now);
      return now;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #watch(sandbox: SandboxInfo): void {
    const state = isLeaving(sandbox) ? 'destroying' : sandbox.state;
    if (this.#since.get(sandbox.id)?.state === state) return;
    this.#since.set(sandbox.id, { state, since: sandbox.updatedAt ?? this.#serverNow(), seenSince: this.#clock.now() });
  }

  /** Milliseconds since the epoch, by the server's clock. */
  #serverNow(): number {
    return this.#clock.now() + this.#client.serverAheadMs;
  }

  /** Whether it has been in a passing state for too long. */
  #isLost({ state, since, seenSince }: Since): boolean {
    const patience = PATIENCE_MS[state] ?? Number.POSITIVE_INFINITY;
    return this.#serverNow() - since >= patience || this.#clock.now() - seenSince >= patience;
  }

  /** @throws {Stuck} when its deletion began long ago */
  #requireProgress(id: string): void {
    const known = this.#since.get(id);
    if (known === undefined || !this.#isLost(known)) return;
    throw new Stuck(`Daytona has been destroying it since ${timeText(known.since)}, without success`);
  }

  #changing({ id, state }: SandboxInfo, refusal: DaytonaError): Error {
    const known = this.#since.get(id);
    if (known === undefined) return new Changing(state, refusal);
    const text = `${state} since ${timeText(known.since)}`;
    if (!this.#isLost(known)) return new Changing(text, refusal);
    return new Stuck(`${refusal.message} (it has been ${text})`, { cause: refusal });
  }

  /** Stops what the key may not delete: a stopped sandbox costs almost nothing. */
  async #stopInstead(now: SandboxInfo, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    const { id, state } = now;
    if (state === 'started' && !isStopping(now)) {
      const stopRefusal = await this.#client.stop(id, true, signal).catch((error: unknown) => error);
      if (hasStatus(stopRefusal, 403)) {
        const message = `it is still started: the key lacks write:sandboxes and delete:sandboxes (${refusal.answer})`;
        return new NotDeletable(message, { cause: refusal });
      }
    }
    if (!AT_REST.has(state)) return this.#changing(now, refusal);
    return new NotDeletable(`${state}, not deleted: the key lacks delete:sandboxes (${refusal.answer})`, { cause: refusal });
  }

  /** A deletion gets 400 if forks exist, and for other reasons. */
  async #forksOf(id: string, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    const forks = await this.#client.forks(id, signal).catch(() => []);
    if (forks.length === 0 && !/\bforks?\b/i.test(refusal.message)) return refusal;
    const ids = forks.map((fork) => fork.id);
    // The sweep deletes known forks first. Forks that still exist then are not the sweep's.
    const stay = this.#ordered.has(id) && !forks.some(isLeaving) && ids.every((fork) => this.#forks.get(id)?.includes(fork));
    this.#forks.set(id, ids);
    return new HasForks(
      forks.map(({ name }) => name),
      !stay,
      refusal,
    );
  }

  #resource(sandbox: SandboxInfo): Resource {
    const { id, name } = sandbox;
    const forks = this.#forks.get(id);
    if (!this.#names.has(id)) this.#names.set(id, nameBefore(name));
    const firstName = this.#names.get(id) ?? name;
    return {
      ...resourceOf(sandbox),
      name: isLeaving(sandbox) ? firstName : name,
      ...(forks ? { dependents: forks } : {}),
    };
  }
}

/** What a sandbox tells of itself. */
export function resourceOf(sandbox: SandboxInfo): Resource {
  const { id, name, snapshot, labels, createdAt, updatedAt } = sandbox;
  const state = isStopping(sandbox) ? 'stopping' : sandbox.state;
  return {
    provider: NAME,
    kind: 'sandbox',
    id,
    name,
    state,
    running: !AT_REST.has(state),
    labels,
    ...(snapshot === undefined ? {} : { image: snapshot }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { stateSince: updatedAt }),
  };
}

/** Right after an accepted stop, only the desired state shows it. */
function isStopping({ state, desiredState }: SandboxInfo): boolean {
  return state === 'stopping' || (state === 'started' && desiredState === 'stopped');
}

/** It is being deleted, or its deletion was requested. */
function isLeaving({ state, desiredState }: SandboxInfo): boolean {
  return state === 'destroying' || desiredState === 'destroyed';
}

/** Daytona failed to delete it. */
function isUndeleted({ id, state, desiredState }: SandboxInfo): boolean {
  return FAILED.has(state) && desiredState === 'destroyed' && isUsableId(id);
}

/** Daytona renames a deleted sandbox to `DESTROYED_<name>_<time>`. */
function nameBefore(name: string): string {
  return /^DESTROYED_(.+)_\d+$/.exec(name)?.[1] ?? name;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
