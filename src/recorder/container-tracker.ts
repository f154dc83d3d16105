import type { ContainerEvent, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';

/** How a container ended. Times are the provider's, in milliseconds since the epoch. */
export interface End {
  readonly container: Resource;
  /** Null where it is not known. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** Something asked it to end: its exit code does not say whether it failed. */
  readonly asked: boolean;
  readonly at: number;
  readonly livedMs: number | null;
  /** Why its start failed; absent if it ran. */
  readonly neverStarted?: string;
  /** See `ContainerStatus`. */
  readonly reason?: string;
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
  /** When it ended last: a start before that is a repeated report. */
  endedAt?: number;
  /** When it was last asked to end in this run. */
  askedAt?: number;
  oomKilled: boolean;
  autoRemove: boolean;
  /** Grows with each start and each end. */
  revision: number;
}

/** What an event or an inspection says of an end. */
interface EndOfRun extends Pick<End, 'at' | 'exitCode'> {
  readonly neverStarted?: string | undefined;
  readonly reason?: string | undefined;
}

function endIn({ at, exitCode, error: neverStarted, reason }: ContainerEvent): EndOfRun {
  return { at, exitCode: exitCode ?? null, neverStarted, reason };
}

/** The exit code of an end that could not be inspected. */
const UNKNOWN_CODE = { exitCode: null } as const;

/** An end this many milliseconds after a request is due to it. Longer than any grace period. */
const ASKED_MS = 10 * 60_000;

/**
 * Combines events (which can repeat or be lost) with inspections (which can be out of date), so
 * that each end of a container is reported once. Has no clock and does no I/O.
 */
export class ContainerTracker {
  readonly #since: number;
  readonly #entries = new Map<string, Entry>();
  /** Ids of removed containers: an engine that repeats its events reports them again. */
  readonly #gone = new Set<string>();

  /** @param since earlier ends are not reported */
  constructor(since: number) {
    this.#since = since;
  }

  knows({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.has(id) || this.#gone.has(id);
  }

  /** The known containers that have neither ended nor been removed. */
  get alive(): readonly Resource[] {
    return [...this.#entries.values()].filter(({ phase }) => phase !== 'ended').map(({ container }) => container);
  }

  isWaiting({ id }: Pick<Resource, 'id'>): boolean {
    return this.#entries.get(id)?.phase === 'waiting';
  }

  hasEnded({ id }: Pick<Resource, 'id'>): boolean {
    return this.#gone.has(id) || this.#entries.get(id)?.phase === 'ended';
  }

  /** Changes when the container starts or ends: an earlier inspection is then out of date. */
  revisionOf({ id }: Pick<Resource, 'id'>): number {
    return this.#entries.get(id)?.revision ?? -1;
  }

  /** Takes an event of an owned container. */
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
        return [...appeared, ...this.#ended(entry, endIn(event))];
      case 'removed':
        return this.vanished(container, at);
    }
  }

  /** Takes a container from a listing. */
  onListed(container: Resource): readonly Transition[] {
    if (this.knows(container)) return [];
    this.#add(container);
    return [{ kind: 'appeared', container }];
  }

  /**
   * Takes an inspection's result, unless a later event contradicts it.
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
    // A container may be created just for its files. With `--rm`, though, its start has failed.
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
    // A repeated report: this start is known, or the container has ended since.
    if (at <= (entry.endedAt ?? 0) || entry.phase === 'running') return [];
    entry.phase = 'running';
    entry.revision += 1;
    entry.startedAt = at;
    entry.oomKilled = false;
    // Podman can report a start after a request to end that run.
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
      // A start's event is a little later than the start: a time after the event is another start.
      if (entry.startedAt === undefined || startedAt <= entry.startedAt) return [];
      const missed = this.#ended(entry, { at: endedAt ?? startedAt, ...UNKNOWN_CODE });
      return [...missed, ...this.#started(entry, startedAt)];
    }
    return this.#started(entry, startedAt);
  }

  #hasEnded(entry: Entry, status: ContainerStatus, now: number): readonly Transition[] {
    const { startedAt, endedAt = now, askedAt, exitCode, oomKilled, reason } = status;
    const isAnotherRun = startedAt !== undefined && startedAt > (entry.endedAt ?? 0);
    if (entry.phase === 'ended' && !isAnotherRun) return [];
    if (startedAt !== undefined) entry.startedAt = startedAt;
    entry.oomKilled ||= oomKilled;
    if (askedAt !== undefined) entry.askedAt = askedAt;
    const isOld = endedAt < this.#since;
    const ended = this.#ended(entry, { at: endedAt, exitCode: exitCode ?? null, reason }, isAnotherRun);
    entry.endedAt = Math.max(now, endedAt); // The event of its start may still come.
    return isOld ? [] : ended;
  }

  #neverStarted(
    entry: Entry,
    { endedAt, exitCode, error = 'it could not be started', reason }: ContainerStatus,
    now: number,
  ): readonly Transition[] {
    const at = endedAt ?? now;
    const ended = this.#ended(entry, { at, exitCode: exitCode ?? null, neverStarted: error, reason });
    return at < this.#since ? [] : ended;
  }

  #ended(entry: Entry, { at, exitCode, neverStarted, reason }: EndOfRun, again = false): readonly Transition[] {
    if (entry.phase === 'ended' && !again) return [];
    entry.phase = 'ended';
    entry.revision += 1;
    entry.endedAt = Math.max(at, entry.startedAt ?? 0);
    const { container, oomKilled, startedAt, askedAt } = entry;
    delete entry.askedAt;
    const asked = askedAt !== undefined && at - askedAt <= ASKED_MS && neverStarted === undefined;
    // An engine can place a short run's end some microseconds before its start.
    const livedMs = startedAt === undefined || neverStarted !== undefined ? null : Math.max(0, at - startedAt);
    const end = {
      ...{ container, exitCode, oomKilled, asked, at, livedMs },
      ...(neverStarted === undefined ? {} : { neverStarted }),
      ...(reason === undefined ? {} : { reason }),
    };
    return [{ kind: 'ended', end }];
  }
}
