import type { ErrorClass, Provider, Rung, RungAction, StopOutcome } from '../../../src/core/provider';
import type { Kind, Resource } from '../../../src/core/resource';
import type { Clock } from '../../../src/lib/clock';

/** How a resource is at the start, and how it takes what is done to it. */
export interface ModelResource {
  readonly kind: Kind;
  readonly owned: boolean;
  readonly state: 'running' | 'paused' | 'exited' | 'created' | 'dead';
  /** Milliseconds from the stop signal to its end; `Infinity`: deaf to it. */
  readonly endsAfterMs: number;
  /** Removed by the provider as soon as it ends. */
  readonly autoRemove: boolean;
  /** Milliseconds from the answer to a removal until it is gone; `Infinity`: it hangs. */
  readonly lingersMs: number;
  /** Milliseconds from the start of the sweep until it is there. */
  readonly appearsAfterMs: number;
  /** Milliseconds from the start until something else removes it. */
  readonly vanishesAfterMs: number;
  /** Milliseconds from the start until it changes hands; only where listings lag. */
  readonly changesHandsAfterMs: number;
  /** How often something else makes a new one in its place when it has been removed, as a Swarm service does. */
  readonly respawns: number;
  /** Removals are refused for good. */
  readonly refused: boolean;
  /** Stays on the list when it is gone. */
  readonly ghost: boolean;
  readonly protected: boolean;
}

export interface ModelOptions {
  readonly resources: readonly ModelResource[];
  /** Part of the requests that go wrong, from 0 to 1. */
  readonly faultRate: number;
  /** Milliseconds after the start from which nothing goes wrong any more. */
  readonly faultsUntilMs: number;
  /** Milliseconds by which listings are out of date; 0: they are the truth. */
  readonly lagMs: number;
  /** Milliseconds that an answer takes at most, when nothing goes wrong. */
  readonly latencyMs: number;
  readonly clock: Clock;
  /** Decides what goes wrong. */
  readonly random: () => number;
}

interface Entity {
  resource: Resource;
  readonly model: ModelResource;
  owned: boolean;
  goneAt: number;
  /** How it ended, when it ran. */
  endedBy?: 'stop' | 'stop-kill' | 'kill' | 'removal' | 'somebody';
  stopSignalAt?: number;
}

/** A request that changes something, and what the reaper could know when it sent it. */
export interface Touch {
  readonly id: string;
  readonly action: RungAction;
  readonly at: number;
  /** The last answer about it, from a listing or an inspection, said that it is owned. */
  readonly knownAsOwned: boolean;
}

class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly errorClass: ErrorClass;
  constructor(errorClass: ErrorClass, message: string) {
    super(message);
    this.errorClass = errorClass;
  }
}

const GONE: ErrorClass = { kind: 'gone' };
const RETRYABLE: ErrorClass = { kind: 'retryable' };
const PERMANENT: ErrorClass = { kind: 'permanent' };
const RUNNING = new Set(['running', 'paused']);

/** Milliseconds until a removed one is made again, at most. */
const RESPAWN_MS = 6_000;

/** The times of its rungs, in milliseconds. */
const TIMEOUT_MS: Readonly<Record<RungAction, number>> = { stop: 15_000, kill: 5_000, remove: 10_000 };

/** An engine or a cloud in memory, in which everything can go wrong that does in real ones. */
export class ModelProvider implements Provider {
  readonly name = 'model';
  readonly stages: readonly (readonly Kind[])[] = [['container', 'sandbox'], ['network', 'volume'], ['image']];
  readonly listingLagMs?: number;
  readonly touches: Touch[] = [];
  /** Milliseconds since the epoch at which the last good listing of each kind was made. */
  readonly #listedAt = new Map<Kind, number>();
  readonly #options: ModelOptions;
  readonly #startedAt: number;
  readonly #entities = new Map<string, Entity>();
  readonly #known = new Map<string, boolean>();
  /** What listings showed, with the time from which they did. */
  readonly #history: { readonly at: number; readonly listed: readonly Resource[] }[] = [];

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    if (options.lagMs > 0) this.listingLagMs = options.lagMs;
    for (const [index, model] of options.resources.entries()) this.#plan(`r${index}`, model);
    this.#remember();
  }

  async list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    const { clock, lagMs, random } = this.#options;
    const [at, all] = await this.#request(signal, () => {
      const now = clock.now();
      return [now, lagMs > 0 ? this.#asOf(now - lagMs * random()) : this.#listing()] as const;
    });
    const listed = all.filter((resource) => resource.kind === kind);
    this.#listedAt.set(kind, at);
    for (const { id, labels } of listed) this.#known.set(id, labels['owned'] === 'true');
    return listed;
  }

  async inspect({ id }: Resource, signal: AbortSignal): Promise<Resource | undefined> {
    const found = await this.#request(signal, () => {
      const entity = this.#entities.get(id);
      return entity === undefined || this.#isGone(entity) ? undefined : entity.resource;
    });
    if (found !== undefined) this.#known.set(id, found.labels['owned'] === 'true');
    return found;
  }

  ladder(resource: Resource): readonly Rung[] {
    const rung = (action: RungAction, run: Rung['run'], more: Partial<Rung> = {}): Rung => ({
      action,
      timeoutMs: TIMEOUT_MS[action],
      waits: action === 'stop',
      run,
      ...more,
    });
    const remove = rung('remove', (signal) => this.#remove(resource, signal), { reached: () => false });
    if (!resource.running) return [remove];
    const deaf = resource.state === 'paused' ? { skip: 'it is paused' } : {};
    const stop = rung('stop', (signal, graceMs) => this.#stop(resource, signal, graceMs), deaf);
    return [stop, rung('kill', (signal) => this.#kill(resource, signal)), remove];
  }

  classify(error: unknown): ErrorClass {
    return error instanceof ModelError ? error.errorClass : PERMANENT;
  }

  removalCommand({ id }: Resource): string {
    return `model rm ${id}`;
  }

  /** Whether it was there at that time. */
  wasThere(id: string, at: number): boolean {
    const entity = this.#entities.get(id);
    return entity !== undefined && entity.goneAt > at;
  }

  /** What was owned, unprotected, and there so long before its kind was last listed. */
  ownedBeforeLastListing(ms: number): readonly string[] {
    const there = [...this.#entities].filter(([id, { owned, model, resource }]) => {
      const at = (this.#listedAt.get(resource.kind) ?? Number.NEGATIVE_INFINITY) - ms;
      return owned && !model.protected && (resource.createdAt ?? 0) <= at && this.wasThere(id, at);
    });
    return there.map(([id]) => id);
  }

  lastListedAt(kind: Kind): number {
    return this.#listedAt.get(kind) ?? Number.NEGATIVE_INFINITY;
  }

  endOf(id: string): Entity['endedBy'] {
    return this.#entities.get(id)?.endedBy;
  }

  #plan(id: string, model: ModelResource): void {
    const { clock, lagMs } = this.#options;
    const appear = () => {
      this.#entities.set(id, {
        resource: this.#resource(id, model),
        model,
        owned: model.owned,
        goneAt: Number.POSITIVE_INFINITY,
      });
      this.#remember();
    };
    if (model.appearsAfterMs === 0) appear();
    else clock.after(model.appearsAfterMs, appear);
    if (Number.isFinite(model.vanishesAfterMs)) {
      clock.after(model.appearsAfterMs + model.vanishesAfterMs, () => this.#gone(id, 'somebody'));
    }
    if (lagMs > 0 && Number.isFinite(model.changesHandsAfterMs)) {
      clock.after(model.appearsAfterMs + model.changesHandsAfterMs, () => this.#changeHands(id));
    }
  }

  #resource(id: string, { kind, owned, state, protected: isProtected }: ModelResource): Resource {
    const canRun = kind === 'container' || kind === 'sandbox';
    return {
      provider: this.name,
      kind,
      id,
      name: id,
      state: canRun ? state : 'there',
      running: canRun && RUNNING.has(state),
      labels: { owned: `${owned}` },
      createdAt: this.#options.clock.now(),
      ...(isProtected ? { protection: 'it runs this process' } : {}),
    };
  }

  #changeHands(id: string): void {
    const entity = this.#entities.get(id);
    if (entity === undefined || this.#isGone(entity)) return;
    entity.owned = !entity.owned;
    entity.resource = { ...entity.resource, labels: { owned: `${entity.owned}` } };
    this.#remember();
  }

  #isGone({ goneAt }: Entity): boolean {
    return goneAt <= this.#options.clock.now();
  }

  #gone(id: string, by: Entity['endedBy']): void {
    const entity = this.#entities.get(id);
    if (entity === undefined || this.#isGone(entity)) return;
    this.#ended(entity, by);
    entity.goneAt = this.#options.clock.now();
    this.#remember();
    const { model } = entity;
    if (by === 'removal' && model.respawns > 0) {
      this.#plan(`${id}.next`, { ...model, respawns: model.respawns - 1, appearsAfterMs: RESPAWN_MS * this.#options.random() });
    }
  }

  #ended(entity: Entity, by: Entity['endedBy']): void {
    if (!entity.resource.running) return;
    if (by !== undefined) entity.endedBy = by;
    entity.resource = { ...entity.resource, state: 'exited', running: false };
    if (entity.model.autoRemove) entity.goneAt = this.#options.clock.now();
    this.#remember();
  }

  #listing(): readonly Resource[] {
    const listed = [...this.#entities.values()].filter((entity) => !this.#isGone(entity) || entity.model.ghost);
    return listed.map(({ resource }) => resource);
  }

  #remember(): void {
    if (this.#options.lagMs > 0) this.#history.push({ at: this.#options.clock.now(), listed: this.#listing() });
  }

  #asOf(at: number): readonly Resource[] {
    return (this.#history.findLast((moment) => moment.at <= at) ?? this.#history[0])?.listed ?? [];
  }

  #stop(resource: Resource, signal: AbortSignal, graceMs: number): Promise<StopOutcome | undefined> {
    return this.#work('stop', resource, signal, async (entity) => {
      const { clock } = this.#options;
      if (!entity.resource.running) return entity.endedBy === 'stop' ? 'graceful' : 'killed';
      entity.stopSignalAt ??= clock.now();
      const endsIn = entity.stopSignalAt + entity.model.endsAfterMs - clock.now();
      // The engine goes on though its client may have left: it ends it, or kills it when the grace is over.
      const byItself = endsIn <= graceMs;
      const ended = Promise.withResolvers<void>();
      clock.after(Math.max(0, Math.min(endsIn, graceMs)), () => {
        this.#ended(entity, byItself ? 'stop' : 'stop-kill');
        ended.resolve();
      });
      await ended.promise;
      return byItself ? 'graceful' : 'killed';
    });
  }

  #kill(resource: Resource, signal: AbortSignal): Promise<undefined> {
    return this.#work('kill', resource, signal, async (entity) => {
      this.#ended(entity, 'kill');
      return undefined;
    });
  }

  #remove(resource: Resource, signal: AbortSignal): Promise<undefined> {
    return this.#work('remove', resource, signal, async (entity) => {
      if (entity.model.refused) throw new ModelError(PERMANENT, 'removal is refused');
      const { lingersMs } = entity.model;
      this.#ended(entity, 'removal');
      if (lingersMs === 0) this.#gone(resource.id, 'removal');
      else if (Number.isFinite(lingersMs)) this.#options.clock.after(lingersMs, () => this.#gone(resource.id, 'removal'));
      return undefined;
    });
  }

  #work<T>(action: RungAction, { id }: Resource, signal: AbortSignal, work: (entity: Entity) => Promise<T>): Promise<T> {
    this.touches.push({ id, action, at: this.#options.clock.now(), knownAsOwned: this.#known.get(id) === true });
    return this.#request(signal, () => {
      const entity = this.#entities.get(id);
      if (entity === undefined || this.#isGone(entity)) throw new ModelError(GONE, 'no such resource');
      return work(entity);
    });
  }

  /** One request, with what may happen to it: an error, no answer, or a lost answer (done, and not told). */
  async #request<T>(signal: AbortSignal, answer: () => T | Promise<T>): Promise<T> {
    const { clock, random, faultRate, faultsUntilMs, latencyMs } = this.#options;
    const isFaulty = clock.now() - this.#startedAt < faultsUntilMs && random() < faultRate;
    await this.#wait(random() * latencyMs, signal);
    if (!isFaulty) return answered(answer(), signal);
    const kind = random();
    if (kind < 0.25) throw new ModelError(RETRYABLE, 'busy');
    if (kind < 0.4) throw new ModelError({ kind: 'retryable', retryAfterMs: 1 + random() * 20_000 }, 'too many requests');
    if (kind < 0.5) await this.#wait(Number.POSITIVE_INFINITY, signal);
    if (kind < 0.6) return new Promise(() => undefined); // Whatever its signal says.
    if (kind < 0.75) await this.#wait(random() * 30_000, signal);
    const result = await answered(answer(), signal);
    if (kind >= 0.75) throw new ModelError(RETRYABLE, 'the answer was lost');
    return result;
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = Number.isFinite(ms) ? this.#options.clock.after(ms, resolve) : () => undefined;
    await answered(promise, signal).finally(cancel);
  }
}

/** The answer, unless the client leaves first. */
async function answered<T>(answer: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = () => left.reject(new ModelError(PERMANENT, 'the request was aborted'));
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([answer, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
    left.promise.catch(() => undefined);
  }
}
