import type { Resource } from '../../core/resource';
import { items, object, text, textsIn } from '../../lib/json-shape';
import { PODS } from './api-kinds';
import { podStatusOf } from './pod-status';
import { apiKindOf, type Scene, type Thing } from './scene';

/** Whether an object that says nothing itself is known by the pods that use it. */
export function isKnownByUsers({ kind }: Pick<Resource, 'kind'>): boolean {
  return kind === 'service' || kind === 'ingress' || kind === 'claim';
}

/**
 * Finds who uses services, ingresses or claims: the pods that they lead to or that mount them, each by what makes it.
 * @param things of one kind and namespace
 * @returns by the thing's uid; without those that no pod uses
 */
export async function usersOf(
  things: readonly Thing[],
  namespace: string,
  scene: Scene,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Thing[]>> {
  const pods = await scene.things(PODS, namespace, signal);
  const service = things.some(({ api }) => api.kind === 'ingress') ? apiKindOf('service') : undefined;
  const services = service ? await scene.things(service, namespace, signal) : [];
  const used = things.map((thing) => ({ uid: thing.metadata.uid, by: podsUsing(thing, pods, services) }));
  const users = [...new Set(used.flatMap(({ by }) => by))];
  const makers = users.length === 0 ? new Map<string, Thing>() : await scene.makersOf(users, namespace, signal);
  const ownersOf = (by: readonly Thing[]) => [...new Set(by.map((pod) => makers.get(pod.metadata.uid) ?? pod))];
  return new Map(used.flatMap(({ uid, by }) => (by.length === 0 ? [] : [[uid, ownersOf(by)] as const])));
}

/** None where an ingress leads to a service that is not there: more than these pods may be behind it. */
function podsUsing(thing: Thing, pods: readonly Thing[], services: readonly Thing[]): readonly Thing[] {
  const { kind } = thing.api;
  if (kind === 'claim') return podsWith(thing, pods);
  if (kind === 'service') return podsBehind(thing, pods);
  const names = servicesBehind(thing);
  const behind = services.filter(({ metadata }) => names.includes(metadata.name));
  return behind.length === new Set(names).size ? behind.flatMap((service) => podsBehind(service, pods)) : [];
}

/** The pods that a service leads to. None without a selector. */
function podsBehind(service: Thing, pods: readonly Thing[]): readonly Thing[] {
  const wanted = Object.entries(textsIn(object(service.item['spec'])['selector']));
  if (wanted.length === 0) return [];
  return pods.filter(({ metadata }) => wanted.every(([key, value]) => metadata.labels[key] === value));
}

/** The names of the services that an ingress leads to. */
function servicesBehind({ item }: Thing): readonly string[] {
  const spec = object(item['spec']);
  const backends = [
    spec['defaultBackend'],
    ...items(spec['rules']).flatMap(({ http }) => items(object(http)['paths']).map(({ backend }) => backend)),
  ];
  return backends.flatMap((backend) => text(object(object(backend)['service'])['name']) ?? []);
}

/** The pods that mount a claim. */
function podsWith(claim: Thing, pods: readonly Thing[]): readonly Thing[] {
  return pods.filter(({ item }) => podStatusOf(item).claims.includes(claim.metadata.name));
}
