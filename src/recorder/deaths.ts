import type { ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import { Limit } from '../lib/limit';
import { withTimeout } from '../lib/with-timeout';
import type { End } from './container-tracker';
import { type Death, type LogsWanted, whyUnwanted } from './death';
import { LogFollower, type LogFollowerOptions } from './logs/log-follower';
import { type KeptLog, noLog } from './logs/log-keeper';
import { GONE, NO_TIME, readLog } from './logs/reading';

export interface DeathsOptions extends LogFollowerOptions {
  readonly logs: LogsWanted;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** Logs that are read at a time: more make no engine faster, and each takes some memory. */
const READINGS = 8;
const LOOKS = 8;

/** Milliseconds for one look. */
const LOOK_MS = 10_000;

/** The exit code of what SIGKILL ended, the system's when memory is short among others. */
const KILLED = 137;

/** How containers ended, and their logs. */
export class Deaths {
  readonly #options: DeathsOptions;
  readonly #readings = new Limit(READINGS);
  readonly #looks = new Limit(LOOKS);
  readonly #all: Death[] = [];
  readonly #followings = new Map<string, LogFollower>();
  /** What is being done about a container's end, by its id. */
  readonly #settling = new Map<string, Promise<void>>();

  constructor(options: DeathsOptions) {
    this.#options = options;
  }

  /** In the order in which they ended. What is not settled yet says so. */
  get all(): readonly Death[] {
    return this.#all.toSorted((a, b) => a.at - b.at);
  }

  /** The log of this one's end is where it will be. */
  isSettled({ id }: Pick<Resource, 'id'>): boolean {
    return !this.#settling.has(id);
  }

  /** What is being done by now is done. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling.values());
  }

  /** Follows the log of a container that may take it along when it ends. Whether it does is not waited for: it may end before. */
  follow(container: Resource, phase: 'waiting' | 'running'): void {
    const { recordable, logs } = this.#options;
    const before = this.#followings.get(container.id);
    if (logs === 'none' || before?.isInVain === false || this.#followings.size >= recordable.maxFollowed) return;
    this.#followings.set(container.id, new LogFollower({ container, phase }, this.#options, before?.discard()));
  }

  /** Its log stays when it ends: there is no need to follow. Never rejects. */
  async unfollow({ id }: Pick<Resource, 'id'>): Promise<void> {
    const following = this.#followings.get(id);
    this.#followings.delete(id);
    await following?.discard();
  }

  /** @param life as it was last seen; undefined when nobody has yet */
  add(end: End, life: ContainerStatus | undefined): void {
    const { id } = end.container;
    const index = this.#all.push({ ...end, log: noLog(NO_TIME) }) - 1;
    const before = this.#settling.get(id) ?? Promise.resolve();
    const settling = before
      .then(() => this.#settle(end, life))
      .then((death) => {
        this.#all[index] = death;
      })
      .finally(() => {
        if (this.#settling.get(id) === settling) this.#settling.delete(id);
      });
    this.#settling.set(id, settling);
  }

  /** Ends what is still followed: those have not died. To be called when the signal has aborted. Never rejects. */
  async close(): Promise<void> {
    await this.settled();
    await Promise.all([...this.#followings.values()].map((following) => following.discard()));
    this.#followings.clear();
  }

  /** Never throws. */
  async #settle(end: End, known: ContainerStatus | undefined): Promise<Death> {
    const unwanted = end.neverStarted === undefined ? whyUnwanted(end, this.#options.logs) : `it never ran: ${end.neverStarted}`;
    // No event may have told that memory was short.
    const isClear = end.exitCode !== KILLED || end.oomKilled || known?.autoRemove === true;
    const isAsked = !isClear || (known === undefined && unwanted === undefined);
    const now = isAsked ? ((await this.#look(end)) ?? known) : known;
    const oomKilled = end.oomKilled || (isLife(now) && now.phase === 'ended' && now.oomKilled);
    return { ...end, oomKilled, log: await this.#log(end, now, unwanted) };
  }

  /** Where the container is still there, its log is better read than followed. */
  async #log(end: End, seen: Seen, unwanted: string | undefined): Promise<KeptLog> {
    const { id } = end.container;
    const following = this.#followings.get(id);
    this.#followings.delete(id);
    const read = unwanted === undefined && stays(seen) ? await this.#read(end, seen) : undefined;
    if (unwanted !== undefined || read?.file) await following?.discard();
    if (unwanted !== undefined) return noLog(unwanted);
    if (read?.file) return read;
    const followed = await following?.finish(this.#options.signal);
    if (followed?.isLost === false && (followed.log.file !== null || read === undefined)) return followed.log;
    return read ?? (await this.#read(end, seen));
  }

  /** A container that nobody could look at in time may still have its log. */
  async #read({ container }: End, seen: Seen): Promise<KeptLog> {
    if (this.#options.signal.aborted) return noLog(NO_TIME);
    if (seen === 'gone') return noLog(GONE);
    return readLog(seen ?? { container }, { ...this.#options, limit: this.#readings });
  }

  async #look({ container }: End): Promise<Seen> {
    const { recordable, signal } = this.#options;
    try {
      const look = (time: AbortSignal) => recordable.inspect(container, time);
      return (await this.#looks.run(signal, () => withTimeout(LOOK_MS, this.#options, look))) ?? 'gone';
    } catch {
      return undefined;
    }
  }
}

/** As it was last seen; undefined when nobody could look. */
type Seen = ContainerStatus | 'gone' | undefined;

function stays(life: Seen): boolean {
  return isLife(life) && !life.autoRemove;
}

function isLife(life: Seen): life is ContainerStatus {
  return life !== undefined && life !== 'gone';
}
