/** Each kind's plural, in the order in which kinds are shown. */
export const KIND_NAMES = {
  container: 'containers',
  sandbox: 'sandboxes',
  network: 'networks',
  volume: 'volumes',
  image: 'images',
} as const;

export type Kind = keyof typeof KIND_NAMES;

export const KINDS = Object.keys(KIND_NAMES) as readonly Kind[];

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
  /** The provider's id of what it was made from. */
  readonly imageId?: string;
  /** The provider's own word: `running`, `exited`, `paused`. */
  readonly state: string;
  /** Milliseconds since the epoch when it came into that state, where the provider tells. */
  readonly stateSince?: number;
  /** Something still runs in it: ending it is an outcome of its own (`graceful`, `killed`). */
  readonly running: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, where the provider tells. */
  readonly createdAt?: number;
  /** Why a stop signal would do nothing: it is killed at once, and the report says why. */
  readonly deaf?: string;
  /**
   * Its session's label may come from the image that it was made from: `docker run` gives a container all labels of its image. By
   * itself such a label does not say who made the container.
   */
  readonly inheritsSession?: boolean;
  /** Of a volume: the engine gave it its name, and only its container knew it. */
  readonly anonymous?: boolean;
  /** Of an image: everything that used it, as far as the provider saw, whether it still exists or not. */
  readonly usedBy?: readonly Resource[];
  /** Ids of resources of the same kind and provider that must go before it: the images that were made from it. */
  readonly dependents?: readonly string[];
  /** Why the provider must never remove it, whatever matches: it runs this very process, say. */
  readonly protection?: string;
}

/** What tells a resource from all others. */
export function keyOf({ provider, kind, id }: Pick<Resource, 'provider' | 'kind' | 'id'>): string {
  return `${provider} ${kind} ${id}`;
}
