import type { Kind, Resource } from './resource';

/** From gentle to final; a reap never goes back. */
export const rungActions = ['stop', 'kill', 'remove'] as const;
export type RungAction = (typeof rungActions)[number];

/** The meaning of an error for its request. */
export type ErrorClass =
  /** The resource no longer exists: success. */
  | { readonly kind: 'gone' }
  /**
   * The same request may succeed later. `retryAfterMs` comes from the provider and replaces the
   * backoff. `unsent`: held back because it would be refused; does not count as an attempt.
   */
  | { readonly kind: 'retryable'; readonly retryAfterMs?: number; readonly unsent?: true }
  /** The same request will fail again. */
  | { readonly kind: 'permanent' };

/** How a running resource ended at the `stop` rung. */
export type StopOutcome = 'graceful' | 'killed';

/** What an answer says of the resource. `gone`: it is removed, and no inspection has to show it. */
export type RungAnswer = StopOutcome | 'gone' | undefined;

/** One step of a ladder: a request, and the test for its effect. */
export interface Rung {
  readonly action: RungAction;
  /** Milliseconds that one request may take before the next rung is tried. */
  readonly timeoutMs: number;
  /** Waits out a grace period and makes no work: takes no place in `concurrency`. */
  readonly waits: boolean;
  /** Why this rung is pointless now, for the report: the next one is tried. */
  readonly skip?: string;
  /**
   * Sends the request.
   * @param graceMs what the deadline leaves of the grace period
   * @returns how a running resource ended, or that it is gone, if known
   * @throws what `Provider.classify` understands
   */
  run(signal: AbortSignal, graceMs: number): Promise<RungAnswer>;
  /**
   * Whether the request has had its effect, for providers that work in the background: asked until
   * true or `timeoutMs` is over. Without it, the answer is the effect.
   */
  reached?(now: Resource): boolean;
  /** The next rung is right whatever this one has done: there is no inspection in between. */
  readonly unchecked?: true;
}

/** A resource that the provider calls gone but failed to remove. */
export interface FailedRemoval {
  readonly resource: Resource;
  readonly error: Error;
  /** To copy: shows or removes it. */
  readonly command: string;
}

/** Lists everything on an engine, in few requests, to compare two moments. */
export interface Survey {
  readonly kinds: readonly Kind[];
  list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]>;
}

/** Where resources live. All I/O ends when the signal aborts. */
export interface Provider {
  readonly name: string;
  /** The kinds to list, in the order of removal: users before what they use. */
  readonly stages: readonly (readonly Kind[])[];
  /**
   * Milliseconds by which listings may be out of date. With it, a resource that can't be inspected
   * is not touched, because it may have changed hands; and an empty listing must be confirmed by
   * one that much later. Without it, listings are true.
   */
  readonly listingLagMs?: number;
  /** Milliseconds for one listing, if it needs more than usual. */
  readonly listTimeoutMs?: number;
  /**
   * Milliseconds before the first inspection, and between two at most, while it works in the
   * background. Without it, the first one is immediate.
   */
  readonly pollMs?: { readonly first: number; readonly max: number };
  /** Every resource of one kind, owned or not. */
  list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]>;
  /** The resource as it is now; undefined when it is gone. */
  inspect(resource: Resource, signal: AbortSignal): Promise<Resource | undefined>;
  /**
   * Resources, owned or not, that the provider accepted to remove, failed to, and now hides. Listed
   * at the end. Absent if a provider hides none.
   */
  failedRemovals?(signal: AbortSignal): Promise<readonly FailedRemoval[]>;
  /** The rungs for the resource's current state, from gentle to final. The last is `remove`. */
  ladder(resource: Resource): readonly Rung[];
  /**
   * Why no request would help now, and what would. Asked when all rungs are used up; undefined if
   * unknown. Never throws.
   * @param isOver no time is left: tells what may hold it, even if that may pass, and asks nothing
   */
  whyStuck?(resource: Resource, isOver: boolean): Promise<string | undefined>;
  /** Lines, with commands, about what removed resources left out of reach. Asked at the end. */
  leftElsewhere?(): readonly string[];
  /** Decides what an error means. */
  classify(error: unknown): ErrorClass;
  /** Absent if other jobs use it at the same time: then new resources prove nothing. */
  readonly survey?: Survey;
  /** An id that is the same under every address; undefined if there is none. */
  engineId?(signal: AbortSignal): Promise<string | undefined>;
  /** A command to copy. */
  removalCommand(resource: Resource): string;
}

/** A resource that uses another one, and must go first. */
export interface Holder {
  readonly kind: Kind;
  readonly name: string;
  /** Removes it by hand. */
  readonly command: string;
}

export interface InUseOptions {
  readonly holders?: readonly Holder[];
  /** Removes the resource although it is in use; by default, the usual command. */
  readonly command?: string | undefined;
  /** Why it stays: all its users stay on purpose. */
  readonly keptBecause?: string;
  /** The provider may only lag: trying again may help. */
  readonly mayPass?: boolean;
  readonly cause?: unknown;
}

/** Something else uses the resource and must go first. */
export class InUse extends Error {
  override readonly name = 'InUse';
  readonly holders: readonly Holder[];
  readonly command: string | undefined;
  readonly keptBecause: string | undefined;
  readonly mayPass: boolean;

  constructor(message: string, { holders = [], command, keptBecause, mayPass = false, cause }: InUseOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.holders = holders;
    this.command = command;
    this.keptBecause = keptBecause;
    this.mayPass = mayPass;
  }
}
