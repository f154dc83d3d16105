import type { Clock } from '../reaper/clock';
import type { Provider, Rung } from '../reaper/provider';
import type { Kind, Resource } from '../reaper/resource';
import type { Engine } from './connect';
import { Containers } from './containers';
import { classify, hasStatus } from './errors';

/** Milliseconds that one request of each rung may take. */
export interface RungTimeouts {
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
}

/** How one kind of resource is listed, looked at and taken down. */
export interface KindHandler {
  readonly kind: Kind;
  list(signal: AbortSignal): Promise<readonly Resource[]>;
  /** @throws 404 when it is gone */
  inspect(resource: Resource, signal: AbortSignal): Promise<Resource>;
  ladder(resource: Resource): readonly Rung[];
  /** What comes after `docker` to remove it by hand. */
  removalArguments(resource: Resource): readonly string[];
}

/** The socket that the docker command uses when nothing else is said. */
const DEFAULT_URL = 'unix:///var/run/docker.sock';

/** One Docker engine, or what speaks its API. */
export function dockerProvider({ docker, endpoint }: Engine, timeouts: RungTimeouts, clock: Clock): Provider {
  const name = 'docker';
  const handlers: readonly KindHandler[] = [new Containers(docker, name, timeouts, clock)];
  const handlerOf = ({ kind }: Resource): KindHandler => {
    const handler = handlers.find((candidate) => candidate.kind === kind);
    if (!handler) throw new Error(`Docker has no resources of the kind ${kind}`);
    return handler;
  };
  return {
    name,
    stages: [['container']],
    async list(signal) {
      return (await Promise.all(handlers.map((handler) => handler.list(signal)))).flat();
    },
    async inspect(resource, signal) {
      try {
        return await handlerOf(resource).inspect(resource, signal);
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    },
    ladder: (resource) => handlerOf(resource).ladder(resource),
    classify,
    removalCommand(resource) {
      const host = endpoint.url === DEFAULT_URL ? [] : ['--host', quoted(endpoint.url)];
      return ['docker', ...host, ...handlerOf(resource).removalArguments(resource)].join(' ');
    },
  };
}

/** As one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
