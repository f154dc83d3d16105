import type { Sandbox, SandboxListItem, SandboxState } from '@daytona/api-client';
import type { Provider, Rung, StopOutcome } from '../../core/provider';
import type { Kind, Resource } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import type { DaytonaClient } from './client';
import type { Curl } from './curl';
import { Changing, classify, type DaytonaError, HasForks, hasStatus, NotDeletable, Stuck } from './errors';

export const NAME = 'daytona';

/** How sandboxes are taken down. */
export interface DaytonaSettings {
  /** Milliseconds of each rung: for one request, and after its answer until the sandbox is seen to be where it should be. */
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
}

/** States in which nothing runs, and nothing will by itself. All others may be somebody's work, or become it. */
const AT_REST: ReadonlySet<string> = new Set<SandboxState>([
  'stopped',
  'archived',
  'archiving',
  'error',
  'build_failed',
  'destroying',
  'destroyed',
]);

/** States in which a stop has something to end. In all others a delete is all there is to do: they refuse it while they change. */
const STOPPABLE: ReadonlySet<string> = new Set<SandboxState>(['started', 'stopping']);

/** States that come to an end by themselves, unless Daytona has lost the sandbox. */
const IN_BETWEEN: ReadonlySet<string> = new Set<SandboxState>([
  'creating',
  'restoring',
  'starting',
  'stopping',
  'pending_build',
  'building_snapshot',
  'pulling_snapshot',
  'archiving',
  'resizing',
  'snapshotting',
  'forking',
  'pausing',
  'resuming',
]);

/**
 * Milliseconds after which nobody waits any longer for a sandbox that is being destroyed, or that refuses to be deleted because it is
 * changing: many times what either takes when all is well (building an image being the longest). Some stay so for an hour.
 */
const STUCK_MS = { destroying: 60_000, changing: 600_000 };

/** For about 2 s a listing may tell of a sandbox as it was. Observed on API server v0.190. */
const LISTING_LAG_MS = 2_500;

/** Milliseconds for a listing: of ten thousand sandboxes it has fifty pages, one after the other. */
const LIST_TIMEOUT_MS = 120_000;

/** Sandboxes take seconds to stop and to go, and every look counts against the rate limit. */
const POLL_MS = { first: 500, most: 4_000 };

/** One organization's sandboxes at Daytona. */
export class Sandboxes implements Provider {
  readonly name = NAME;
  readonly stages = [['sandbox']] as const;
  readonly listingLagMs = LISTING_LAG_MS;
  readonly listTimeoutMs = LIST_TIMEOUT_MS;
  readonly pollMs = POLL_MS;
  readonly classify = classify;
  readonly #client: DaytonaClient;
  readonly #curl: Curl;
  readonly #settings: DaytonaSettings;
  readonly #clock: Clock;
  /** Of those that were refused because of their forks: which these are. Listings do not tell. */
  readonly #forks = new Map<string, readonly string[]>();
  /** Those with forks which a listing told of since, so that the sweep takes the forks first. */
  readonly #ordered = new Set<string>();
  /** Under which name each was first seen: a delete gives it another, and it may be owned by its name. */
  readonly #names = new Map<string, string>();
  /** Since when each was seen to be on its way out, in milliseconds since the epoch. */
  readonly #leavingSince = new Map<string, number>();

  constructor(client: DaytonaClient, curl: Curl, settings: DaytonaSettings, clock: Clock) {
    this.#client = client;
    this.#curl = curl;
    this.#settings = settings;
    this.#clock = clock;
  }

  async list(_kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    const found: Resource[] = [];
    for await (const page of this.#client.pages(signal)) {
      found.push(...page.filter(({ state }) => state !== 'destroyed').map((sandbox) => this.#resource(sandbox)));
    }
    for (const { id } of found) if (this.#forks.has(id)) this.#ordered.add(id);
    return found;
  }

  async inspect({ id }: Resource, signal: AbortSignal): Promise<Resource | undefined> {
    const now = await this.#look(id, signal);
    return now && this.#resource(now);
  }

  /**
   * By state: what is started is stopped, stopped by force, and deleted; everything else is deleted. What is in between two states
   * refuses that with 409 or 500, which are tried again with backoff until it has come through, and its ladder may be another one then.
   */
  ladder({ id, state }: Resource): readonly Rung[] {
    const { stopMs, killMs, removeMs } = this.#settings;
    const hasStopped = (now: Resource) => !STOPPABLE.has(now.state);
    const stop: Rung = {
      action: 'stop',
      timeoutMs: stopMs,
      waits: false,
      run: (signal) => this.#stop(id, false, 'graceful', signal),
      reached: hasStopped,
    };
    const kill: Rung = {
      action: 'kill',
      timeoutMs: killMs,
      waits: false,
      run: (signal) => this.#stop(id, true, 'killed', signal),
      reached: hasStopped,
    };
    const remove: Rung = {
      action: 'remove',
      timeoutMs: removeMs,
      waits: false,
      run: (signal) => this.#delete(id, signal),
      reached: () => false,
    };
    return STOPPABLE.has(state) ? [stop, kill, remove] : [remove];
  }

  removalCommand({ id }: Resource): string {
    return this.#curl.removal(id);
  }

  async #stop(id: string, force: boolean, ending: StopOutcome, signal: AbortSignal): Promise<StopOutcome> {
    try {
      await this.#client.stop(id, force, signal);
    } catch (error) {
      if (!hasStatus(error, 400, 409)) throw error;
      // Refused: it has stopped meanwhile, somebody else is stopping it, or it is in between two other states.
      const now = await this.#look(id, signal);
      const isStopping = !force && (now?.state === 'stopping' || now?.desiredState === 'stopped');
      if (now !== undefined && isStoppable(now) && !isStopping) throw error;
    }
    return ending;
  }

  async #delete(id: string, signal: AbortSignal): Promise<undefined> {
    try {
      await this.#client.delete(id, signal);
    } catch (error) {
      if (hasStatus(error, 400)) throw await this.#forksOf(id, error, signal);
      if (!hasStatus(error, 403, 409)) throw error;
      const now = await this.#look(id, signal);
      if (now === undefined) return;
      if (isLeaving(now)) this.#requireProgress(id);
      else if (hasStatus(error, 403)) throw await this.#stopInstead(now, error, signal);
      else throw this.#changing(now, error);
    }
  }

  /** The sandbox itself tells: listings lag behind. */
  async #look(id: string, signal: AbortSignal): Promise<Sandbox | undefined> {
    try {
      const now = await this.#client.get(id, signal);
      if (now.state === 'destroyed') return undefined;
      if (isLeaving(now) && !this.#leavingSince.has(id)) this.#leavingSince.set(id, timeOf(now.updatedAt) ?? this.#clock.now());
      return now;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** @throws {Stuck} when it was told to go long ago */
  #requireProgress(id: string): void {
    const since = this.#leavingSince.get(id) ?? this.#clock.now();
    if (this.#clock.now() - since < STUCK_MS.destroying) return;
    throw new Stuck(`it has been destroying since ${new Date(since).toISOString()}, and Daytona does not get it done`);
  }

  #changing({ state = 'unknown', updatedAt }: Sandbox, refusal: DaytonaError): Error {
    const since = timeOf(updatedAt);
    if (since === undefined) return new Changing(state, refusal);
    const text = `${state} since ${new Date(since).toISOString()}`;
    const isStuck = IN_BETWEEN.has(state) && this.#clock.now() - since >= STUCK_MS.changing;
    return isStuck ? new Stuck(`${refusal.message} (it has been ${text})`, { cause: refusal }) : new Changing(text, refusal);
  }

  /** A key that may not delete may still stop: then it costs next to nothing. That it has stopped is for the next look to see. */
  async #stopInstead(now: Sandbox, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    const { id, state = 'unknown' } = now;
    if (isStoppable(now)) await this.#stop(id, true, 'killed', signal);
    if (isStoppable(now) || IN_BETWEEN.has(state)) return this.#changing(now, refusal);
    return new NotDeletable(`${state}, not deleted: the key lacks delete:sandboxes (${refusal.message})`, { cause: refusal });
  }

  /** 400 is what a delete gets for forks that are still there; whatever else it means stays what it is. */
  async #forksOf(id: string, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    const forks = await this.#client.forks(id, signal).catch(() => []);
    if (forks.length === 0 && !/\bforks?\b/i.test(refusal.message)) return refusal;
    const ids = forks.map((fork) => fork.id);
    // The sweep has taken first what it was told of: what is still there is not its to take.
    const stay = this.#ordered.has(id) && !forks.some(isLeaving) && ids.every((fork) => this.#forks.get(id)?.includes(fork));
    this.#forks.set(id, ids);
    return new HasForks(
      forks.map(({ name, id: fork }) => name || fork),
      !stay,
      refusal,
    );
  }

  #resource(sandbox: Sandbox | SandboxListItem): Resource {
    const { id, name, snapshot, state = 'unknown', labels, createdAt, updatedAt } = sandbox;
    const forks = this.#forks.get(id);
    if (!this.#names.has(id)) this.#names.set(id, name || id);
    const known = this.#names.get(id) ?? name;
    const created = timeOf(createdAt);
    const updated = timeOf(updatedAt);
    return {
      provider: NAME,
      kind: 'sandbox',
      id,
      name: isLeaving(sandbox) ? known : name || id,
      state,
      running: !AT_REST.has(state),
      labels: labels ?? {},
      ...(snapshot ? { image: snapshot } : {}),
      ...(created === undefined ? {} : { createdAt: created }),
      ...(updated === undefined ? {} : { stateSince: updated }),
      ...(forks ? { dependents: forks } : {}),
    };
  }
}

function isStoppable({ state }: Sandbox): boolean {
  return STOPPABLE.has(state ?? '');
}

/** It is being destroyed, or is told to be. */
function isLeaving({ state, desiredState }: Pick<Sandbox, 'state' | 'desiredState'>): boolean {
  return state === 'destroying' || desiredState === 'destroyed';
}

function timeOf(iso: string | undefined): number | undefined {
  const time = iso === undefined ? Number.NaN : Date.parse(iso);
  return Number.isNaN(time) ? undefined : time;
}
