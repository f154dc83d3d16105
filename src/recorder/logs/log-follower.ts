import type { ContainerSource } from '../../core/container-source';
import type { Resource } from '../../core/resource';
import { type Clock, sleep } from '../../lib/clock';
import { Halted } from '../../lib/errors';
import { type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';
import { MAX_READING_MS, whyNot } from './reading';

/** Milliseconds after a container's end in which its log begins to come, and goes on: a busy engine takes a while. */
const FIRST_WORD_MS = 10_000;
const NEXT_WORD_MS = 2_000;

export interface Followed {
  readonly container: Resource;
  readonly phase: 'waiting' | 'running';
}

export interface LogFollowerOptions {
  readonly recordable: ContainerSource;
  readonly place: KeepingPlace;
  readonly clock: Clock;
}

const NOTHING_SEEN = 'nothing that it wrote was seen before it was gone';

export interface FollowedLog {
  readonly log: KeptLog;
  /** Nothing of it came, and that was not its end. */
  readonly isLost: boolean;
}

/** The log of one container, followed from its start because it goes with the container. */
export class LogFollower {
  readonly #abort = new AbortController();
  readonly #keeper: LogKeeper;
  readonly #recordable: ContainerSource;
  readonly #clock: Clock;
  readonly #done: Promise<void>;
  #isOver = false;
  #isWhole = false;

  /** @param after what has to be over before it begins: another one may use its file */
  constructor(followed: Followed, { recordable, place, clock }: LogFollowerOptions, after: Promise<void> = Promise.resolve()) {
    this.#keeper = new LogKeeper(followed.container, place);
    this.#recordable = recordable;
    this.#clock = clock;
    this.#done = after.then(() => this.#follow(followed));
  }

  /** It ended before anything came: it was refused, or could not be followed yet. */
  get isInVain(): boolean {
    return this.#isOver && this.#keeper.pieces === 0;
  }

  /**
   * The container has ended: what it wrote last is waited for, but not for long. Never throws.
   * @param signal ends the waiting
   */
  async finish(signal: AbortSignal): Promise<FollowedLog> {
    await this.#drain(signal);
    this.#abort.abort(new Halted(signal.aborted ? 'there was no time left for the rest' : 'its end was not told'));
    await this.#done;
    try {
      const log = await this.#keeper.close();
      // Its log may have gone before any of it could come.
      if (log.file === null && this.#keeper.pieces === 0) return { log: noLog(NOTHING_SEEN), isLost: !this.#isWhole };
      return { log, isLost: false };
    } catch (error) {
      return { log: noLog(whyNot(error, this.#recordable)), isLost: false };
    }
  }

  /** Nobody wants it. Never throws. */
  async discard(): Promise<void> {
    this.#abort.abort(new Halted('nobody wants it'));
    await this.#done;
    await this.#keeper.discard().catch(() => undefined);
  }

  async #follow({ container, phase }: Followed): Promise<void> {
    const { signal } = this.#abort;
    try {
      const stream = await this.#recordable.follow(container, phase, signal);
      if (stream) this.#isWhole = (await this.#keeper.take(stream, signal)) === undefined;
    } catch {
      // It may still be read when the container ends; should it be gone by then, that is the reason.
    }
    this.#isOver = true;
  }

  async #drain(signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const giveUpAt = this.#clock.now() + MAX_READING_MS;
    for (let heard = -1; heard < this.#keeper.pieces && this.#clock.now() < giveUpAt; ) {
      heard = this.#keeper.pieces;
      const patience = sleep(this.#clock, heard === 0 ? FIRST_WORD_MS : NEXT_WORD_MS, waiting.signal).catch(() => undefined);
      await Promise.race([this.#done, patience]);
      if (this.#isOver || waiting.signal.aborted) break;
    }
    stop();
    signal.removeEventListener('abort', stop);
  }
}
