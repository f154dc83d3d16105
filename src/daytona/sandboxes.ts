import type { Sandbox, SandboxListItem, SandboxState } from '@daytona/api-client';
import type { Clock } from '../reaper/clock';
import type { Ending, Provider, Rung } from '../reaper/provider';
import type { Resource } from '../reaper/resource';
import type { DaytonaClient } from './client';
import type { Curl } from './curl';
import { Changing, classify, type DaytonaError, HasForks, hasStatus, NotDeletable, Stuck } from './errors';

export const NAME = 'daytona';

/** How sandboxes are taken down. */
export interface DaytonaSettings {
  /** Milliseconds for one rung each: the request, and until the sandbox is seen to be where it should be. */
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

/**
 * Milliseconds after which nobody waits any longer for a sandbox that is being destroyed, or that refuses to be deleted because it is
 * changing: many times what either takes when all is well (building an image being the longest). Some stay so for an hour.
 */
const STUCK_MS = { destroying: 60_000, changing: 600_000 };

/** Sandboxes take seconds to stop and to go, and every look counts against the rate limit. */
const POLL_MS = { first: 500, most: 4_000 };

/** One organization's sandboxes at Daytona. */
export class Sandboxes implements Provider {
  readonly name = NAME;
  readonly stages = [['sandbox']] as const;
  readonly staleListings = true;
  readonly pollMs = POLL_MS;
  readonly classify = classify;
  readonly #client: DaytonaClient;
  readonly #curl: Curl;
  readonly #settings: DaytonaSettings;
  readonly #clock: Clock;
  /** Of those that were refused because of their forks: which these are. Listings do not tell. */
  readonly #forks = new Map<string, readonly string[]>();
  /** Those with forks which the sweep was told of, so that it takes the forks first. */
  readonly #ordered = new Set<string>();
  /** Since when each was seen to be on its way out, in milliseconds since the epoch. */
  readonly #leavingSince = new Map<string, number>();

  constructor(client: DaytonaClient, curl: Curl, settings: DaytonaSettings, clock: Clock) {
    this.#client = client;
    this.#curl = curl;
    this.#settings = settings;
    this.#clock = clock;
  }

  async list(signal: AbortSignal): Promise<readonly Resource[]> {
    const found: Resource[] = [];
    for await (const page of this.#client.pages(signal)) {
      found.push(...page.filter(({ state }) => state !== 'destroyed').map((sandbox) => this.#resource(sandbox)));
    }
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

  async #stop(id: string, force: boolean, ending: Ending, signal: AbortSignal): Promise<Ending> {
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
    const isStuck = this.#clock.now() - since >= STUCK_MS.changing;
    return isStuck ? new Stuck(`${refusal.message} (it has been ${text})`, { cause: refusal }) : new Changing(text, refusal);
  }

  /** A key that may not delete may still stop: then it costs next to nothing. */
  async #stopInstead(now: Sandbox, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    if (isStoppable(now)) await this.#stop(now.id, true, 'killed', signal);
    else if (!AT_REST.has(now.state ?? '')) return this.#changing(now, refusal);
    return new NotDeletable(`stopped, not deleted: the key lacks delete:sandboxes (${refusal.message})`, { cause: refusal });
  }

  /** 400 is what a delete gets for forks that are still there; whatever else it means stays what it is. */
  async #forksOf(id: string, refusal: DaytonaError, signal: AbortSignal): Promise<Error> {
    const forks = await this.#client.forks(id, signal).catch(() => []);
    if (forks.length === 0 && !/\bforks?\b/i.test(refusal.message)) return refusal;
    const ids = forks.map((fork) => fork.id);
    // The sweep has taken first what it was told of: what is still there is not its to take.
    const stay = this.#ordered.has(id) && ids.every((fork) => this.#forks.get(id)?.includes(fork));
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
    if (forks) this.#ordered.add(id);
    const created = timeOf(createdAt);
    const updated = timeOf(updatedAt);
    return {
      provider: NAME,
      kind: 'sandbox',
      id,
      name: name || id,
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
function isLeaving({ state, desiredState }: Sandbox): boolean {
  return state === 'destroying' || desiredState === 'destroyed';
}

function timeOf(iso: string | undefined): number | undefined {
  const time = iso === undefined ? Number.NaN : Date.parse(iso);
  return Number.isNaN(time) ? undefined : time;
}
