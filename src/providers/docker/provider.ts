import type { Provider } from '../../core/provider';
import type { Resource } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import { BrokenAnswer } from './connection/answers';
import type { Engine } from './connection/connect';
import { dockerArguments, type Endpoint } from './connection/endpoint';
import { classify, hasStatus } from './errors';
import { Containers } from './resources/containers';
import type { DockerSettings, KindHandler } from './resources/handler';
import { Images } from './resources/images';
import { Networks } from './resources/networks';
import { ResourceEnricher } from './resources/resource-enricher';
import { Volumes } from './resources/volumes';

/** One Docker engine, or what speaks its API. */
export function dockerProvider(engine: Engine, settings: DockerSettings, clock: Clock): Provider {
  const containers = new Containers(engine, settings, clock);
  const all = [
    containers,
    new Networks(engine, settings),
    new Volumes(engine, settings),
    new Images(engine, settings, containers),
  ];
  const handlers: readonly KindHandler[] = all.filter(({ kind }) => settings.kinds.includes(kind));
  const handlerOf = ({ kind }: Resource): KindHandler => {
    const handler = handlers.find((candidate) => candidate.kind === kind);
    if (!handler) throw new Error(`Docker has no resources of the kind ${kind}`);
    return handler;
  };
  const facts = new ResourceEnricher(engine.docker, clock);
  return {
    name: settings.name,
    stages: [['container'], ['network', 'volume'], ['image']],
    async list(signal) {
      const listed = await Promise.all(handlers.map((handler) => handler.list(signal)));
      // An answer without a body is not the news that there is nothing.
      if (!listed.every((list) => Array.isArray(list))) throw new BrokenAnswer('the engine’s answer is no list');
      return facts.enrich(listed.flat(), signal);
    },
    async inspect(resource, signal) {
      try {
        const [now] = await facts.enrich([await handlerOf(resource).inspect(resource, signal)], signal);
        return now;
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    },
    ladder: (resource) => handlerOf(resource).ladder(resource),
    classify,
    removalCommand(resource) {
      return command(engine.endpoint, ...handlerOf(resource).removalArguments(resource));
    },
  };
}

/** What a person types to remove all containers with a label (their networks and volumes are for the next run's pre-cleanup), where the engine can't be reached from here. */
export function cleanupCommand(endpoint: Endpoint, label: string): string {
  const list = command(endpoint, 'ps', '--all', '--quiet', '--filter', `label=${label}`);
  return `${list} | xargs --no-run-if-empty ${command(endpoint, 'rm', '--force', '--volumes')}`;
}

function command(endpoint: Endpoint, ...words: readonly string[]): string {
  return ['docker', ...dockerArguments(endpoint), ...words].map(quoted).join(' ');
}

/** As one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
