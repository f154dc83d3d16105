import type { Rung } from '../../../core/provider';
import type { Kind, Resource, Wanted } from '../../../core/resource';
import type { Json } from '../../../lib/json-shape';

export interface DockerSettings {
  /** The provider's name: `docker` for a single engine. */
  readonly name: string;
  /** Milliseconds that one request of each rung may take. */
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
  /** See the setting of this name. */
  readonly skipGraceWhenDeaf: boolean;
  /** The kinds to list. */
  readonly kinds: readonly Wanted[];
  /** Lists unused anonymous volumes too. Only a baseline tells their owner. */
  readonly orphanedVolumes?: boolean;
}

/** Finds the containers, running or not, whose listing shows that they use a resource. */
export type UserLookup = (isUser: (container: Json) => boolean, signal: AbortSignal) => Promise<readonly Resource[]>;

/** Lists, inspects and takes down resources of one kind. */
export interface KindHandler {
  readonly kind: Kind;
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** See `Survey`. Default: `list`. */
  survey?(signal: AbortSignal): Promise<readonly Resource[]>;
  /** @throws 404 when it is gone */
  inspect(resource: Resource, signal: AbortSignal): Promise<Resource>;
  ladder(resource: Resource): readonly Rung[];
  /** See `Provider.removalCommand`. */
  removalCommand(resource: Resource): string;
}

/** The ladder of resources that never run. */
export function removalOnly(timeoutMs: number, run: Rung['run']): readonly Rung[] {
  return [{ action: 'remove', timeoutMs, waits: false, run, reached: () => false }];
}
