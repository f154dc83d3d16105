import type { ContainerSource, ContainerStatus, LogStream } from '../../core/container-source';
import type { Resource } from '../../core/resource';
import { onAbort } from '../../lib/abort';
import { type Clock, sleep } from '../../lib/clock';
import { asError, Halted } from '../../lib/errors';
import type { Limit } from '../../lib/limit';
import { LiveStream, resumed } from './live-stream';
import { IncompleteLog, type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';
import { MAX_READING_MS, maxLines, whyNot } from './reading';

/** Milliseconds to wait for the first chunk after a container's end, and for each further one. */
const FIRST_CHUNK_MS = 10_000;
const NEXT_CHUNK_MS = 2_000;

/** Milliseconds to wait for a container's end after its stream's end; between the first inspections, and at most. */
const END_MS = { most: 10_000, first: 100, longest: 1_600 };

/** Milliseconds until an empty log is read again. */
const ASK_AGAIN_MS = 50;

/** Stands in a log between the part that was read and the part that arrived live. */
export const SEAM = '[cleanup-action: recorded live from here on; lines around this one may be missing or repeated]';

export interface LogFollowerOptions {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  readonly clock: Clock;
  /** Inspections at a time. */
  readonly inspections: Limit;
}

/**
 * Follows the log of one container, so that it outlives the container: attaches, reads the log
 * once, and goes on with the attached stream. (`follow=1` is unreliable: a busy dockerd 20.10
 * delivered 9,280 of 20,000 lines, and Podman leaves gaps,
 * https://github.com/containers/podman/issues/21914.)
 */
export class LogFollower {
  readonly #abort = new AbortController();
  readonly #container: Resource;
  readonly #options: LogFollowerOptions;
  readonly #keeper: LogKeeper;
  readonly #ready = Promise.withResolvers<void>();
  /** Resolves once it is attached and knows whether the container had started, or has failed. */
  readonly ready = this.#ready.promise;
  readonly #done: Promise<void>;
  #state: 'following' | 'confirming' | 'whole' | 'broken' = 'following';

  /** @param after the end of an earlier follower of the same container, to wait for */
  constructor(container: Resource, options: LogFollowerOptions, after: Promise<void> = Promise.resolve()) {
    this.#container = container;
    this.#options = options;
    this.#keeper = new LogKeeper(container, options.place);
    this.#done = after.then(() => this.#run());
  }

  /** Refused or disconnected: another follower may try while the container lives. */
  get isBroken(): boolean {
    return this.#state === 'broken';
  }

  /**
   * Waits a short while for the last lines of an ended container. Never throws.
   * @param signal ends the waiting
   */
  async finish(signal: AbortSignal): Promise<KeptLog> {
    await this.#drain(signal);
    this.#abort.abort(new Halted(signal.aborted ? 'there was no time left for the rest' : 'its stream did not end'));
    await this.#done;
    try {
      const log = await this.#keeper.close();
      if (log.file !== null || this.#keeper.chunks > 0 || (this.#state === 'whole' && !this.#keeper.hasNote)) return log;
      return noLog('gone', 'it was removed before any of its log could be read');
    } catch (error) {
      return whyNot(error, this.#options.source);
    }
  }

  /** Stops, and drops the log so far. Never throws. */
  async discard(): Promise<void> {
    this.#abort.abort(new Halted('its log is not wanted'));
    await this.#done;
    await this.#keeper.discard().catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      const isWhole = this.#options.source.attachBringsAll ? this.#followAll() : this.#follow();
      this.#state = (await isWhole) ? 'whole' : 'broken';
    } catch {
      this.#state = 'broken'; // Reading the log at the container's end works, or gives the reason.
    } finally {
      this.#ready.resolve();
      this.#abort.abort(new Halted('it is over')); // An unread connection would block the container.
    }
  }

  /** @returns whether it reached the container's end */
  async #followAll(): Promise<boolean> {
    const log = await this.#options.source.attach(this.#container, this.#abort.signal);
    this.#ready.resolve();
    if ((await this.#take(log)) !== undefined) return false;
    return this.#hasEnded(await this.#options.source.now(this.#abort.signal));
  }

  /** @returns whether it reached the container's end */
  async #follow(): Promise<boolean> {
    const early = new AbortController();
    const attaching = this.#attach();
    const earlyLog = this.#readEarly(attaching, early.signal);
    const live = await attaching;
    const status = await this.#inspect().catch(() => undefined);
    this.#abort.signal.throwIfAborted();
    const hadStarted = status?.phase !== 'waiting';
    this.#ready.resolve();
    if (hadStarted) {
      const log = await this.#open();
      if (!(await this.#read(log ?? (await earlyLog)))) this.#keeper.brokeWith(new IncompleteLog());
      else if (log !== undefined && status !== undefined && hasEnded(status)) return true;
    }
    early.abort();
    // Attached before its start, it has all of the log live.
    if (hadStarted || live?.isCut) this.#keeper.note(SEAM);
    if (live === undefined || live.isCut) this.#keeper.brokeWith(new IncompleteLog());
    return live !== undefined && (await this.#take(live.take())) === undefined && this.#hasEnded();
  }

  /** @returns undefined if the provider refuses: then the log is only the part that was read */
  async #attach(): Promise<LiveStream | undefined> {
    try {
      return new LiveStream(await this.#options.source.attach(this.#container, this.#abort.signal));
    } catch {
      return undefined;
    }
  }

  /**
   * Reads the log while attaching, as a short-lived container may be gone after that: an engine
   * answers requests about a starting container only then, in their order.
   * @returns undefined if the log is empty
   */
  async #readEarly(attaching: Promise<unknown>, signal: AbortSignal): Promise<LogStream | undefined> {
    let isAttached = false;
    const attached = attaching.then(() => {
      isAttached = true;
    });
    try {
      for (;;) {
        const log = await this.#open(AbortSignal.any([this.#abort.signal, signal]));
        const chunks = log?.[Symbol.asyncIterator]();
        const first = await chunks?.next();
        if (chunks !== undefined && first?.done === false) return resumed(first.value, chunks);
        if (isAttached) return undefined;
        await Promise.race([attached, sleep(this.#options.clock, ASK_AGAIN_MS, signal)]);
      }
    } catch {
      return undefined;
    }
  }

  /** @returns the log as it is now; undefined if it can't be read */
  async #open(signal = this.#abort.signal): Promise<LogStream | undefined> {
    const { source, place } = this.#options;
    try {
      return await source.read(this.#container, maxLines(place), signal);
    } catch {
      return undefined;
    }
  }

  /** @returns whether the log is complete */
  async #read(log: LogStream | undefined): Promise<boolean> {
    if (log === undefined) return false;
    return (await this.#take(log)) === undefined;
  }

  #take(log: LogStream): Promise<Error | undefined> {
    return this.#keeper.take(log, this.#abort.signal);
  }

  /**
   * Asks the engine: if the engine is killed, the stream ends as if the container had ended.
   * @param latest an end after this, by the provider's clock, is not the one that the stream ended with
   */
  async #hasEnded(latest = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { signal } = this.#abort;
    this.#state = 'confirming';
    try {
      for (
        let pause = END_MS.first, waited = 0;
        waited < END_MS.most;
        waited += pause, pause = Math.min(2 * pause, END_MS.longest)
      ) {
        const status = await this.#inspect();
        if (status !== undefined && (status.endedAt ?? 0) > latest) break;
        if (status === undefined || hasEnded(status)) return true;
        await sleep(this.#options.clock, pause, signal);
      }
      throw new Error('the connection ended before the container did');
    } catch (error) {
      this.#keeper.brokeWith(asError(signal.aborted ? signal.reason : error));
      return false;
    }
  }

  #inspect(): Promise<ContainerStatus | undefined> {
    const { source, inspections } = this.#options;
    const { signal } = this.#abort;
    return inspections.run(signal, () => source.inspect(this.#container, signal));
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const waiting = new AbortController();
    const forget = onAbort(signal, () => waiting.abort());
    const giveUpAt = clock.now() + MAX_READING_MS;
    for (let seen = -1; seen < this.#progress && clock.now() < giveUpAt; ) {
      seen = this.#progress;
      const isSlow = this.#keeper.chunks === 0 || this.#state === 'confirming';
      const patience = sleep(clock, isSlow ? FIRST_CHUNK_MS : NEXT_CHUNK_MS, waiting.signal).catch(() => undefined);
      await Promise.race([this.#done, patience]);
      if (this.#isOver || waiting.signal.aborted) break;
    }
    waiting.abort();
    forget();
  }

  get #isOver(): boolean {
    return this.#state === 'whole' || this.#state === 'broken';
  }

  /** Grows while there is something to wait for. */
  get #progress(): number {
    return this.#keeper.chunks + (this.#state === 'confirming' ? 1 : 0);
  }
}

function hasEnded({ phase }: ContainerStatus): boolean {
  return phase === 'ended' || phase === 'never started';
}
