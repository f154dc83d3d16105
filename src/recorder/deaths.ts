import type { ContainerSource, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Clock } from '../lib/clock';
import { withTimeout } from '../lib/deadline';
import { Limit } from '../lib/limit';
import type { End } from './container-tracker';
import { type Death, type LogsWanted, unwantedLog } from './death';
import { LogFollower } from './logs/log-follower';
import type { KeepingPlace, KeptLog } from './logs/log-keeper';
import { GONE, NO_TIME, readLog } from './logs/reading';

export interface DeathsOptions {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  readonly clock: Clock;
  readonly logs: LogsWanted;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** Logs that are read at a time: more make no engine faster, and each takes some memory. */
const READINGS = 8;
const INSPECTIONS = 8;
/** Inspections of all followers at a time. */
const FOLLOWER_INSPECTIONS = 16;

/** Milliseconds for one inspection. */
const INSPECT_MS = 10_000;

/** The exit code of a process that SIGKILL ended, the system's when memory is short among others. */
const KILLED = 137;

/** Milliseconds that the times of one end, the event's and the inspection's, can be apart. */
const SAME_END_MS = 2_000;

/** How containers ended, and their logs. */
export class Deaths {
  readonly #options: DeathsOptions;
  readonly #readings = new Limit(READINGS);
  readonly #inspections = new Limit(INSPECTIONS);
  readonly #followerInspections = new Limit(FOLLOWER_INSPECTIONS);
  readonly #all: Death[] = [];
  readonly #followers = new Map<string, LogFollower>();
  /** The work on a container's end, by its id. */
  readonly #settling = new Map<string, Promise<void>>();

  constructor(options: DeathsOptions) {
    this.#options = options;
  }

  /** In the order in which they ended. One that is not settled yet says so. */
  get all(): readonly Death[] {
    return this.#all.toSorted((a, b) => a.at - b.at);
  }

  /** The log of this one's end is in its place. */
  isSettled({ id }: Pick<Resource, 'id'>): boolean {
    return !this.#settling.has(id);
  }

  /** Waits until the ends so far are settled. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling.values());
  }

  /**
   * Follows the log of a container, in case it is removed when it ends. Does nothing where the log is followed already.
   * @param isUrgent it is about to end: there is room for as many more
   */
  follow(container: Resource, isUrgent = false): void {
    const { source, logs } = this.#options;
    const before = this.#followers.get(container.id);
    const most = source.maxFollowed * (isUrgent ? 2 : 1);
    if (logs === 'none' || before?.isBroken === false || this.#followers.size >= most) return;
    const options = { ...this.#options, inspections: this.#followerInspections };
    this.#followers.set(container.id, new LogFollower(container, options, before?.discard()));
  }

  /** Waits until nothing of the container's log can be missed any more, if it is followed. */
  async ready({ id }: Pick<Resource, 'id'>): Promise<void> {
    await this.#followers.get(id)?.ready;
  }

  /** Its log can't be had. Never rejects. */
  async unfollow({ id }: Pick<Resource, 'id'>): Promise<void> {
    await this.#takeFollower(id)?.discard();
  }

  /** @param status the last one; undefined where it has not been inspected yet */
  add(end: End, status: ContainerStatus | undefined): void {
    const { id } = end.container;
    const index = this.#all.push({ ...end, log: NO_TIME }) - 1;
    const before = this.#settling.get(id) ?? Promise.resolve();
    const follower = this.#takeFollower(id); // At its next start another one begins.
    const settling = before
      .then(() => this.#settle(end, status, follower))
      .then((death) => {
        this.#all[index] = death;
      })
      .finally(() => {
        if (this.#settling.get(id) === settling) this.#settling.delete(id);
      });
    this.#settling.set(id, settling);
  }

  /** Ends the followers of containers that have not died. To be called when the signal has aborted. Never rejects. */
  async close(): Promise<void> {
    await this.settled();
    await Promise.all([...this.#followers.values()].map((follower) => follower.discard()));
    this.#followers.clear();
  }

  /** Never throws. */
  async #settle(reported: End, known: ContainerStatus | undefined, follower: LogFollower | undefined): Promise<Death> {
    const isUnclear = known === undefined || reported.exitCode === null || (isKill(reported) && !known.autoRemove);
    const status = isUnclear && reported.neverStarted === undefined ? ((await this.#inspect(reported)) ?? known) : known;
    const end = completed(reported, status);
    const unwanted = unwantedLog(end, this.#options.logs);
    if (unwanted !== undefined) await follower?.discard();
    return { ...end, log: unwanted ?? (await this.#log(end, status, follower)) };
  }

  /** A log that is still there is better read than followed: it has the engine's times, and every line once. */
  async #log(end: End, status: Inspected, follower: LogFollower | undefined): Promise<KeptLog> {
    const read = isThere(status) && !status.autoRemove ? await this.#read(end, status) : undefined;
    if (read?.status === 'kept') {
      await follower?.discard();
      return read;
    }
    const followed = await follower?.finish(this.#options.signal);
    if (followed?.status === 'kept') return followed;
    return read ?? (followed?.status === 'empty' ? followed : this.#read(end, status));
  }

  /** A container that could not be inspected in time may still have its log. */
  async #read({ container }: End, status: Inspected): Promise<KeptLog> {
    if (this.#options.signal.aborted) return NO_TIME;
    if (status === 'gone') return GONE;
    return readLog(status ?? { container }, { ...this.#options, limit: this.#readings });
  }

  async #inspect({ container }: End): Promise<Inspected> {
    const { source, signal } = this.#options;
    try {
      const inspect = (time: AbortSignal) => source.inspect(container, time);
      return (await this.#inspections.run(signal, () => withTimeout(INSPECT_MS, this.#options, inspect))) ?? 'gone';
    } catch {
      return undefined;
    }
  }

  #takeFollower(id: string): LogFollower | undefined {
    const follower = this.#followers.get(id);
    this.#followers.delete(id);
    return follower;
  }
}

/** The last inspection; undefined where there was none. */
type Inspected = ContainerStatus | 'gone' | undefined;

function isThere(status: Inspected): status is ContainerStatus {
  return status !== undefined && status !== 'gone';
}

/** The system may have killed it for want of memory, without an event. */
function isKill({ exitCode, oomKilled }: End): boolean {
  return exitCode === KILLED && !oomKilled;
}

/** With what an inspection adds to the events. */
function completed(end: End, status: Inspected): End {
  if (!isThere(status) || status.phase !== 'ended') return end;
  const isSame = status.endedAt !== undefined && Math.abs(status.endedAt - end.at) <= SAME_END_MS;
  const exitCode = end.exitCode ?? (isSame ? (status.exitCode ?? null) : null);
  return { ...end, exitCode, oomKilled: end.oomKilled || status.oomKilled };
}
