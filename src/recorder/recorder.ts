import type { ContainerEvent, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { onAbort } from '../lib/abort';
import { type Clock, sleep } from '../lib/clock';
import { withTimeout } from '../lib/deadline';
import { asError } from '../lib/errors';
import { Limit } from '../lib/limit';
import { ContainerTracker, type Transition } from './container-tracker';
import { type Death, Deaths, type DeathsOptions } from './deaths';
import { watch } from './watch';

export interface RecorderOptions extends Omit<DeathsOptions, 'signal'> {
  /** Whose containers are recorded. */
  readonly owned: Selector;
}

/** Inspections at a time. */
const INSPECTIONS = 16;

/** Milliseconds for one inspection, and for one listing. */
const INSPECT_MS = 10_000;
const LIST_MS = 30_000;

/** Milliseconds that the benchmark's start waits for the provider to listen. */
const START_MS = 5_000;

/** Milliseconds between listings, which show deaths whose event was lost. */
const LIST_EVERY_MS = 30_000;

/** Milliseconds to wait for the event of an inspected change; and between looks. */
const EVENT_MS = { most: 10_000, every: 50 };

/** Milliseconds between inspections of a created container: a failed start has no event. */
const STARTS_MS = [1_000, 4_000, 15_000];

/** Milliseconds after which a container may be removed although its end is not recorded. */
const PATIENCE_MS = 30_000;

/** A container of which only the name is known. */
const UNKNOWN = { provider: '', kind: 'container', state: '', running: false, labels: {} } as const;

/**
 * Records how the containers of one provider end, and keeps their logs. Its failures never reach
 * the benchmark: they are reasons in the deaths, and `trouble`.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #end = new AbortController();
  readonly #inspections = new Limit(INSPECTIONS);
  readonly #deaths: Deaths;
  readonly #statuses = new Map<string, ContainerStatus>();
  /** Ids of containers that are not owned. */
  readonly #foreign = new Set<string>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #askedSince = new Map<string, number>();
  #tracker = new ContainerTracker(0);
  /** Milliseconds that the provider's clock is ahead of ours. */
  #aheadMs = 0;
  /** Why there are no events now. */
  #broken: Error | undefined;
  /** Why the last comparison with a listing failed. */
  #missed: Error | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#deaths = new Deaths({ ...options, signal: this.#end.signal });
  }

  /** Why deaths may have been missed; undefined when all is well. */
  get trouble(): Error | undefined {
    return this.#broken ?? this.#missed ?? this.#options.source.unseen?.();
  }

  /**
   * Begins to record.
   * @returns when the provider listens; after some seconds in any case. Never throws
   */
  async start(): Promise<void> {
    const { clock } = this.#options;
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    this.#run(async () => {
      await this.#setClock();
      const since = this.#now();
      this.#tracker = new ContainerTracker(since);
      this.#run(() => this.#compareRegularly());
      await watch(since, {
        ...this.#options,
        signal: this.#end.signal,
        onEvent: (event) => this.#onEvent(event),
        onListening: () => {
          this.#broken = undefined;
          this.#run(() => this.#compare('all').finally(resolve));
        },
        onBroken: (error) => {
          this.#broken = error;
        },
      });
    });
    const waiting = new AbortController();
    await Promise.race([listening, sleep(clock, START_MS, waiting.signal).catch(() => undefined)]);
    waiting.abort();
  }

  /**
   * Whether an exited container may be removed: its end is recorded and its log kept, or that took
   * longer than `PATIENCE_MS`.
   */
  isRecorded(container: Resource): boolean {
    const { clock, owned } = this.#options;
    if (!owned(container) || (this.#tracker.hasEnded(container) && this.#deaths.isSettled(container))) {
      this.#askedSince.delete(container.id);
      return true;
    }
    const since = this.#askedSince.get(container.id) ?? clock.now();
    if (!this.#askedSince.has(container.id)) this.#run(() => this.#check(container));
    this.#askedSince.set(container.id, since);
    return clock.now() - since >= PATIENCE_MS;
  }

  /**
   * A container is about to start: attaches to it, so that its log is whole.
   * @param name or id
   * @returns when it may start. Never throws
   */
  async prepare(name: string): Promise<void> {
    await this.#attempt(async () => {
      const status = await this.#inspect({ ...UNKNOWN, id: name, name });
      if (status?.phase !== 'waiting' || !this.#options.owned(status.container)) return;
      if (!this.#options.source.followsBeforeStart()) return;
      this.#apply(this.#tracker.onListed(status.container));
      this.#onStatus(status);
      this.#follow(status.container);
      await this.#deaths.ready(status.container);
    });
  }

  /**
   * Ends the recording: looks for deaths without an event, waits for logs, and closes all streams.
   * @param signal aborts when there is no time left; a log that is late says so
   * @returns all deaths, by time. Never throws
   */
  async finish(signal: AbortSignal): Promise<readonly Death[]> {
    const { promise: outOfTime, resolve } = Promise.withResolvers<void>();
    const forget = onAbort(signal, resolve);
    const complete = this.#complete();
    await Promise.race([complete, outOfTime]);
    forget();
    this.#end.abort();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    await complete;
    await this.#deaths.close();
    return this.#deaths.all;
  }

  /** Waits for late events, compares with a listing, and waits for all logs. Never throws. */
  async #complete(): Promise<void> {
    const { clock, source } = this.#options;
    if (source.eventDelayMs > 0) await sleep(clock, source.eventDelayMs, this.#end.signal).catch(() => undefined);
    await this.#compare('changed');
    await this.#deaths.settled();
  }

  #onEvent(event: ContainerEvent): void {
    const { container, kind } = event;
    if (!this.#tracker.knows(container) && !this.#options.owned(container)) {
      this.#onForeign(event);
      return;
    }
    this.#apply(this.#tracker.onEvent(event));
    if (kind === 'removed') this.#statuses.delete(container.id);
  }

  /**
   * An event's attributes `name` and `image` hide labels of those names, so only an inspection can
   * tell that a container is not owned.
   */
  #onForeign({ kind, container }: ContainerEvent): void {
    if (this.#options.source.labelsInEvents) return;
    if (kind === 'removed') this.#foreign.delete(container.id);
    if (this.#foreign.has(container.id) || (kind !== 'created' && kind !== 'started')) return;
    this.#foreign.add(container.id);
    this.#run(async () => {
      const at = this.#now();
      const status = await this.#inspect(container);
      if (status === undefined || !this.#options.owned(status.container)) return;
      this.#apply(this.#tracker.onListed(status.container));
      this.#onStatus(status);
      this.#apply(this.#tracker.onInspect(status, at));
    });
  }

  #apply(transitions: readonly Transition[]): void {
    for (const transition of transitions) this.#applyOne(transition);
  }

  #applyOne(transition: Transition): void {
    switch (transition.kind) {
      case 'appeared':
        if (transition.container.state === 'created' && this.#options.source.followsBeforeStart())
          this.#follow(transition.container);
        this.#run(() => this.#meet(transition.container));
        return;
      case 'started':
        this.#deaths.startedAfterAll(transition.container);
        this.#follow(transition.container);
        return;
      case 'asked':
        this.#follow(transition.container, true);
        return;
      case 'ended':
        this.#deaths.add(transition.end, this.#statuses.get(transition.end.container.id));
    }
  }

  /** Looks at a new container until it has started, or its start has failed. */
  async #meet(container: Resource): Promise<void> {
    await this.#check(container);
    for (const wait of STARTS_MS) {
      if (!this.#tracker.isWaiting(container)) return;
      await sleep(this.#options.clock, wait, this.#end.signal);
      if (this.#tracker.isWaiting(container)) await this.#check(container);
    }
  }

  /** Inspects a container, and applies changes that lack an event. */
  async #check(container: Resource): Promise<void> {
    this.#apply(this.#tracker.onListed(container));
    const revision = this.#tracker.revisionOf(container);
    const at = this.#now();
    const status = await this.#inspect(container);
    if (status !== undefined) this.#onStatus(status);
    const isEnd = status === undefined || status.phase === 'ended';
    if (isEnd && !this.#tracker.hasEnded(container) && (await this.#isReported(container, revision))) return;
    this.#apply(status === undefined ? this.#tracker.vanished(container, at) : this.#tracker.onInspect(status, at));
  }

  /** Waits for an event, which says more than an inspection and comes a little later. */
  async #isReported(container: Resource, revision: number): Promise<boolean> {
    const { clock } = this.#options;
    const isNew = () => this.#tracker.revisionOf(container) !== revision;
    for (let waited = 0; waited < EVENT_MS.most && !isNew(); waited += EVENT_MS.every) {
      if (this.#end.signal.aborted) break;
      await sleep(clock, EVENT_MS.every, this.#end.signal).catch(() => undefined);
    }
    return isNew();
  }

  #onStatus(status: ContainerStatus): void {
    const { container, logUnavailable, phase } = status;
    if (this.#tracker.hasEnded(container) && phase !== 'running') return;
    this.#statuses.set(container.id, status);
    if (logUnavailable !== undefined) this.#run(() => this.#deaths.unfollow(container));
    else if (phase === 'running') this.#deaths.follow(container);
  }

  #follow(container: Resource, isUrgent = false): void {
    if (this.#statuses.get(container.id)?.logUnavailable === undefined) this.#deaths.follow(container, isUrgent);
  }

  async #compareRegularly(): Promise<void> {
    for (;;) {
      await sleep(this.#options.clock, LIST_EVERY_MS, this.#end.signal);
      await this.#compare('changed');
    }
  }

  /** Looks for ends without an event. Never throws. */
  async #compare(which: 'all' | 'changed'): Promise<void> {
    this.#missed = await this.#attempt(() => this.#compareWithListing(which));
  }

  /** @throws the error of the listing or, once all are done, of the first failed inspection */
  async #compareWithListing(which: 'all' | 'changed'): Promise<void> {
    const { source, owned } = this.#options;
    const listed = await withTimeout(LIST_MS, this.#limits, (signal) => source.list(signal));
    const known = this.#tracker.alive;
    const there = new Map(listed.filter(owned).map((container) => [container.id, container]));
    const changed = known.filter(
      (container) =>
        which === 'all' || this.#differs(container, there.get(container.id)) || this.#deaths.isFollowedNoMore(container),
    );
    const again = [...there.values()].filter((container) => container.running && this.#tracker.hasEnded(container));
    const unknown = [...there.values()].filter((container) => !this.#tracker.knows(container));
    const all = [...changed, ...again, ...unknown];
    const failures = await Promise.all(all.map((container) => this.#attempt(() => this.#check(container))));
    const failure = failures.find((error) => error !== undefined);
    if (failure) throw failure;
  }

  #differs(known: Resource, listed: Resource | undefined): boolean {
    return listed === undefined || listed.running === this.#tracker.isWaiting(known) || !listed.running;
  }

  async #inspect(container: Resource): Promise<ContainerStatus | undefined> {
    const { source } = this.#options;
    return this.#inspections.run(this.#end.signal, () =>
      withTimeout(INSPECT_MS, this.#limits, (signal) => source.inspect(container, signal)),
    );
  }

  async #setClock(): Promise<void> {
    const { source, clock } = this.#options;
    await this.#attempt(async () => {
      const theirs = await withTimeout(START_MS, this.#limits, (signal) => source.now(signal));
      this.#aheadMs = theirs - clock.now();
    });
  }

  /** By the provider's clock. */
  #now(): number {
    return this.#options.clock.now() + this.#aheadMs;
  }

  get #limits(): { readonly clock: Clock; readonly signal: AbortSignal } {
    return { clock: this.#options.clock, signal: this.#end.signal };
  }

  /** Works in the background; `finish` waits for it. A later inspection mends a failed one. */
  #run(work: () => Promise<void>): void {
    const task: Promise<void> = this.#attempt(work).then(() => {
      this.#tasks.delete(task);
    });
    this.#tasks.add(task);
  }

  /** @returns the error, unless it is the end of the recording */
  async #attempt(work: () => Promise<void>): Promise<Error | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      return this.#end.signal.aborted ? undefined : asError(error);
    }
  }
}
