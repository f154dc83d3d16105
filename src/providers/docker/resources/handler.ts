import type { Rung } from '../../../core/provider';
import type { Kind, Resource } from '../../../core/resource';
import type { Json } from '../../../lib/json-shape';

/** How this engine's resources are taken down. */
export interface DockerSettings {
  /** The provider's name: `docker` where there is one engine. */
  readonly name: string;
  /** Milliseconds that one request of each rung may take. */
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
  /** Kill at once what can be seen to ignore its stop signal. */
  readonly skipGraceWhenDeaf: boolean;
  /** What is listed, and so can be removed. */
  readonly kinds: readonly Kind[];
  /** List anonymous volumes that no container uses: without knowing what was there before, none of them has an owner. */
  readonly orphanedVolumes?: boolean;
}

/** The containers, running or not, whose listing shows that they use something; with all that is known of them. */
export type UserLookup = (isUser: (container: Json) => boolean, signal: AbortSignal) => Promise<readonly Resource[]>;

/** How one kind of resource is listed, looked at and taken down. */
export interface KindHandler {
  readonly kind: Kind;
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** See `Survey`. Without it, `list` shows everything, and cheaply. */
  survey?(signal: AbortSignal): Promise<readonly Resource[]>;
  /** @throws 404 when it is gone */
  inspect(resource: Resource, signal: AbortSignal): Promise<Resource>;
  ladder(resource: Resource): readonly Rung[];
  /** What comes after `docker` to remove it by hand. */
  removalArguments(resource: Resource): readonly string[];
}

/** The ladder of what never runs: it has only to be removed, and is gone when the engine says so. */
export function removalOnly(timeoutMs: number, run: Rung['run']): readonly Rung[] {
  return [{ action: 'remove', timeoutMs, waits: false, run, reached: () => false }];
}
