import type { Clock } from '../reaper/clock';
import type { Provider, Rung } from '../reaper/provider';
import type { Kind, Resource } from '../reaper/resource';
import type { Engine } from './connect';
import { Containers } from './containers';
import { classify, hasStatus } from './errors';

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
export function dockerProvider(engine: Engine, settings: DockerSettings, clock: Clock): Provider {
  const handlers: readonly KindHandler[] = [new Containers(engine, settings, clock)];
  const handlerOf = ({ kind }: Resource): KindHandler => {
    const handler = handlers.find((candidate) => candidate.kind === kind);
    if (!handler) throw new Error(`Docker has no resources of the kind ${kind}`);
    return handler;
  };
  return {
    name: settings.name,
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
      const { url } = engine.endpoint;
      const host = url === DEFAULT_URL ? [] : ['--host', quoted(url)];
      return ['docker', ...host, ...handlerOf(resource).removalArguments(resource)].join(' ');
    },
  };
}

/** As one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
