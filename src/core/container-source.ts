import type { ErrorClass } from './provider';
import type { Resource } from './resource';

/** Something that happened to a container. All times here are the provider's: milliseconds since the epoch by its clock. */
export interface ContainerEvent {
  /** What a provider tells beside these is not told here. */
  readonly kind: 'created' | 'started' | 'oom' | 'died' | 'removed';
  readonly at: number;
  /** As far as the event tells whose it is: name, labels, image; for `created` when, too. */
  readonly container: Resource;
  /** With `died`, where it is told. */
  readonly exitCode?: number;
}

/** How far a container has come. `never started`: its start was tried, and failed. */
export type ContainerPhase = 'waiting' | 'never started' | 'running' | 'ended';

/** One look at a container. */
export interface ContainerStatus {
  readonly container: Resource;
  readonly phase: ContainerPhase;
  /** Of its last run. */
  readonly startedAt?: number;
  /** Of its last end; while it runs, of the run before. */
  readonly endedAt?: number;
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** It is removed by itself when it ends, and its log with it. */
  readonly autoRemove: boolean;
  /** With `never started`: why. */
  readonly error?: string;
  /** Why nobody can have its log. */
  readonly logUnavailable?: string;
}

/** Some of what a container has written. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** When, as RFC 3339 has it. */
  readonly at: string;
  /** Anything at all; may begin and end in the middle of a line. */
  readonly bytes: Uint8Array;
}

/** A log, as it comes: several pieces at a time. Ends by throwing when the connection breaks, or the signal aborts. */
export type LogStream = AsyncIterable<readonly LogChunk[]>;

/** What a log ends with where the provider has left out a part of it. */
export class IncompleteLog extends Error {
  override readonly name = 'LogGap';

  constructor() {
    super('a part of it is missing: a line says where');
  }
}

/** What a provider can that tells of its containers' ends, and has their logs. All I/O ends when the signal aborts. */
export interface ContainerSource {
  /** Milliseconds that its events can come late. */
  readonly lateMs: number;
  /** So many logs can be followed at a time. */
  readonly maxFollowed: number;
  /** The provider's own time. */
  now(signal: AbortSignal): Promise<number>;
  /**
   * What happens from `since` on, as far back as the provider remembers; an event at that very time may come again.
   * @returns when the provider listens: what happens from then on is told, until the connection breaks
   */
  watch(since: number, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
  /** All containers, owned or not. */
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** The container as it is now; undefined when it is gone. */
  inspect(container: Resource, signal: AbortSignal): Promise<ContainerStatus | undefined>;
  /**
   * What is there of a log: its last lines, of which each is a piece or several.
   * @param lines so many at most; more may come
   */
  read(container: Resource, lines: number, signal: AbortSignal): Promise<LogStream>;
  /**
   * A log from its beginning, until the container ends. Ends with a `LogGap` where something is missing.
   * @returns undefined where it can't be followed before the container runs
   */
  follow(container: Resource, phase: 'waiting' | 'running', signal: AbortSignal): Promise<LogStream | undefined>;
  /** What an error of these means. */
  classify(error: unknown): ErrorClass;
}
