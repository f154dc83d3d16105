import type { ContainerEvent, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';

/** How a container ended. Times are the provider's, in milliseconds since the epoch. */
export interface End {
  readonly container: Resource;
  /** Null where it is not known. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** It was asked to end: its exit code does not say whether it failed. */
  readonly asked: boolean;
  readonly at: number;
  readonly livedMs: number | null;
  /** It never ran: its start failed, and this is why. */
  readonly neverStarted?: string;
}

/** What changed through an event, an inspection or a listing. */
export type Transition =
  | { readonly kind: 'appeared'; readonly container: Resource }
  | { readonly kind: 'started'; readonly container: Resource }
  | { readonly kind: 'asked'; readonly container: Resource }
  | { readonly kind: 'ended'; readonly end: End };

/** What is known of one container. */
interface Entry {
  container: Resource;
  phase: 'waiting' | 'running' | 'ended';
  startedAt?: number;
  /** Starts up to then are known. */
  endedAt?: number;
  /** When it was last asked to end in this run. */
  askedAt?: number;
  oomKilled: boolean;
  autoRemove: boolean;
  /** Grows with each start and each end. */
  revision: number;
}

/** A container that has gone before it could be inspected. */
const UNKNOWN_CODE = { exitCode: null } as const;

/** Milliseconds in which a container ends because it was asked to: longer than any grace period that is in use. */
const ASKED_MS = 10 * 60_000;

/**
 * Combines events (some come twice, some never) with inspections (which may be older than the events meanwhile), so that each end of a
 * container is reported once. Has no clock, and does no I/O.
 */
export class ContainerTracker {
  readonly #since: number;
  readonly #entries = new Map<string, Entry>();
  /** Removed ones: an engine that repeats its events still reports them. */
  readonly #gone = new Set<string>();

  /** @param since an end before this is not reported */
  constructor(since: number) {
    this.#since = since;
  }

  knows({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.has(id) || this.#gone.has(id);
  }

  /** The containers that are there, as far as is known, and have not ended. */
  get alive(): readonly Resource[] {
    return [...this.#entries.values()].filter(({ phase }) => phase !== 'ended').map(({ container }) => container);
  }

  isWaiting({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.get(id)?.phase === 'waiting';
  }

  hasEnded({ id }: Pick<Resource, 'id'>): boolean {
    return this.#gone.has(id) || this.#entries.get(id)?.phase === 'ended';
  }

  /** Changes when the container starts or ends: an inspection from before that is out of date. */
  revisionOf({ id }: Pick<Resource, 'id'>): number {
    return this.#entries.get(id)?.revision ?? -1;
  }

  /** Takes an event of a container that is owned. */
  onEvent(event: ContainerEvent): readonly Transition[] {
    const { kind, at, container } = event;
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
      case 'asked':
        return [...appeared, ...this.#asked(entry, at)];
      case 'oom':
        entry.oomKilled = true;
        return appeared;
      case 'died':
        entry.container = { ...entry.container, name: container.name };
        return [...appeared, ...this.#ended(entry, { at, exitCode: event.exitCode ?? null })];
      case 'removed':
        return this.vanished(container, at);
    }
  }

  /** Takes a container that is listed. */
  onListed(container: Resource): readonly Transition[] {
    if (this.knows(container)) return [];
    this.#add(container);
    return [{ kind: 'appeared', container }];
  }

  /**
   * Takes what an inspection found, unless an event since then says otherwise.
   * @param now when it was inspected, by the provider's clock
   */
  onInspect(status: ContainerStatus, now: number): readonly Transition[] {
    const entry = this.#entries.get(status.container.id);
    if (entry === undefined) return [];
    entry.container = status.container;
    entry.autoRemove = status.autoRemove;
    switch (status.phase) {
      case 'waiting':
        return [];
      case 'never started':
        return entry.phase === 'waiting' ? this.#neverStarted(entry, status, now) : [];
      case 'running':
        return this.#isRunning(entry, status);
      case 'ended':
        return this.#hasEnded(entry, status, now);
    }
  }

  /** The container is gone. */
  vanished({ id }: Pick<Resource, 'id'>, at: number): readonly Transition[] {
    const entry = this.#entries.get(id);
    if (entry === undefined) return [];
    this.#entries.delete(id);
    this.#gone.add(id);
    if (entry.phase === 'running') return this.#ended(entry, { at, ...UNKNOWN_CODE });
    // A container that was only created may have been made for its files. One that removes itself was started, in vain.
    if (entry.phase === 'waiting' && entry.autoRemove) {
      return this.#ended(entry, { at, ...UNKNOWN_CODE, neverStarted: 'it was removed before it ran' });
    }
    return [];
  }

  #add(container: Resource): Entry {
    const entry: Entry = { container, phase: 'waiting', oomKilled: false, autoRemove: false, revision: 0 };
    this.#entries.set(container.id, entry);
    return entry;
  }

  #started(entry: Entry, at: number): readonly Transition[] {
    // Reported again: the container has ended since, or this start is known.
    if (at <= (entry.endedAt ?? 0) || entry.phase === 'running') return [];
    entry.phase = 'running';
    entry.revision += 1;
    entry.startedAt = at;
    entry.oomKilled = false;
    // Podman's report of a start can come after the request to end it.
    if ((entry.askedAt ?? 0) < at) delete entry.askedAt;
    return [{ kind: 'started', container: entry.container }];
  }

  #asked(entry: Entry, at: number): readonly Transition[] {
    if (at <= (entry.endedAt ?? 0)) return [];
    entry.askedAt = at;
    return [{ kind: 'asked', container: entry.container }];
  }

  #isRunning(entry: Entry, { startedAt = 0, endedAt }: ContainerStatus): readonly Transition[] {
    if (entry.phase === 'running') {
      // The event of a start is a little later than the start itself: a later time is another start.
      if (entry.startedAt === undefined || startedAt <= entry.startedAt) return [];
      const missed = this.#ended(entry, { at: endedAt ?? startedAt, ...UNKNOWN_CODE });
      return [...missed, ...this.#started(entry, startedAt)];
    }
    return this.#started(entry, startedAt);
  }

  #hasEnded(entry: Entry, status: ContainerStatus, now: number): readonly Transition[] {
    const { startedAt, endedAt = now, exitCode, oomKilled } = status;
    const isAnotherRun = startedAt !== undefined && startedAt > (entry.endedAt ?? 0);
    if (entry.phase === 'ended' && !isAnotherRun) return [];
    if (startedAt !== undefined) entry.startedAt = startedAt;
    entry.oomKilled ||= oomKilled;
    const isOld = endedAt < this.#since;
    const ended = this.#ended(entry, { at: endedAt, exitCode: exitCode ?? null }, isAnotherRun);
    entry.endedAt = Math.max(now, endedAt); // The event of its start may come after it was seen to have ended.
    return isOld ? [] : ended;
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
    const { container, oomKilled, startedAt, askedAt } = entry;
    delete entry.askedAt;
    const asked = askedAt !== undefined && at - askedAt <= ASKED_MS && neverStarted === undefined;
    // The engine's two times of a short run can be the wrong way round by some microseconds.
    const livedMs = startedAt === undefined || neverStarted !== undefined ? null : Math.max(0, at - startedAt);
    const end = { container, exitCode, oomKilled, asked, at, livedMs, ...(neverStarted === undefined ? {} : { neverStarted }) };
    return [{ kind: 'ended', end }];
  }
}
