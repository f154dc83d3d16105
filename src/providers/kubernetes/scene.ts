import type { Resource } from '../../core/resource';
import { type Json, object, textsIn } from '../../lib/json-shape';
import { Shared } from '../../lib/shared';
import { API_KINDS, type ApiKind, PODS, pathOf, rootOf, WORKLOADS } from './api-kinds';
import { type KubernetesClient, METADATA_ONLY } from './client';
import { hasStatus } from './errors';
import { controllerOf, type Metadata, metadataOf, type OwnerReference } from './objects';
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
  return WORKLOADS.find((api) => api.name === owner.kind && api.root === rootOf(owner.apiVersion));
}

/** The labels of the pods that a workload makes. */
export function templateLabels(workload: Thing): Labels {
  return textsIn(object(templateOf(workload)['metadata'])['labels']);
}

/** The spec of the pods that a workload makes. */
export function templateSpec(workload: Thing): Json {
  return object(templateOf(workload)['spec']);
}

function templateOf({ api, item }: Thing): Json {
  const spec = object(item['spec']);
  return object((api.kind === 'cron-job' ? object(object(spec['jobTemplate'])['spec']) : spec)['template']);
}

export function apiKindOf(kind: Resource['kind']): ApiKind | undefined {
  return API_KINDS.find((api) => api.kind === kind);
}
