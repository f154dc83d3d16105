import type { Provider } from '../../core/provider';
import type { Kind } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import { type Engine, isPodman, socketOf } from './connection/connect';
import { dockerCommand, type Endpoint } from './connection/endpoint';
import { UNIDENTIFIED } from './connection/shapes';
import { classify, isGone } from './errors';
import { BuildCache } from './resources/build-cache';
import type { Buildx } from './resources/builder-instances';
import { Builders } from './resources/builders';
import { Containers } from './resources/containers';
import type { EngineFacts } from './resources/engine-facts';
import { type DockerSettings, type KindHandler, removalOnly, type UserLookup } from './resources/handler';
import { whyHanging } from './resources/hanging';
import { ImageInspections } from './resources/image-inspections';
import { Images } from './resources/images';
import { Networks } from './resources/networks';
import { ResourceEnricher } from './resources/resource-enricher';
import { Services } from './resources/services';
import { SwarmData } from './resources/swarm-data';
import { Volumes } from './resources/volumes';

const NOT_IDENTIFIED = 'the engine lists it without an id and a name';

/** Users come before what they use. */
const STAGES: Provider['stages'] = [
  ['service'],
  ['container'],
  ['network', 'volume', 'secret', 'config'],
  ['image', 'builder'],
  ['build-cache'],
];

/**
 * An engine as a provider.
 * @param facts shared with others who ask the same engine
 * @param buildx without it, there are no builders
 */
export function dockerProvider(
  engine: Engine,
  settings: DockerSettings,
  clock: Clock,
  facts: EngineFacts,
  buildx?: Buildx,
): Provider {
  const inspections = new ImageInspections(engine.docker);
  const enricher = new ResourceEnricher(facts, inspections);
  const swarm = async (signal: AbortSignal) => (await facts.of(signal)).swarm;
  const services = new Services(engine, settings, swarm);
  const containers = new Containers(engine, settings, clock, services);
  const users: UserLookup = async (isUser, signal) => {
    const found = (await containers.listed(signal)).filter(isUser);
    return enricher.enrich(
      found.map((container) => containers.resource(container)),
      signal,
    );
  };
  const volumes = new Volumes(engine, settings, users);
  const handlers: readonly KindHandler[] = [
    services,
    containers,
    new Networks(engine, settings, users),
    volumes,
    new SwarmData('secret', engine, settings, swarm),
    new SwarmData('config', engine, settings, swarm),
    new Images(engine, settings, containers, inspections),
    // Only where they are cleaned: they are not the engine's.
    ...(buildx && settings.kinds.includes('builder') ? [new Builders(engine, settings, buildx, [containers, volumes])] : []),
    // Old engines walk through all files to list it.
    ...(settings.kinds.includes('build-cache') ? [new BuildCache(engine, settings, clock)] : []),
  ];
  const handlerOf = (kind: Kind): KindHandler => {
    const handler = handlers.find((candidate) => candidate.kind === kind);
    if (!handler) throw new Error(`Docker has no resources of the kind ${kind}`);
    return handler;
  };
  return {
    name: settings.name,
    stages: STAGES.map((stage) => stage.filter((kind) => settings.kinds.includes(kind))),
    list: async (kind, signal) => enricher.enrich(await handlerOf(kind).list(signal), signal),
    async inspect(resource, signal) {
      if (resource.id === UNIDENTIFIED) throw new Error(NOT_IDENTIFIED);
      try {
        const [now] = await enricher.enrich([await handlerOf(resource.kind).inspect(resource, signal)], signal);
        return now;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    survey: {
      kinds: handlers.map(({ kind }) => kind),
      list: async (kind, signal) => {
        const handler = handlerOf(kind);
        return enricher.enrich(await (handler.survey?.(signal) ?? handler.list(signal)), signal);
      },
    },
    // Podman makes up a new id for each answer. Sessions of one host see the same socket.
    engineId: async (signal) => (isPodman(engine.version) ? socketOf(engine.endpoint) : (await facts.of(signal)).engineId),
    ladder(resource) {
      if (resource.id !== UNIDENTIFIED) return handlerOf(resource.kind).ladder(resource);
      return removalOnly(settings.removeMs, () => Promise.reject(new Error(NOT_IDENTIFIED)));
    },
    async whyStuck(resource) {
      if (resource.kind === 'service') return services.whyStuck(resource);
      return resource.kind === 'container' ? whyHanging(resource.id) : undefined;
    },
    leftElsewhere: () => services.leftElsewhere(),
    classify,
    removalCommand: (resource) => handlerOf(resource.kind).removalCommand(resource),
  };
}

/** A command that removes all containers with a label; the next pre-cleanup does the rest. */
export function cleanupCommand(endpoint: Endpoint, label: string): string {
  const list = dockerCommand(endpoint, 'ps', '--all', '--quiet', '--filter', `label=${label}`);
  return `${list} | xargs -r ${dockerCommand(endpoint, 'rm', '--force', '--volumes')}`;
}
