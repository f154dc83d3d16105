import type { ContainerEvent, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';

/** How a container ended. Times are the provider's, in milliseconds since the epoch. */
export interface End {
  readonly container: Resource;
  /** Null where nobody told. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  readonly at: number;
  readonly livedMs: number | null;
  /** It never ran: its start failed, and this is why. */
  readonly neverStarted?: string;
}

/** What is news in what was heard or seen. */
export type Transition =
  | { readonly kind: 'appeared'; readonly container: Resource }
  | { readonly kind: 'started'; readonly container: Resource }
  | { readonly kind: 'ended'; readonly end: End };

/** What is known of one container. */
interface Entry {
  container: Resource;
  phase: 'waiting' | 'running' | 'ended';
  startedAt?: number;
  /** Starts until then are those that are known. */
  endedAt?: number;
  oomKilled: boolean;
  vanishes: boolean;
  /** Grows with each start and each end. */
  revision: number;
}

/** A container that goes before anybody could look at it. */
const NOBODY_TOLD = { exitCode: null } as const;

/**
 * Puts together what is heard (events, some of which come twice, or never) and what is seen (looks, which may be older than what was
 * heard meanwhile), so that each end of a container is told once. Knows no clock, and asks nobody.
 */
export class ContainerTracker {
  readonly #since: number;
  readonly #entries = new Map<string, Entry>();
  /** What an engine that repeats its events still tells of. */
  readonly #gone = new Set<string>();

  /** @param since what had ended before this is no news */
  constructor(since: number) {
    this.#since = since;
  }

  knows({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.has(id) || this.#gone.has(id);
  }

  /** What is there, as far as is known, and has not ended. */
  get alive(): readonly Resource[] {
    return [...this.#entries.values()].filter(({ phase }) => phase !== 'ended').map(({ container }) => container);
  }

  isWaiting({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.get(id)?.phase === 'waiting';
  }

  hasEnded({ id }: Pick<Resource, 'id'>): boolean {
    return this.#gone.has(id) || this.#entries.get(id)?.phase === 'ended';
  }

  /** Changes when it starts or ends: a look from before that is an old one. */
  revisionOf({ id }: Pick<Resource, 'id'>): number {
    return this.#entries.get(id)?.revision ?? -1;
  }

  /** Something happened to a container that is owned. */
  onEvent(happening: ContainerEvent): readonly Transition[] {
    const { kind, at, container } = happening;
    if (this.#gone.has(container.id)) return [];
    const known = this.#entries.get(container.id);
    if (known === undefined && kind === 'removed') return [];
    const entry = known ?? this.#add(container);
    const appeared: readonly Transition[] = known === undefined ? [{ kind: 'appeared', container }] : [];
    switch (kind) {
      case 'created':
        return appeared;
      case 'started':
        return [...appeared, ...this.#started(entry, at)];
      case 'oom':
        entry.oomKilled = true;
        return appeared;
      case 'died':
        entry.container = { ...entry.container, name: container.name };
        return [...appeared, ...this.#ended(entry, { at, exitCode: happening.exitCode ?? null })];
      case 'removed':
        return this.vanished(container, at);
    }
  }

  /** What is listed is known from then on. */
  listed(container: Resource): readonly Transition[] {
    if (this.knows(container)) return [];
    this.#add(container);
    return [{ kind: 'appeared', container }];
  }

  /**
   * What a look found, that nothing contradicts which was heard since.
   * @param now when it was looked at, by the provider's clock
   */
  onInspect(life: ContainerStatus, now: number): readonly Transition[] {
    const entry = this.#entries.get(life.container.id);
    if (entry === undefined) return [];
    entry.container = life.container;
    entry.vanishes = life.autoRemove;
    switch (life.phase) {
      case 'waiting':
        return [];
      case 'never started':
        return entry.phase === 'waiting' ? this.#neverStarted(entry, life, now) : [];
      case 'running':
        return this.#seenRunning(entry, life);
      case 'ended':
        return this.#seenEnded(entry, life, now);
    }
  }

  /** It is not there any more. */
  vanished({ id }: Pick<Resource, 'id'>, at: number): readonly Transition[] {
    const entry = this.#entries.get(id);
    if (entry === undefined) return [];
    this.#entries.delete(id);
    this.#gone.add(id);
    if (entry.phase === 'running') return this.#ended(entry, { at, ...NOBODY_TOLD });
    // Whoever removes what was only created may never have meant to start it; what removes itself was started, in vain.
    if (entry.phase === 'waiting' && entry.vanishes) {
      return this.#ended(entry, { at, ...NOBODY_TOLD, neverStarted: 'it was removed before it ran' });
    }
    return [];
  }

  #add(container: Resource): Entry {
    const entry: Entry = { container, phase: 'waiting', oomKilled: false, vanishes: false, revision: 0 };
    this.#entries.set(container.id, entry);
    return entry;
  }

  #started(entry: Entry, at: number): readonly Transition[] {
    // Told again: it has ended since, or it is the start that is known.
    if (at <= (entry.endedAt ?? 0) || entry.phase === 'running') return [];
    entry.phase = 'running';
    entry.revision += 1;
    entry.startedAt = at;
    entry.oomKilled = false;
    return [{ kind: 'started', container: entry.container }];
  }

  #seenRunning(entry: Entry, { startedAt = 0, endedAt }: ContainerStatus): readonly Transition[] {
    if (entry.phase === 'running') {
      // Events tell of a start a little after it: a later one is another.
      if (entry.startedAt === undefined || startedAt <= entry.startedAt) return [];
      const missed = this.#ended(entry, { at: endedAt ?? startedAt, ...NOBODY_TOLD });
      return [...missed, ...this.#started(entry, startedAt)];
    }
    return this.#started(entry, startedAt);
  }

  #seenEnded(entry: Entry, life: ContainerStatus, now: number): readonly Transition[] {
    const { startedAt, endedAt = now, exitCode, oomKilled } = life;
    const isAnotherRun = startedAt !== undefined && startedAt > (entry.endedAt ?? 0);
    if (entry.phase === 'ended' && !isAnotherRun) return [];
    if (startedAt !== undefined) entry.startedAt = startedAt;
    entry.oomKilled ||= oomKilled;
    const isOld = endedAt < this.#since;
    const news = this.#ended(entry, { at: endedAt, exitCode: exitCode ?? null }, isAnotherRun);
    entry.endedAt = Math.max(now, endedAt); // Its start may be told after it was seen to have ended.
    return isOld ? [] : news;
  }

  #neverStarted(
    entry: Entry,
    { exitCode, error = 'it could not be started' }: ContainerStatus,
    at: number,
  ): readonly Transition[] {
    return this.#ended(entry, { at, exitCode: exitCode ?? null, neverStarted: error });
  }

  #ended(
    entry: Entry,
    { at, exitCode, neverStarted }: Pick<End, 'at' | 'exitCode' | 'neverStarted'>,
    again = false,
  ): readonly Transition[] {
    if (entry.phase === 'ended' && !again) return [];
    entry.phase = 'ended';
    entry.revision += 1;
    entry.endedAt = Math.max(at, entry.startedAt ?? 0);
    const { container, oomKilled, startedAt } = entry;
    // The engine's two times of a short run can be the wrong way round by some microseconds.
    const livedMs = startedAt === undefined || neverStarted !== undefined ? null : Math.max(0, at - startedAt);
    const end = { container, exitCode, oomKilled, at, livedMs, ...(neverStarted === undefined ? {} : { neverStarted }) };
    return [{ kind: 'ended', end }];
  }
}
