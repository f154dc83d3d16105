import type { Kind, Resource } from './resource';

/** The rungs, from gentle to final. A reap never climbs back. */
export const rungActions = ['stop', 'kill', 'remove'] as const;
export type RungAction = (typeof rungActions)[number];

/** What an error means for the request that got it. */
export type ErrorClass =
  /** The resource is not there any more: success. */
  | { readonly kind: 'gone' }
  /**
   * The same request may succeed later. `retryAfterMs`: the provider said when; it wins over the backoff. `unsent`: it would have been
   * refused, and was not made: it is no attempt.
   */
  | { readonly kind: 'retryable'; readonly retryAfterMs?: number; readonly unsent?: true }
  /** The same request will fail again. */
  | { readonly kind: 'permanent' };

/** How a running resource came to its end at the `stop` rung. */
export type StopOutcome = 'graceful' | 'killed';

/** One request at one resource, and when it has done its work. */
export interface Rung {
  readonly action: RungAction;
  /** Milliseconds that one request may take before the next rung is tried. */
  readonly timeoutMs: number;
  /** It spends its time waiting out a grace period, not making the provider work: it takes no place in `concurrency`. */
  readonly waits: boolean;
  /** Why there is no point in it for the state that the resource is in: it stands in the report, and the next rung is tried. */
  readonly skip?: string;
  /**
   * Sends the request. `graceMs` is what is left of the grace period (the deadline may cut it short).
   * @returns how a running resource ended, where the rung can tell
   * @throws what `Provider.classify` understands
   */
  run(signal: AbortSignal, graceMs: number): Promise<StopOutcome | undefined>;
  /**
   * The request has had its effect. Asked until true, or until `timeoutMs` is over, for providers that answer at once and go
   * on in the background. Without it, an answer is an effect. Gone always is.
   */
  reached?(now: Resource): boolean;
}

/** A resource that the provider calls gone, and failed to remove. */
export interface FailedRemoval {
  readonly resource: Resource;
  readonly error: Error;
  /** What a person types to look after it. */
  readonly command: string;
}

/** Everything on an engine, kinds that are not cleaned included, in as few requests as can be: for comparing two moments. */
export interface Survey {
  readonly kinds: readonly Kind[];
  list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]>;
}

/** Where resources live. All I/O takes the signal and ends when it aborts. */
export interface Provider {
  readonly name: string;
  /** The kinds that are looked at, in the order in which they can go: what uses others first. */
  readonly stages: readonly (readonly Kind[])[];
  /**
   * Milliseconds by which its listings may be out of date. A resource that can't be looked at by its id is not touched then, because it
   * may have changed hands; and an empty listing means nothing unless one so much later is empty, too. Without it, a listing is the
   * truth, and what can't be looked at is removed all the same.
   */
  readonly listingLagMs?: number;
  /** Milliseconds for one listing, where it comes in pages and the usual time may not do. */
  readonly listTimeoutMs?: number;
  /**
   * Milliseconds between looks while it works in the background: before the first one, and at most. Without it, the first look
   * follows on the answer at once.
   */
  readonly pollMs?: { readonly first: number; readonly most: number };
  /** Everything of one kind, owned or not. */
  list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]>;
  /** The resource as it is now; undefined when it is gone. */
  inspect(resource: Resource, signal: AbortSignal): Promise<Resource | undefined>;
  /**
   * The resources, owned or not, whose removal failed after the provider had accepted it: `list` and `inspect` no longer show them.
   * Listed once all else is gone. Absent where a provider never hides such resources.
   */
  failedRemovals?(signal: AbortSignal): Promise<readonly FailedRemoval[]>;
  /** The rungs that fit the state that the resource is in now, from gentle to final. The last one is always `remove`. */
  ladder(resource: Resource): readonly Rung[];
  /** Decides, in one place, what an error means. */
  classify(error: unknown): ErrorClass;
  /** Absent where others work at the same time, so that new resources say nothing. */
  readonly survey?: Survey;
  /** The engine's own id, which is the same under every address; undefined where it has none. */
  engineId?(signal: AbortSignal): Promise<string | undefined>;
  /** What a person types to remove it by hand. */
  removalCommand(resource: Resource): string;
}

/** A resource that uses another one, which can't go before it. */
export interface Holder {
  readonly kind: Kind;
  readonly name: string;
  /** Removes it by hand. */
  readonly command: string;
}

export interface InUseOptions {
  readonly holders?: readonly Holder[];
  /** Removes the resource by hand though it is in use; without it, the usual command does. */
  readonly command?: string;
  /** All its users stay on purpose: so does it, and this is why. */
  readonly keptBecause?: string;
  /** The provider may only be late: asking again may help. */
  readonly mayPass?: boolean;
  readonly cause?: unknown;
}

/** Something else uses it: it can't be removed before that is gone. */
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
