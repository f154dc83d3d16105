import type { Resource } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import { field, items, type Json, object, text } from '../../lib/json-shape';
import { type ApiKind, pathOf } from './api-kinds';
import type { KubernetesClient } from './client';
import type { ObjectLabels } from './object-labels';
import { controllerOf } from './objects';
import { graceOf, podStatusOf } from './pod-status';
import type { Release } from './releases';
import { apiKindOf, type Thing, templateSpec } from './scene';
import type { SelfInCluster } from './self';
import { whatHolds } from './what-holds';

/** The state of an object whose deletion was requested. */
export const TERMINATING = 'Terminating';

/** Milliseconds in deletion after which what holds an object is told instead of waited for. */
const PATIENCE_MS = 30_000;

const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

/** Runners of actions-runner-controller. */
const RUNNER = 'actions.github.com/scale-set-name';

/** What is known of a listed object besides its resource. */
interface Known {
  readonly api: ApiKind;
  readonly node?: string;
  /** Milliseconds of its pods' own grace period. */
  readonly graceMs?: number;
}

/** What the resources are made with. */
export interface ResourcesParts {
  /** Of the provider. */
  readonly name: string;
  readonly client: KubernetesClient;
  readonly labels: ObjectLabels;
  readonly self: SelfInCluster | undefined;
  readonly clock: Clock;
}

/** Makes resources of objects and releases, and keeps what is known of them besides. */
export class Resources {
  readonly #parts: ResourcesParts;
  readonly #known = new Map<string, Known>();
  readonly #releases = new Map<string, Release>();
  /** Pods whose maker is gone: Kubernetes removes them, some time. */
  readonly #orphans = new Set<string>();
  /** Objects that were seen in deletion: since when, by our clock, and what holds them. */
  readonly #leaving = new Map<string, { readonly since: number; readonly heldBy: string | undefined }>();

  constructor(parts: ResourcesParts) {
    this.#parts = parts;
  }

  of(thing: Thing): Resource {
    const { api, metadata, item } = thing;
    const { uid, name, namespace, deletedAt } = metadata;
    const pod = api.kind === 'pod' ? podStatusOf(item) : undefined;
    const graceMs = api.makesPods ? graceOf(templateSpec(thing)) : undefined;
    this.#known.set(uid, { api, ...(pod ? { node: pod.node } : {}), ...(graceMs === undefined ? {} : { graceMs }) });
    if (deletedAt !== undefined) {
      const since = this.#leaving.get(uid)?.since ?? this.#parts.clock.now();
      this.#leaving.set(uid, { since, heldBy: whatHolds(thing) });
    }
    const protection = this.#protectionOf(thing);
    return {
      provider: this.#parts.name,
      kind: api.kind,
      id: uid,
      name,
      // Whoever uses the cluster may have made what is in no namespace.
      ...(namespace === '' ? { shared: true } : { namespace }),
      ...(pod ? imageOf(item) : {}),
      state: deletedAt === undefined ? (pod?.phase ?? stateOf(item)) : TERMINATING,
      ...field('stateSince', this.here(pod?.endedAt)),
      running: pod?.isRunning ?? false,
      labels: this.#parts.labels.of(thing),
      ...field('createdAt', this.here(metadata.createdAt)),
      ...(protection === undefined ? {} : { protection }),
    };
  }

  ofRelease(release: Release, id = release.revisions[0]?.uid ?? ''): Resource {
    const { name, namespace, labels, revisions } = release;
    this.#releases.set(id, release);
    return {
      provider: this.#parts.name,
      kind: 'release',
      id,
      name,
      namespace,
      state: revisions.at(-1)?.labels['status'] ?? 'unknown',
      running: false,
      labels: this.#parts.labels.ofRelease(labels),
      ...field('createdAt', this.here(revisions[0]?.createdAt)),
    };
  }

  /** Notes that nothing makes a pod again: see `protection`. */
  noteOrphan(uid: string): void {
    this.#orphans.add(uid);
  }

  /** Why an object is never removed. */
  #protectionOf({ api, metadata }: Thing): string | undefined {
    const { self } = this.#parts;
    if (api.kind === 'namespace' && (SYSTEM_NAMESPACES.has(metadata.name) || metadata.name === self?.namespace)) {
      return metadata.name === self?.namespace ? 'this job runs in it' : 'it is Kubernetes’ own';
    }
    if (api.kind === 'pod') {
      const why = self?.whyKept(metadata);
      if (why !== undefined) return why;
      if (metadata.labels[RUNNER] !== undefined) return 'it is a GitHub runner, which its scale set keeps';
    }
    const maker = controllerOf(metadata);
    if (maker === undefined || this.#orphans.has(metadata.uid)) return undefined;
    return `${maker.kind} ${maker.name} makes it again: it goes when that does`;
  }

  /** A time of the server's by our clock. */
  here(at: number | undefined): number | undefined {
    return at === undefined ? undefined : at - this.#parts.client.serverAheadMs;
  }

  /** What is known of an object besides its resource. */
  known(resource: Pick<Resource, 'id' | 'kind'>): Known {
    const known = this.#known.get(resource.id);
    if (known !== undefined) return known;
    const api = apiKindOf(resource.kind);
    if (api === undefined) throw new TypeError(`no kind of the API: ${resource.kind}`);
    return { api };
  }

  /** As it was listed or inspected last. */
  releaseOf({ id }: Resource): Release | undefined {
    return this.#releases.get(id);
  }

  pathTo(resource: Resource): string {
    return pathOf(this.known(resource).api, resource.namespace ?? '', resource.name);
  }

  /** What holds an object that should be gone, as it was seen last: a rung ends with a look. */
  heldBy({ id }: Resource, isOver: boolean): string | undefined {
    const leaving = this.#leaving.get(id);
    if (leaving === undefined || (!isOver && this.#parts.clock.now() - leaving.since < PATIENCE_MS)) return undefined;
    return leaving.heldBy;
  }
}

function imageOf(pod: Json): Pick<Resource, 'image'> {
  const image = text(items(object(pod['spec'])['containers'])[0]?.['image']);
  return image === undefined ? {} : { image };
}

/** `Complete`, `Failed`: a condition of a job; `Bound`, `Active`: a phase. */
function stateOf(item: Json): string {
  const status = object(item['status']);
  const ended = items(status['conditions']).find(
    (condition) => condition['status'] === 'True' && /^(Complete|Failed)$/.test(text(condition['type']) ?? ''),
  );
  return text(ended?.['type']) ?? text(status['phase']) ?? 'present';
}
