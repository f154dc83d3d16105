import type { Resource } from './resource';

/** A resource that its provider can end by itself. */
export interface Lifetime {
  readonly resource: Resource;
  /** When the provider ends it, in milliseconds from now; undefined: never. */
  readonly endsInMs: number | undefined;
}

/** What another process needs to reach the provider. Secret: it is kept in memory only. */
export interface Access {
  readonly url: string;
  readonly token: string;
  readonly organizationId?: string;
  /** The network's HTTP proxy; empty without one. */
  readonly proxy: string;
}

/** The clock of a provider, which ends resources also where no machine is left that could. */
export interface Lifetimes {
  /** Opens the same clock in another process. */
  readonly access: Access;
  /** The ids of what carries the label. A listing may be late: what it shows is to be inspected. */
  list(label: { readonly key: string; readonly value: string }, signal: AbortSignal): Promise<readonly string[]>;
  /** What it is now; undefined when it is gone, or going. */
  inspect(id: string, signal: AbortSignal): Promise<Lifetime | undefined>;
  /**
   * From now on it ends by itself in so many milliseconds; undefined: not any more.
   * @throws {NoLifetimes}
   */
  set(id: string, ms: number | undefined, signal: AbortSignal): Promise<void>;
}

/** This provider has no such clock. */
export class NoLifetimes extends Error {
  override readonly name = 'NoLifetimes';
}
