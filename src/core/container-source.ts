import type { ErrorClass } from './provider';
import type { Resource } from './resource';

/** Something that happened to a container. All times here are the provider's: milliseconds since the epoch by its clock. */
export interface ContainerEvent {
  /** `asked`: a person or a program wants it to end (`stop`, `kill`, `rm --force`); it may refuse. Other events are left out. */
  readonly kind: 'created' | 'started' | 'asked' | 'oom' | 'died' | 'removed';
  readonly at: number;
  /** As far as the event tells whose it is: name, labels, image; for `created` also when. */
  readonly container: Resource;
  /** With `died`: absent where the event does not say, or where a label could have forged it. */
  readonly exitCode?: number;
}

/** How far a container has come. `never started`: its start was tried, and failed. */
export type ContainerPhase = 'waiting' | 'never started' | 'running' | 'ended';

/** A container at one moment. */
export interface ContainerStatus {
  readonly container: Resource;
  readonly phase: ContainerPhase;
  /** Of its last run. */
  readonly startedAt?: number;
  /** Of its last end; while it runs, of the run before. */
  readonly endedAt?: number;
  /** Of its last end, where the provider knows it by now. */
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** It removes itself when it ends, and its log with it. */
  readonly autoRemove: boolean;
  /** With `never started`: why. */
  readonly error?: string;
  /** Why its log can't be had. */
  readonly logUnavailable?: string;
}

/** Some of what a container has written. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** When, as RFC 3339 has it. */
  readonly at: string;
  /** Any bytes; may begin and end in the middle of a line. */
  readonly bytes: Uint8Array;
}

/** A log as it comes, several chunks at a time. Throws when the connection breaks or the signal aborts. */
export type LogStream = AsyncIterable<readonly LogChunk[]>;

/**
 * What became of a container's log. `kept`: it is in a file, whole or not. `empty`: the container wrote nothing. `unwanted`: it is not to
 * be kept. `gone`: the container went before its log could be read. `out-of-time`: there was no time to read it. `unavailable`: it can't
 * be had.
 */
export type LogStatus = 'kept' | 'empty' | 'unwanted' | 'gone' | 'out-of-time' | 'unavailable';

/** A provider that reports how its containers end, and has their logs. All I/O ends when the signal aborts. */
export interface ContainerSource {
  /** Milliseconds by which its events can be late. */
  readonly eventDelayMs: number;
  /** The number of logs that can be followed at a time. */
  readonly maxFollowed: number;
  /** Whether `attach` and `read` work for a container that has not started yet, and change nothing about it. Known after `now`. */
  followsBeforeStart(): boolean;
  /** The provider's own time. */
  now(signal: AbortSignal): Promise<number>;
  /**
   * The events from `since` on, as far back as the provider remembers; an event of that very time may come again.
   * @returns when the provider listens: every event from then on is reported, until the connection breaks
   */
  watch(since: number, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
  /** All containers, owned or not. */
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** The container as it is now; undefined when it is gone. */
  inspect(container: Resource, signal: AbortSignal): Promise<ContainerStatus | undefined>;
  /**
   * The log as it is now: its last lines, each of them one chunk or several.
   * @param lines the number of lines at most; more may come
   */
  read(container: Resource, lines: number, signal: AbortSignal): Promise<LogStream>;
  /**
   * Everything that the container writes from now on, until it ends. Must be consumed, or the container has to wait.
   * @returns when the provider has agreed: nothing that is written after that is left out. A stream that ends is not proof that the
   *   container has ended: a lost connection can look the same
   */
  attach(container: Resource, signal: AbortSignal): Promise<LogStream>;
  /** What an error of these means. */
  classify(error: unknown): ErrorClass;
}
