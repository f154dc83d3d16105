export type Kind = 'container' | 'network' | 'volume' | 'image' | 'sandbox';

/** Something that a benchmark may leave behind, as a provider saw it at one moment. */
export interface Resource {
  /** The provider's name. */
  readonly provider: string;
  readonly kind: Kind;
  /** Never reused by the provider, even when the name is. */
  readonly id: string;
  /** As people type it. Foreign text: escape it wherever it is shown. */
  readonly name: string;
  /** What it was made from. */
  readonly image?: string;
  /** The provider's own word: `running`, `exited`, `paused`. */
  readonly state: string;
  /** Something still runs in it: ending it is an outcome of its own (`graceful`, `killed`). */
  readonly running: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, where the provider tells. */
  readonly createdAt?: number;
  /** Why a stop signal would do nothing: it is killed at once, and the report says why. */
  readonly deaf?: string;
  /** Why the provider must never remove it, whatever matches: it runs this very process, say. */
  readonly protection?: string;
}

/** What tells a resource from all others. */
export function keyOf({ provider, kind, id }: Resource): string {
  return `${provider} ${kind} ${id}`;
}
