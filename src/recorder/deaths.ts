import type { ContainerSource, ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Clock } from '../lib/clock';
import { withTimeout } from '../lib/deadline';
import { Limit } from '../lib/limit';
import type { End } from './container-tracker';
import { LesserLogs } from './logs/lesser-logs';
import { LogFollower } from './logs/log-follower';
import { type KeepingPlace, type KeptLog, noLog } from './logs/log-keeper';
import { GONE, NO_TIME, readLog } from './logs/reading';

/** The containers whose logs are kept. */
export type LogsWanted = 'failed' | 'all' | 'none';

/** How a container ended, and where its log is. */
export interface Death extends End {
  readonly log: KeptLog;
}

export interface DeathsOptions {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  readonly clock: Clock;
  readonly logs: LogsWanted;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** Logs to read at a time: more don't make an engine faster, and each takes memory. */
const READINGS = 8;
const INSPECTIONS = 8;
/** Inspections of all followers at a time. */
const FOLLOWER_INSPECTIONS = 16;

/** Milliseconds for one inspection. */
const INSPECT_MS = 10_000;

/** The exit code after SIGKILL, which the system sends too, when memory runs out. */
const KILLED = 137;

/** Milliseconds by which an event and an inspection can differ about the time of one end. */
const SAME_END_MS = 2_000;

/** How containers ended, and their logs. */
export class Deaths {
  readonly #options: DeathsOptions;
  readonly #readings = new Limit(READINGS);
  readonly #inspections = new Limit(INSPECTIONS);
  readonly #followerInspections = new Limit(FOLLOWER_INSPECTIONS);
  readonly #all: Death[] = [];
  /** Where `all` has the failed start of a container, by its id. */
  readonly #failedStarts = new Map<string, number>();
  /** Places in `all` of what turned out to be no death. */
  readonly #withdrawn = new Set<number>();
  readonly #followers = new Map<string, LogFollower>();
  /** The work on a container's end, by its id. */
  readonly #settling = new Map<string, Promise<void>>();
  readonly #lesserLogs: LesserLogs;

  constructor(options: DeathsOptions) {
    this.#options = options;
    this.#lesserLogs = new LesserLogs(options.place.space);
  }

  /** By the time of their end. A death that is not settled yet has `NO_TIME` as its log. */
  get all(): readonly Death[] {
    return this.#all.filter((_, index) => !this.#withdrawn.has(index)).toSorted((a, b) => a.at - b.at);
  }

  /** Whether no work on this container's log is left. */
  isSettled({ id }: Pick<Resource, 'id'>): boolean {
    return !this.#settling.has(id);
  }

  /** Waits until the ends so far are settled. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling.values());
    await this.#lesserLogs.settled();
  }

  /**
   * Follows a container's log, in case the container is removed when it ends. Does nothing if the
   * log is followed already.
   * @param isUrgent it is about to end: doubles the maximum number of followed logs
   */
  follow(container: Resource, isUrgent = false): void {
    const { source, logs } = this.#options;
    const before = this.#followers.get(container.id);
    const most = source.maxFollowed * (isUrgent ? 2 : 1);
    if (logs === 'none' || before?.isBroken === false || this.#followed >= most) return;
    const options = { ...this.#options, inspections: this.#followerInspections };
    this.#followers.set(container.id, new LogFollower(container, options, before?.discard()));
  }

  /** The number of logs that are followed now. */
  get #followed(): number {
    return [...this.#followers.values()].filter(({ isBroken }) => !isBroken).length;
  }

  /**
   * Whether following this log has broken off, and beginning anew brings all of it. Where it brings
   * only what comes, the log is read at the container's end.
   */
  isFollowedNoMore({ id }: Pick<Resource, 'id'>): boolean {
    return this.#options.source.attachBringsAll === true && this.#followers.get(id)?.isBroken === true;
  }

  /** Waits until the follower, if there is one, can't miss anything any more. */
  async ready({ id }: Pick<Resource, 'id'>): Promise<void> {
    await this.#followers.get(id)?.ready;
  }

  /** Stops following a log that can't be read. Never rejects. */
  async unfollow({ id }: Pick<Resource, 'id'>): Promise<void> {
    await this.#takeFollower(id)?.discard();
  }

  /** @param status the last inspection, if there was one */
  add(end: End, status: ContainerStatus | undefined): void {
    const { id } = end.container;
    const index = this.#all.push({ ...end, log: NO_TIME }) - 1;
    if (end.neverStarted !== undefined) this.#failedStarts.set(id, index);
    const before = this.#settling.get(id) ?? Promise.resolve();
    const follower = this.#takeFollower(id); // The next start gets another one.
    const settling = before
      .then(() => this.#lesserLogs.withdraw(id))
      .then(() => this.#settle(end, status, follower))
      .then((death) => this.#keep(index, death))
      .finally(() => {
        if (this.#settling.get(id) === settling) this.#settling.delete(id);
      });
    this.#settling.set(id, settling);
  }

  /** Takes a failed start back: where the provider tries again by itself, it may succeed. */
  startedAfterAll({ id }: Pick<Resource, 'id'>): void {
    const index = this.#failedStarts.get(id);
    if (index !== undefined) this.#withdrawn.add(index);
    this.#failedStarts.delete(id);
  }

  /** Ends the other followers. Call it after the signal has aborted. Never rejects. */
  async close(): Promise<void> {
    await this.settled();
    await Promise.all([...this.#followers.values()].map((follower) => follower.discard()));
    this.#followers.clear();
  }

  async #keep(index: number, death: Death): Promise<void> {
    this.#all[index] = death;
    const { asked, container, log } = death;
    if (!asked || log.file === null) return;
    await this.#lesserLogs.add(container.id, log.file, () => {
      this.#all[index] = { ...death, log: makesRoom(log, this.#options.place) };
    });
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

  /**
   * Prefers reading to what was followed: it has the engine's times, and each line once. Not where
   * following has these, too.
   */
  async #log(end: End, status: Inspected, follower: LogFollower | undefined): Promise<KeptLog> {
    if (this.#options.source.attachBringsAll) return this.#followedLog(end, status, follower);
    const isFirst = isThere(status) && !status.autoRemove;
    const read = isFirst ? await this.#read(end, status) : undefined;
    if (read?.status === 'kept') {
      await follower?.discard();
      return read;
    }
    const followed = await follower?.finish(this.#options.signal);
    if (followed?.status === 'kept') return followed;
    return read ?? (followed?.status === 'empty' ? followed : this.#read(end, status));
  }

  /** Reads only what following has not brought whole. */
  async #followedLog(end: End, status: Inspected, follower: LogFollower | undefined): Promise<KeptLog> {
    const followed = await follower?.finish(this.#options.signal);
    const isKept = followed?.status === 'kept';
    if (followed?.status === 'empty' || (isKept && (!follower?.isBroken || status === 'gone'))) return followed;
    const read = await this.#read(end, status);
    return isKept && read.status !== 'kept' ? followed : read;
  }

  /** Tries even if the inspection failed: the log may still be there. */
  async #read({ container, asked }: End, status: Inspected): Promise<KeptLog> {
    if (this.#options.signal.aborted) return NO_TIME;
    if (status === 'gone') return GONE;
    const place = { ...this.#options.place, isLesser: asked };
    return readLog(status ?? { container }, { ...this.#options, place, limit: this.#readings });
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

/** The last inspection, if there was one. */
type Inspected = ContainerStatus | 'gone' | undefined;

function makesRoom({ tail }: KeptLog, { space }: KeepingPlace): KeptLog {
  const reason = `it was asked to end, and other logs needed the room: logs-limit is ${space.limit} bytes`;
  return { ...noLog('unwanted', reason), tail };
}

function isThere(status: Inspected): status is ContainerStatus {
  return status !== undefined && status !== 'gone';
}

/** Out of memory, the system can kill a container without an event: worth an inspection. */
function isKill({ exitCode, oomKilled }: End): boolean {
  return exitCode === KILLED && !oomKilled;
}

/** Fills in from an inspection what the events lack. */
function completed(end: End, status: Inspected): End {
  if (!isThere(status) || status.phase !== 'ended') return end;
  const isSame = status.endedAt !== undefined && Math.abs(status.endedAt - end.at) <= SAME_END_MS;
  const exitCode = end.exitCode ?? (isSame ? (status.exitCode ?? null) : null);
  const reason = end.reason ?? (isSame ? status.reason : undefined);
  return { ...end, exitCode, oomKilled: end.oomKilled || status.oomKilled, ...(reason === undefined ? {} : { reason }) };
}

/** Whether it failed, asked to end or not, or may have. */
function isError({ exitCode, oomKilled, container }: End): boolean {
  return exitCode !== 0 || oomKilled || container.state === 'dead';
}

/** Why the log is not to be kept; undefined if it is. */
export function unwantedLog(end: End, wanted: LogsWanted): KeptLog | undefined {
  if (end.neverStarted !== undefined) return noLog('unwanted', `it never ran: ${end.neverStarted}`);
  if (wanted === 'none') return noLog('unwanted', 'logs is none');
  return wanted === 'failed' && !isError(end) ? noLog('unwanted', 'it did not fail, and logs is failed') : undefined;
}
