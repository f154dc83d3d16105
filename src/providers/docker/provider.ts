import type { Provider } from '../../core/provider';
import type { Kind } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import type { Engine } from './connection/connect';
import { dockerArguments, type Endpoint } from './connection/endpoint';
import { classify, hasStatus } from './errors';
import { Containers } from './resources/containers';
import type { DockerSettings, KindHandler } from './resources/handler';
import { Images } from './resources/images';
import { Networks } from './resources/networks';
import { ResourceEnricher } from './resources/resource-enricher';
import { Volumes } from './resources/volumes';

/** What uses others goes first. */
const STAGES: Provider['stages'] = [['container'], ['network', 'volume'], ['image']];

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
  const handlerOf = (kind: Kind): KindHandler => {
    const handler = handlers.find((candidate) => candidate.kind === kind);
    if (!handler) throw new Error(`Docker has no resources of the kind ${kind}`);
    return handler;
  };
  const facts = new ResourceEnricher(engine.docker, clock);
  return {
    name: settings.name,
    stages: STAGES.map((stage) => stage.filter((kind) => settings.kinds.includes(kind))),
    list: async (kind, signal) => facts.enrich(await handlerOf(kind).list(signal), signal),
    async inspect(resource, signal) {
      try {
        const [now] = await facts.enrich([await handlerOf(resource.kind).inspect(resource, signal)], signal);
        return now;
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    },
    ladder: (resource) => handlerOf(resource.kind).ladder(resource),
    classify,
    removalCommand(resource) {
      return command(engine.endpoint, ...handlerOf(resource.kind).removalArguments(resource));
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
