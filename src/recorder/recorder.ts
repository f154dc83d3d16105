import type { ContainerEvent, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { type Clock, sleep } from '../lib/clock';
import { asError } from '../lib/errors';
import { Limit } from '../lib/limit';
import { withTimeout } from '../lib/with-timeout';
import { ContainerTracker, type Transition } from './container-tracker';
import type { Death } from './death';
import { Deaths, type DeathsOptions } from './deaths';
import { watch } from './watch';

export interface RecorderOptions extends Omit<DeathsOptions, 'signal'> {
  /** Whose containers are recorded. */
  readonly owned: Selector;
}

/** Looks at a time. */
const LOOKS = 16;

/** Milliseconds for one look, and for one listing. */
const LOOK_MS = 10_000;
const LIST_MS = 30_000;

/** Milliseconds in which the provider must listen before the benchmark starts; then that starts all the same. */
const START_MS = 5_000;

/** Milliseconds between listings: should events get lost on their way, no death does. */
const LIST_EVERY_MS = 30_000;

/** Milliseconds in which the event comes of what a look has shown, however busy the engine is, and how often that is asked. */
const EVENT_MS = { most: 10_000, every: 50 };

/** Milliseconds between looks at a container that waits to be started: no event tells of a start that fails. */
const STARTS_MS = [1_000, 4_000, 15_000];

/** Milliseconds that a container whose end is not settled keeps its removal waiting. */
const PATIENCE_MS = 30_000;

/**
 * Watches the containers of one provider end, and keeps their logs. Nothing that it fails at reaches the benchmark: what it could not
 * do stands in the deaths as a reason, and in `trouble`.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #end = new AbortController();
  readonly #looks = new Limit(LOOKS);
  readonly #deaths: Deaths;
  readonly #lives = new Map<string, ContainerStatus>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #askedSince = new Map<string, number>();
  #chronicle = new ContainerTracker(0);
  /** Milliseconds that the provider's clock is ahead of ours. */
  #aheadMs = 0;
  /** Why the provider can't be heard now. */
  #broken: Error | undefined;
  /** What went wrong when it was last looked for what was not heard. */
  #missed: Error | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#deaths = new Deaths({ ...options, signal: this.#end.signal });
  }

  /** Why deaths may have been missed; undefined when all is well. */
  get trouble(): Error | undefined {
    return this.#broken ?? this.#missed;
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
      this.#chronicle = new ContainerTracker(since);
      this.#run(() => this.#listRegularly());
      await watch(since, {
        ...this.#options,
        signal: this.#end.signal,
        onHappening: (happening) => this.#onHappening(happening),
        onListening: () => {
          this.#broken = undefined;
          this.#run(() => this.#reconcile('every one').finally(resolve));
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
   * Whether a container that has exited may go: its end is recorded, its log kept. What nobody can find out does not keep it for ever.
   */
  isRecorded(container: Resource): boolean {
    const { clock, owned } = this.#options;
    if (!owned(container) || (this.#chronicle.hasEnded(container) && this.#deaths.isSettled(container))) {
      this.#askedSince.delete(container.id);
      return true;
    }
    const since = this.#askedSince.get(container.id) ?? clock.now();
    if (!this.#askedSince.has(container.id)) this.#run(() => this.#check(container));
    this.#askedSince.set(container.id, since);
    return clock.now() - since >= PATIENCE_MS;
  }

  /**
   * The benchmark has ended: looks for deaths that nobody told, waits for logs that are being kept, and closes all streams.
   * @param signal aborts when there is no time left: what is not done by then says so
   * @returns all deaths, in their order. Never throws
   */
  async finish(signal: AbortSignal): Promise<readonly Death[]> {
    const { promise: outOfTime, resolve } = Promise.withResolvers<void>();
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const complete = this.#complete();
    await Promise.race([complete, outOfTime]);
    signal.removeEventListener('abort', stop);
    this.#end.abort();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    await complete;
    await this.#deaths.close();
    return this.#deaths.all;
  }

  /** Waits for what is on its way, looks for what is not, and for all logs. Never throws. */
  async #complete(): Promise<void> {
    const { clock, recordable } = this.#options;
    if (recordable.lateMs > 0) await sleep(clock, recordable.lateMs, this.#end.signal).catch(() => undefined);
    await this.#reconcile('what has changed');
    await this.#deaths.settled();
  }

  #onHappening(happening: ContainerEvent): void {
    const { container, kind } = happening;
    if (!this.#chronicle.knows(container) && !this.#options.owned(container)) return;
    this.#tell(this.#chronicle.onEvent(happening));
    if (kind === 'removed') this.#lives.delete(container.id);
  }

  #tell(news: readonly Transition[]): void {
    for (const each of news) this.#tellOne(each);
  }

  #tellOne(news: Transition): void {
    switch (news.kind) {
      case 'appeared':
        if (news.container.state === 'created') this.#follow(news.container, 'waiting');
        this.#run(() => this.#meet(news.container));
        return;
      case 'started':
        this.#follow(news.container, 'running');
        return;
      case 'ended':
        this.#deaths.add(news.end, this.#lives.get(news.end.container.id));
    }
  }

  /** A container that was not known: is it one to follow, and does its start succeed? */
  async #meet(container: Resource): Promise<void> {
    await this.#check(container);
    for (const wait of STARTS_MS) {
      if (!this.#chronicle.isWaiting(container)) return;
      await sleep(this.#options.clock, wait, this.#end.signal);
      if (this.#chronicle.isWaiting(container)) await this.#check(container);
    }
  }

  /** Looks at a container, and tells what no event has told. */
  async #check(container: Resource): Promise<void> {
    this.#tell(this.#chronicle.listed(container));
    const revision = this.#chronicle.revisionOf(container);
    const at = this.#now();
    const life = await this.#look(container);
    if (life !== undefined) this.#seen(life);
    const isNews = life === undefined || life.phase === 'ended';
    if (isNews && !this.#chronicle.hasEnded(container) && (await this.#isTold(container, revision))) return;
    this.#tell(life === undefined ? this.#chronicle.vanished(container, at) : this.#chronicle.onInspect(life, at));
  }

  /** Events say more than looks, and come a little later. */
  async #isTold(container: Resource, revision: number): Promise<boolean> {
    const { clock } = this.#options;
    const isNew = () => this.#chronicle.revisionOf(container) !== revision;
    for (let waited = 0; waited < EVENT_MS.most && !isNew(); waited += EVENT_MS.every) {
      if (this.#end.signal.aborted) break;
      await sleep(clock, EVENT_MS.every, this.#end.signal).catch(() => undefined);
    }
    return isNew();
  }

  #seen(life: ContainerStatus): void {
    const { container, autoRemove: vanishes, logUnavailable: unlogged, phase } = life;
    if (this.#chronicle.hasEnded(container) && phase !== 'running') return;
    this.#lives.set(container.id, life);
    if (!vanishes || unlogged !== undefined) this.#run(() => this.#deaths.unfollow(container));
    else if (phase === 'running') this.#deaths.follow(container, phase);
  }

  #follow(container: Resource, phase: 'waiting' | 'running'): void {
    const life = this.#lives.get(container.id);
    if (life === undefined || (life.autoRemove && life.logUnavailable === undefined)) this.#deaths.follow(container, phase);
  }

  async #listRegularly(): Promise<void> {
    for (;;) {
      await sleep(this.#options.clock, LIST_EVERY_MS, this.#end.signal);
      await this.#reconcile('what has changed');
    }
  }

  /** Looks at what may have ended without a word. Never throws. */
  async #reconcile(which: 'every one' | 'what has changed'): Promise<void> {
    this.#missed = await this.#attempt(() => this.#compare(which));
  }

  /** @throws what the provider answers, to the listing or to the first look that fails, when all others are done */
  async #compare(which: 'every one' | 'what has changed'): Promise<void> {
    const { recordable, owned } = this.#options;
    const listed = await withTimeout(LIST_MS, this.#bounds, (signal) => recordable.list(signal));
    const known = this.#chronicle.alive;
    const there = new Map(listed.filter(owned).map((container) => [container.id, container]));
    const changed = known.filter((container) => which === 'every one' || this.#differs(container, there.get(container.id)));
    const again = [...there.values()].filter((container) => container.running && this.#chronicle.hasEnded(container));
    const unknown = [...there.values()].filter((container) => !this.#chronicle.knows(container));
    const all = [...changed, ...again, ...unknown];
    const failures = await Promise.all(all.map((container) => this.#attempt(() => this.#check(container))));
    const failure = failures.find((error) => error !== undefined);
    if (failure) throw failure;
  }

  #differs(known: Resource, listed: Resource | undefined): boolean {
    return listed === undefined || listed.running === this.#chronicle.isWaiting(known) || !listed.running;
  }

  async #look(container: Resource): Promise<ContainerStatus | undefined> {
    const { recordable } = this.#options;
    return this.#looks.run(this.#end.signal, () =>
      withTimeout(LOOK_MS, this.#bounds, (signal) => recordable.inspect(container, signal)),
    );
  }

  async #setClock(): Promise<void> {
    const { recordable, clock } = this.#options;
    await this.#attempt(async () => {
      const theirs = await withTimeout(START_MS, this.#bounds, (signal) => recordable.now(signal));
      this.#aheadMs = theirs - clock.now();
    });
  }

  /** By the provider's clock. */
  #now(): number {
    return this.#options.clock.now() + this.#aheadMs;
  }

  get #bounds(): { readonly clock: Clock; readonly signal: AbortSignal } {
    return { clock: this.#options.clock, signal: this.#end.signal };
  }

  /** Work beside all else, which `finish` waits for. What one look can't find out, the next one can. */
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
