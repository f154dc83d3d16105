import type { ContainerSource, ContainerStatus, LogStream } from '../../core/container-source';
import type { Resource } from '../../core/resource';
import { onAbort } from '../../lib/abort';
import { type Clock, sleep } from '../../lib/clock';
import { asError, Halted } from '../../lib/errors';
import type { Limit } from '../../lib/limit';
import { LiveStream, resumed } from './live-stream';
import { IncompleteLog, type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';
import { MAX_READING_MS, maxLines, whyNot } from './reading';

/** Milliseconds after a container's end in which its log begins to come, and goes on: a busy engine takes a while. */
const FIRST_CHUNK_MS = 10_000;
const NEXT_CHUNK_MS = 2_000;

/** Milliseconds in which a container is seen to have ended when its stream has, and between inspections. */
const END_MS = { most: 10_000, every: 100 };

/** Milliseconds until an empty log is asked for again. */
const ASK_AGAIN_MS = 50;

/** Stands in the log where lines may be missing, or come twice. */
export const SEAM = '[cleanup-action: from here on as it was written; around this line others may be missing, or come twice]';

export interface LogFollowerOptions {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  readonly clock: Clock;
  /** Inspections at a time. */
  readonly inspections: Limit;
}

/**
 * Follows the log of one container from its start, so that it is here when the container is removed: attaches, reads the log once, and
 * goes on with what comes. (To follow the log itself does not do: a busy dockerd 20.10 gave 9,280 of 20,000 lines, and Podman has gaps,
 * https://github.com/containers/podman/issues/21914.)
 */
export class LogFollower {
  readonly #abort = new AbortController();
  readonly #container: Resource;
  readonly #options: LogFollowerOptions;
  readonly #keeper: LogKeeper;
  readonly #ready = Promise.withResolvers<void>();
  readonly #done: Promise<void>;
  #state: 'following' | 'confirming' | 'whole' | 'broken' = 'following';

  /** @param after what has to be over before it begins: an earlier one of the same container */
  constructor(container: Resource, options: LogFollowerOptions, after: Promise<void> = Promise.resolve()) {
    this.#container = container;
    this.#options = options;
    this.#keeper = new LogKeeper(container, options.place);
    this.#done = after.then(() => this.#run());
  }

  /**
   * Resolves when the engine has attached it and it has seen whether the container had started by then, or it has failed.
   */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** It was refused, or lost its connection: while the container lives, another one can begin anew. */
  get isBroken(): boolean {
    return this.#state === 'broken';
  }

  /**
   * The container has ended: its last lines are waited for, but not for long. Never throws.
   * @param signal ends the waiting
   */
  async finish(signal: AbortSignal): Promise<KeptLog> {
    await this.#drain(signal);
    this.#abort.abort(new Halted(signal.aborted ? 'there was no time left for the rest' : 'its end was not told'));
    await this.#done;
    try {
      const log = await this.#keeper.close();
      if (log.file !== null || this.#keeper.chunks > 0 || (this.#state === 'whole' && !this.#keeper.hasNote)) return log;
      return noLog('gone', 'nothing that it wrote was seen before it was gone');
    } catch (error) {
      return whyNot(error, this.#options.source);
    }
  }

  /** Drops what has come so far. Never throws. */
  async discard(): Promise<void> {
    this.#abort.abort(new Halted('its log is not wanted'));
    await this.#done;
    await this.#keeper.discard().catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      this.#state = (await this.#follow()) ? 'whole' : 'broken';
    } catch {
      this.#state = 'broken'; // The log may still be read at the container's end; otherwise that says why not.
    } finally {
      this.#ready.resolve();
      this.#abort.abort(new Halted('it is over')); // A connection that is not read would make the container wait.
    }
  }

  /** @returns whether it came to the container's end */
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
    // Where it had not started, all of the log is live.
    if (hadStarted || live?.isCut) this.#keeper.note(SEAM);
    if (live === undefined || live.isCut) this.#keeper.brokeWith(new IncompleteLog());
    return live !== undefined && (await this.#take(live.take())) === undefined && this.#hasEnded();
  }

  /** @returns undefined where the provider refuses: then the log is only what was read */
  async #attach(): Promise<LiveStream | undefined> {
    try {
      return new LiveStream(await this.#options.source.attach(this.#container, this.#abort.signal));
    } catch {
      return undefined;
    }
  }

  /**
   * The log from before the provider has agreed to attach. A container that lives for a moment may be gone by then: an engine answers
   * nothing about it while it is being started, and then in the order of the requests.
   * @returns undefined where there is nothing in it
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

  /** @returns the log as it is now; undefined where it can't be had */
  async #open(signal = this.#abort.signal): Promise<LogStream | undefined> {
    const { source, place } = this.#options;
    try {
      return await source.read(this.#container, maxLines(place), signal);
    } catch {
      return undefined;
    }
  }

  /** @returns whether all of it has come */
  async #read(log: LogStream | undefined): Promise<boolean> {
    if (log === undefined) return false;
    return (await this.#take(log)) === undefined;
  }

  #take(log: LogStream): Promise<Error | undefined> {
    return this.#keeper.take(log, this.#abort.signal);
  }

  /** The connection to an engine that is killed ends as that to a container does which ends. */
  async #hasEnded(): Promise<boolean> {
    const { signal } = this.#abort;
    this.#state = 'confirming';
    try {
      for (let waited = 0; waited < END_MS.most; waited += END_MS.every) {
        const status = await this.#inspect();
        if (status === undefined || hasEnded(status)) return true;
        await sleep(this.#options.clock, END_MS.every, signal);
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

  /** Grows as long as there is something to wait for. */
  get #progress(): number {
    return this.#keeper.chunks + (this.#state === 'confirming' ? 1 : 0);
  }
}

function hasEnded({ phase }: ContainerStatus): boolean {
  return phase === 'ended' || phase === 'never started';
}
