import type { ErrorClass } from './provider';
import type { Resource } from './resource';

/** Something that happened to a container. All times are milliseconds by the provider's clock. */
export interface ContainerEvent {
  /** `asked`: something requests its end (`stop`, `kill`, `rm --force`), and may be refused. */
  readonly kind: 'created' | 'started' | 'asked' | 'oom' | 'died' | 'removed';
  readonly at: number;
  /** As far as the event describes it: name, labels, image; for `created` also its time. */
  readonly container: Resource;
  /** With `died`. Absent if the event lacks it, or a label could have forged it. */
  readonly exitCode?: number;
  /** With `died`: see `ContainerStatus`. */
  readonly reason?: string;
  /** With `died`: it never ran, and this is why. */
  readonly error?: string;
}

/** `never started`: its start failed. */
export type ContainerPhase = 'waiting' | 'never started' | 'running' | 'ended';

/** A container at one moment. */
export interface ContainerStatus {
  readonly container: Resource;
  readonly phase: ContainerPhase;
  /** Start of its last run. */
  readonly startedAt?: number;
  /** End of its last run; while it runs, of the run before. */
  readonly endedAt?: number;
  /** Of its last end, once the provider knows it. */
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** When something asked its last run to end, if the provider remembers that. */
  readonly askedAt?: number;
  /** The provider's own word for why it ended, or did not start, if it says more: `Evicted`. */
  readonly reason?: string;
  /** The engine removes it, and its log, when it ends. */
  readonly autoRemove: boolean;
  /** With `never started`: why. */
  readonly error?: string;
  /** Why its log can't be read. */
  readonly logUnavailable?: string;
}

/** A part of what a container wrote. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Its time, in RFC 3339. */
  readonly at: string;
  /** May begin and end in the middle of a line. */
  readonly bytes: Uint8Array;
}

/** A log as it arrives. Throws when the connection breaks or the signal aborts. */
export type LogStream = AsyncIterable<readonly LogChunk[]>;

/**
 * The fate of a container's log. `kept`: in a file, whole or not. `empty`: nothing was written.
 * `unwanted`: not to be kept. `gone`: the container went first. `out-of-time`: not read in time.
 * `unavailable`: can't be read.
 */
export type LogStatus = 'kept' | 'empty' | 'unwanted' | 'gone' | 'out-of-time' | 'unavailable';

/** A provider that reports how its containers end, and has their logs. The signal ends all I/O. */
export interface ContainerSource {
  /** Milliseconds by which its events can be late. */
  readonly eventDelayMs: number;
  /** The maximum number of logs to follow at a time. */
  readonly maxFollowed: number;
  /**
   * Whether `attach` and `read` work, harmlessly, before a container's start. Known after `now`.
   */
  followsBeforeStart(): boolean;
  /** Whether `attach` brings also what was written before. Only it tells the logs of runs apart. */
  readonly attachBringsAll?: true;
  /** Whether events have all labels of their container: it needs no inspection to be left alone. */
  readonly labelsInEvents?: true;
  /** The provider's clock. */
  now(signal: AbortSignal): Promise<number>;
  /**
   * The events from `since` on, as far as the provider remembers. One of that very time may repeat.
   * @returns when the provider listens: no later event is lost until the connection breaks
   */
  watch(since: number, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
  /** All containers, owned or not. */
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** The container as it is now; undefined when it is gone. */
  inspect(container: Resource, signal: AbortSignal): Promise<ContainerStatus | undefined>;
  /**
   * Reads the log's last lines, each as one or more chunks.
   * @param lines the maximum; a provider may return more
   */
  read(container: Resource, lines: number, signal: AbortSignal): Promise<LogStream>;
  /**
   * Everything that the container writes from now on. Consume it, or the container blocks.
   * @returns when the provider has agreed: nothing after that is lost. The stream's end does not
   *   prove the container's end; a lost connection can look the same
   */
  attach(container: Resource, signal: AbortSignal): Promise<LogStream>;
  /** Why some of its containers can't be seen; undefined if all can be. */
  unseen?(): Error | undefined;
  /** See `Provider.classify`. */
  classify(error: unknown): ErrorClass;
}
