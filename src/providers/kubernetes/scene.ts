import type { Resource } from '../../core/resource';
import { type Json, object, text, textsIn } from '../../lib/json-shape';
import { Shared } from '../../lib/shared';
import { API_KINDS, type ApiKind, PODS, pathOf, WORKLOADS } from './api-kinds';
import { type KubernetesClient, METADATA_ONLY } from './client';
import { hasStatus } from './errors';
import { controllerOf, itemsIn, type Metadata, metadataOf, type OwnerReference } from './objects';
import { podStatusOf } from './pod-status';
import { listReleases, type Release, releaseNameOf } from './releases';

/** An object with what is known of it. */
export interface Thing {
  readonly api: ApiKind;
  readonly metadata: Metadata;
  /** Whole, or only its metadata: see `ApiKind.isPlain`. */
  readonly item: Json;
}

/** Called with the state of each listing of pods. */
type OnPodsListed = (namespace: string, resourceVersion: string) => void;

/** Lists the objects of namespaces. Lists of the same moment are asked for once. */
export class Scene {
  readonly #client: KubernetesClient;
  readonly #onPodsListed: OnPodsListed;
  readonly #things = new Shared<readonly Thing[]>();
  readonly #releases = new Shared<readonly Release[]>();

  constructor(client: KubernetesClient, onPodsListed: OnPodsListed) {
    this.#client = client;
    this.#onPodsListed = onPodsListed;
  }

  /** All objects of a kind. */
  things(api: ApiKind, namespace: string, signal: AbortSignal): Promise<readonly Thing[]> {
    const path = pathOf(api, namespace);
    return this.#things.get(path, signal, async (shared) => {
      const ask = { path, what: `LIST ${api.plural}`, ...(api.isPlain ? { accept: METADATA_ONLY } : {}) };
      const { items, resourceVersion } = await this.#client.list(ask, shared);
      if (api === PODS) this.#onPodsListed(namespace, resourceVersion);
      return items.flatMap((item) => thingOf(api, item) ?? []);
    });
  }

  releases(namespace: string, signal: AbortSignal): Promise<readonly Release[]> {
    return this.#releases.get(namespace, signal, (shared) => listReleases(this.#client, namespace, shared));
  }

  /** The labels of the releases that objects belong to, by release. None where secrets may not be listed. */
  async releaseLabels(things: readonly Thing[], namespace: string, signal: AbortSignal): Promise<ReadonlyMap<string, Labels>> {
    if (!things.some(({ metadata }) => releaseNameOf(metadata) !== undefined)) return new Map();
    try {
      const releases = await this.releases(namespace, signal);
      return new Map(releases.map(({ name, labels }) => [name, labels]));
    } catch (error) {
      if (hasStatus(error, 403)) return new Map();
      throw error;
    }
  }

  /**
   * Finds what makes pods again: each pod's outermost controller of the kinds that Kubernetes itself has.
   * @param pods only the kinds that these need are listed
   */
  async makersOf(pods: readonly Thing[], namespace: string, signal: AbortSignal): Promise<ReadonlyMap<string, Thing>> {
    const kinds = new Set(pods.flatMap(({ metadata }) => apiOfMaker(controllerOf(metadata)) ?? []));
    // Replica sets are deployments', and jobs cron jobs'.
    if ([...kinds].some(({ kind }) => kind === 'replica-set' || kind === 'job')) for (const kind of WORKLOADS) kinds.add(kind);
    const lists = await Promise.all([...kinds].map((kind) => this.things(kind, namespace, signal)));
    const known = new Map(lists.flat().map((thing) => [thing.metadata.uid, thing]));
    const outermost = (thing: Thing): Thing => {
      const above = known.get(controllerOf(thing.metadata)?.uid ?? '');
      return above === undefined ? thing : outermost(above);
    };
    return new Map(
      pods.flatMap(({ metadata }) => {
        const maker = known.get(controllerOf(metadata)?.uid ?? '');
        return maker === undefined ? [] : [[metadata.uid, outermost(maker)] as const];
      }),
    );
  }
}

type Labels = Readonly<Record<string, string>>;

export function thingOf(api: ApiKind, item: Json): Thing | undefined {
  const metadata = metadataOf(item);
  return metadata && { api, metadata, item };
}

/** The kind of a controller, if Kubernetes itself has it. */
export function apiOfMaker(owner: OwnerReference | undefined): ApiKind | undefined {
  if (owner === undefined) return undefined;
  const root = owner.apiVersion.includes('/') ? `/apis/${owner.apiVersion}` : `/api/${owner.apiVersion}`;
  return WORKLOADS.find((api) => api.name === owner.kind && api.root === root);
}

/** The labels of the pods that a workload makes. */
export function templateLabels({ api, item }: Thing): Labels {
  const spec = object(item['spec']);
  const template =
    api.kind === 'cron-job' ? object(object(object(spec['jobTemplate'])['spec'])['template']) : object(spec['template']);
  return textsIn(object(template['metadata'])['labels']);
}

/** The spec of the pods that a workload makes. */
export function templateSpec({ api, item }: Thing): Json {
  const spec = object(item['spec']);
  const template =
    api.kind === 'cron-job' ? object(object(object(spec['jobTemplate'])['spec'])['template']) : object(spec['template']);
  return object(template['spec']);
}

/** The pods that a service leads to. None without a selector. */
export function podsBehind(service: Thing, pods: readonly Thing[]): readonly Thing[] {
  const wanted = Object.entries(textsIn(object(service.item['spec'])['selector']));
  if (wanted.length === 0) return [];
  return pods.filter(({ metadata }) => wanted.every(([key, value]) => metadata.labels[key] === value));
}

/** The names of the services that an ingress leads to. */
export function servicesBehind({ item }: Thing): readonly string[] {
  const spec = object(item['spec']);
  const backends = [
    spec['defaultBackend'],
    ...itemsIn(spec['rules']).flatMap(({ http }) => itemsIn(object(http)['paths']).map(({ backend }) => backend)),
  ];
  return backends.flatMap((backend) => text(object(object(backend)['service'])['name']) ?? []);
}

/** The pods that mount a claim. */
export function podsWith(claim: Thing, pods: readonly Thing[]): readonly Thing[] {
  return pods.filter(({ item }) => podStatusOf(item).claims.includes(claim.metadata.name));
}

/** Whether an object that says nothing itself is known by the pods that use it. */
export function isKnownByUsers({ kind }: Pick<Resource, 'kind'>): boolean {
  return kind === 'service' || kind === 'ingress' || kind === 'claim';
}

export function apiKindOf(kind: Resource['kind']): ApiKind | undefined {
  return API_KINDS.find((api) => api.kind === kind);
}
