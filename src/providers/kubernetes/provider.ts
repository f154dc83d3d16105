import type { ContainerSource } from '../../core/container-source';
import { labels as labelKeys } from '../../core/labels';
import type { Provider, Rung, RungAnswer, Survey } from '../../core/provider';
import type { CustomResource, Kind, Resource, Wanted } from '../../core/resource';
import { type Clock, sleep } from '../../lib/clock';
import { UnreadableAnswer } from '../../lib/http-errors';
import { type Json, object, text } from '../../lib/json-shape';
import { type ApiKind, NAMESPACES, pathOf } from './api-kinds';
import type { KubernetesClient } from './client';
import { type Deletion, deletion } from './deletion';
import { Discovery } from './discovery';
import { classify, hasStatus, isNotFound } from './errors';
import type { Kubectl } from './kubectl';
import { Nodes } from './nodes';
import { type CarriedSession, ObjectLabels } from './object-labels';
import { controllerOf, itemsIn, type Metadata, metadataOf, timeField } from './objects';
import { PodEnds } from './pod-ends';
import { graceOf, podStatusOf } from './pod-status';
import { podContainers } from './recording/source';
import { isRecordOfRelease, listReleases, type Release, uninstall } from './releases';
import { apiKindOf, apiOfMaker, Scene, type Thing, templateSpec, thingOf } from './scene';
import type { SelfInCluster } from './self';
import { isKnownByUsers, usersOf } from './users';
import { whatHolds } from './what-holds';

/** Users before what they use. */
const STAGES: Provider['stages'] = [
  [
    'cron-job',
    'deployment',
    'job',
    'stateful-set',
    'daemon-set',
    'replica-set',
    'replication-controller',
    'custom-resource',
    'pod',
  ],
  ['service', 'ingress', 'network-policy', 'config-map', 'secret'],
  ['claim'],
  ['release'],
  ['namespace'],
];

export const KUBERNETES_KINDS: readonly Kind[] = STAGES.flat();

export interface KubernetesSettings {
  readonly name: string;
  readonly kinds: readonly Wanted[];
  readonly namespaces: readonly string[];
  /** The session, as a label can carry it, and as it is. */
  readonly session?: CarriedSession;
  /** The namespaces are this job's alone: then what is new in them tells. */
  readonly isExclusive: boolean;
  /** Milliseconds of each rung, for one request and then for its effect. */
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
}

/** Milliseconds. 5,000 pods have ten pages. */
const LIST_TIMEOUT_MS = 60_000;

/** Milliseconds between two looks at what goes in the background. */
const POLL_MS = { first: 100, max: 2_000 };

/** Milliseconds more than the pods' own grace period until what makes them is gone. */
const AFTER_GRACE_MS = 10_000;

/** Milliseconds for a whole release or namespace. */
const WHOLE_MS = 60_000;

/** Milliseconds after the end of its grace period when a pod counts as overdue. */
const OVERDUE_MS = 2_000;

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

/** The objects of some namespaces of one cluster. */
export class Kubernetes implements Provider {
  readonly name: string;
  readonly stages: Provider['stages'];
  readonly listTimeoutMs = LIST_TIMEOUT_MS;
  readonly pollMs = POLL_MS;
  readonly classify = classify;
  readonly survey?: Survey;
  readonly #client: KubernetesClient;
  readonly #kubectl: Kubectl;
  readonly #settings: KubernetesSettings;
  readonly #self: SelfInCluster | undefined;
  readonly #clock: Clock;
  readonly #scene: Scene;
  readonly #labels: ObjectLabels;
  readonly #ends: PodEnds;
  readonly #discovery: Discovery;
  readonly #known = new Map<string, Known>();
  /** Pods that use what says nothing itself: by then they may be gone. */
  readonly #users = new Map<string, readonly Resource[]>();
  readonly #releases = new Map<string, Release>();
  /** Pods whose maker is gone: Kubernetes removes them, some time. */
  readonly #orphans = new Set<string>();
  /** Objects that were seen in deletion: since when, by our clock, and what holds them. */
  readonly #leaving = new Map<string, { readonly since: number; readonly heldBy: string | undefined }>();
  readonly #nodes: Nodes;

  constructor(
    client: KubernetesClient,
    kubectl: Kubectl,
    settings: KubernetesSettings,
    self: SelfInCluster | undefined,
    clock: Clock,
  ) {
    this.name = settings.name;
    this.#client = client;
    this.#kubectl = kubectl;
    this.#settings = settings;
    this.#self = self;
    this.#clock = clock;
    this.#ends = new PodEnds(client, clock);
    this.#nodes = new Nodes(client, clock);
    this.#scene = new Scene(client, (namespace, version) => this.#ends.listed(namespace, version));
    this.#labels = new ObjectLabels(this.#scene, settings.session);
    this.#discovery = new Discovery(client);
    const isWanted = (kind: Kind) => (kind === 'custom-resource' ? this.#customs().length > 0 : settings.kinds.includes(kind));
    this.stages = STAGES.map((kinds) => kinds.filter(isWanted)).filter((kinds) => kinds.length > 0);
    if (settings.isExclusive) this.survey = { kinds: this.stages.flat(), list: (kind, signal) => this.list(kind, signal) };
  }

  /** How the containers of the same pods end. */
  containers(): ContainerSource {
    return podContainers(this.#settings, { client: this.#client, scene: this.#scene, labels: this.#labels, clock: this.#clock });
  }

  async list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    if (kind === 'namespace') return this.#resourcesOf(await this.#scene.things(NAMESPACES, '', signal));
    const lists = await Promise.all(this.#settings.namespaces.map((namespace) => this.#listIn(namespace, kind, signal)));
    return lists.flat();
  }

  async #listIn(namespace: string, kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    if (kind === 'release') {
      const releases = await this.#scene.releases(namespace, signal);
      return releases.map((release) => this.#releaseResource(release));
    }
    const apis = kind === 'custom-resource' ? await this.#customKinds(signal) : [apiKindOf(kind)];
    const lists = await Promise.all(apis.map((api) => (api ? this.#scene.things(api, namespace, signal) : [])));
    const things = lists.flat();
    await this.#labels.learn(things, namespace, signal);
    if (kind === 'pod') return this.#pods(things, namespace, signal);
    const resources = this.#resourcesOf(things.filter(isItsOwn));
    return isKnownByUsers({ kind }) ? this.#withUsers(resources, things, namespace, signal) : resources;
  }

  #resourcesOf(things: readonly Thing[]): readonly Resource[] {
    return things.map((thing) => this.#resource(thing));
  }

  /** Leaves out pods that go with what makes them. */
  async #pods(pods: readonly Thing[], namespace: string, signal: AbortSignal): Promise<readonly Resource[]> {
    const controlled = pods.filter(({ metadata }) => apiOfMaker(controllerOf(metadata)) !== undefined);
    const marked = controlled.filter(({ metadata }) => metadata.labels[labelKeys.session] !== undefined);
    const makers = marked.length === 0 ? new Map<string, Thing>() : await this.#scene.makersOf(marked, namespace, signal);
    await this.#labels.learn([...makers.values()], namespace, signal);
    await Promise.all(marked.map((pod) => makers.has(pod.metadata.uid) || this.#checkMaker(pod, signal)));
    const isMakers = ({ metadata }: Thing) => {
      const session = metadata.labels[labelKeys.session];
      if (session === undefined) return true;
      const maker = makers.get(metadata.uid);
      return maker !== undefined && this.#resource(maker).labels[labelKeys.session] === this.#labels.sessionIn(session);
    };
    const makersPods = new Set(controlled.filter(isMakers));
    const left = pods.filter((pod) => !makersPods.has(pod));
    await Promise.all(left.map(({ metadata, item }) => this.#checkNode(metadata, item, signal)));
    return this.#resourcesOf(left);
  }

  /** Asks for what is to have made a pod: without it, nothing makes the pod again. */
  async #checkMaker({ metadata }: Thing, signal: AbortSignal): Promise<void> {
    const owner = controllerOf(metadata);
    const api = apiOfMaker(owner);
    if (owner === undefined || api === undefined) return;
    const path = `${pathOf(api, metadata.namespace)}/${encodeURIComponent(owner.name)}`;
    try {
      const maker = metadataOf(await this.#client.ask({ path, what: `GET ${api.plural}` }, signal));
      if (maker !== undefined && maker.uid !== owner.uid) this.#orphans.add(metadata.uid);
    } catch (error) {
      if (isNotFound(error)) this.#orphans.add(metadata.uid);
      else if (!hasStatus(error, 403)) throw error;
    }
  }

  /** Adds the pods that lead to the owner of a service, an ingress or a claim which says nothing itself. */
  async #withUsers(
    resources: readonly Resource[],
    things: readonly Thing[],
    namespace: string,
    signal: AbortSignal,
  ): Promise<readonly Resource[]> {
    const silent = new Set(resources.flatMap(({ id, labels }) => (labels[labelKeys.session] === undefined ? id : [])));
    if (silent.size === 0) return resources;
    const unlabelled = things.filter(({ metadata }) => silent.has(metadata.uid));
    const users = await usersOf(unlabelled, namespace, this.#scene, signal);
    await this.#labels.learn([...users.values()].flat(), namespace, signal);
    for (const [id, found] of users) this.#users.set(id, this.#resourcesOf(found));
    return resources.map((resource) => this.#withKnownUsers(resource));
  }

  async inspect(resource: Resource, signal: AbortSignal): Promise<Resource | undefined> {
    if (resource.kind === 'release') {
      const releases = await listReleases(this.#client, resource.namespace ?? '', signal);
      const release = releases.find(({ revisions }) => revisions.some(({ uid }) => uid === resource.id));
      return release && this.#releaseResource(release, resource.id);
    }
    const api = this.#apiOf(resource);
    try {
      const item = await this.#client.ask({ path: this.#pathTo(resource), what: `GET ${api.plural}` }, signal);
      const thing = thingOf(api, item);
      if (thing === undefined) throw new UnreadableAnswer(`GET ${api.plural}: the answer is no object`);
      // Another one of its name.
      if (thing.metadata.uid !== resource.id) return undefined;
      if (resource.kind === 'pod') await this.#checkNode(thing.metadata, item, signal);
      return this.#withKnownUsers(this.#resource(thing));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  ladder(resource: Resource): readonly Rung[] {
    if (resource.kind === 'pod') return this.#podLadder(resource);
    if (resource.kind === 'release') {
      const run = (signal: AbortSignal) => this.#uninstall(resource, signal);
      return [{ action: 'remove', timeoutMs: Math.max(WHOLE_MS, this.#settings.removeMs), waits: true, run }];
    }
    const { api, graceMs } = this.#known.get(resource.id) ?? { api: this.#apiOf(resource) };
    const least = graceMs === undefined ? 0 : graceMs + AFTER_GRACE_MS;
    return [
      {
        action: 'remove',
        timeoutMs: Math.max(this.#settings.removeMs, resource.kind === 'namespace' ? WHOLE_MS : least),
        waits: false,
        run: (signal) => this.#delete(resource, { propagationPolicy: api.isPlain ? 'Background' : 'Foreground' }, signal),
        reached: () => false,
      },
    ];
  }

  /**
   * The first deletion carries the grace period that is meant, because a later one can't shorten it. A forced one (0 s)
   * only hides what still runs: it is for pods whose node does not answer.
   */
  #podLadder(pod: Resource): readonly Rung[] {
    const { stopMs, killMs, removeMs } = this.#settings;
    const isLeaving = pod.state === TERMINATING;
    const silence = this.#silenceOf(pod);
    const end = (graceMs: number) => (signal: AbortSignal) => this.#endPod(pod, isLeaving ? undefined : graceMs, signal);
    const remove: Rung = {
      action: 'remove',
      timeoutMs: removeMs,
      waits: false,
      ...(silence === undefined && isLeaving
        ? { skip: 'its node answers: a forced deletion would only hide what still runs' }
        : {}),
      run: (signal) =>
        silence === undefined ? end(LEAST_GRACE_MS)(signal) : this.#delete(pod, { gracePeriodSeconds: 0 }, signal),
    };
    if (!pod.running && !isLeaving) return [remove];
    return [
      { action: 'stop', timeoutMs: stopMs, waits: true, run: (signal, graceMs) => end(graceMs)(signal) },
      { action: 'kill', timeoutMs: killMs, waits: true, run: end(LEAST_GRACE_MS) },
      remove,
    ];
  }

  /** As it was seen last: a rung ends with a look. */
  async whyStuck({ id }: Resource, isOver: boolean): Promise<string | undefined> {
    const leaving = this.#leaving.get(id);
    if (leaving === undefined || (!isOver && this.#clock.now() - leaving.since < PATIENCE_MS)) return undefined;
    return leaving.heldBy;
  }

  removalCommand(resource: Resource): string {
    const { kind, name, namespace = '' } = resource;
    if (kind === 'release') return this.#kubectl.uninstall(name, namespace);
    return this.#kubectl.removal(this.#apiOf(resource), name, namespace);
  }

  async #endPod(pod: Resource, graceMs: number | undefined, signal: AbortSignal): Promise<RungAnswer> {
    const { id: uid, name, namespace = '' } = pod;
    const startedAt = this.#clock.now();
    const seconds = Math.max(1, Math.round((graceMs ?? 0) / 1000));
    const work = async () => (graceMs === undefined ? undefined : this.#delete(pod, { gracePeriodSeconds: seconds }, signal));
    await this.#ends.after({ uid, name, namespace }, work, signal);
    if (!pod.running) return 'gone';
    const inTime = graceMs !== undefined && this.#clock.now() - startedAt < seconds * 1000;
    return this.#ends.endingOf(uid) ?? (inTime ? 'graceful' : 'killed');
  }

  async #uninstall(resource: Resource, signal: AbortSignal): Promise<RungAnswer> {
    for (;;) {
      const release = this.#releases.get(resource.id);
      if (release === undefined || (await uninstall(release, this.#client, this.#discovery, signal))) return 'gone';
      await sleep(this.#clock, POLL_MS.max, signal);
    }
  }

  async #delete(
    resource: Resource,
    options: Pick<Deletion, 'gracePeriodSeconds' | 'propagationPolicy'>,
    signal: AbortSignal,
  ): Promise<RungAnswer> {
    const what = `DELETE ${this.#apiOf(resource).plural}`;
    const answer = await deletion(this.#client, { path: this.#pathTo(resource), uid: resource.id, what, ...options }, signal);
    return answer === 'gone' ? 'gone' : undefined;
  }

  #resource(thing: Thing): Resource {
    const { api, metadata, item } = thing;
    const { uid, name, namespace, deletedAt } = metadata;
    const pod = api.kind === 'pod' ? podStatusOf(item) : undefined;
    const graceMs = api.makesPods ? graceOf(templateSpec(thing)) : undefined;
    this.#known.set(uid, { api, ...(pod ? { node: pod.node } : {}), ...(graceMs === undefined ? {} : { graceMs }) });
    if (deletedAt !== undefined) {
      const since = this.#leaving.get(uid)?.since ?? this.#clock.now();
      this.#leaving.set(uid, { since, heldBy: whatHolds(thing) });
    }
    const protection = this.#protectionOf(thing);
    return {
      provider: this.name,
      kind: api.kind,
      id: uid,
      name,
      // Whoever uses the cluster may have made what is in no namespace.
      ...(namespace === '' ? { shared: true } : { namespace }),
      ...(pod ? imageOf(item) : {}),
      state: deletedAt === undefined ? (pod?.phase ?? stateOf(item)) : TERMINATING,
      ...timeField('stateSince', this.#here(pod?.endedAt)),
      running: pod?.isRunning ?? false,
      labels: this.#labels.of(thing),
      ...timeField('createdAt', this.#here(metadata.createdAt)),
      ...(protection === undefined ? {} : { protection }),
    };
  }

  #releaseResource(release: Release, id = release.revisions[0]?.uid ?? ''): Resource {
    const { name, namespace, labels, revisions } = release;
    this.#releases.set(id, release);
    return {
      provider: this.name,
      kind: 'release',
      id,
      name,
      namespace,
      state: revisions.at(-1)?.labels['status'] ?? 'unknown',
      running: false,
      labels: this.#labels.ofRelease(labels),
      ...timeField('createdAt', this.#here(revisions[0]?.createdAt)),
    };
  }

  /** Why an object is never removed. */
  #protectionOf({ api, metadata }: Thing): string | undefined {
    if (api.kind === 'namespace' && (SYSTEM_NAMESPACES.has(metadata.name) || metadata.name === this.#self?.namespace)) {
      return metadata.name === this.#self?.namespace ? 'this job runs in it' : 'it is Kubernetes’ own';
    }
    if (api.kind === 'pod') {
      const why = this.#self?.whyKept(metadata);
      if (why !== undefined) return why;
      if (metadata.labels[RUNNER] !== undefined) return 'it is a GitHub runner, which its scale set keeps';
    }
    const maker = controllerOf(metadata);
    if (maker === undefined || this.#orphans.has(metadata.uid)) return undefined;
    return `${maker.kind} ${maker.name} makes it again: it goes when that does`;
  }

  #withKnownUsers(resource: Resource): Resource {
    const usedBy = this.#users.get(resource.id);
    return usedBy === undefined ? resource : { ...resource, usedBy };
  }

  /** A time of the server's by our clock. */
  #here(at: number | undefined): number | undefined {
    return at === undefined ? undefined : at - this.#client.serverAheadMs;
  }

  #apiOf(resource: Pick<Resource, 'id' | 'kind'>): ApiKind {
    const api = this.#known.get(resource.id)?.api ?? apiKindOf(resource.kind);
    if (api === undefined) throw new TypeError(`no kind of the API: ${resource.kind}`);
    return api;
  }

  #pathTo(resource: Resource): string {
    return `${pathOf(this.#apiOf(resource), resource.namespace ?? '')}/${encodeURIComponent(resource.name)}`;
  }

  #customs(): readonly CustomResource[] {
    return this.#settings.kinds.filter((kind): kind is CustomResource => kind.includes('.'));
  }

  /** @throws for a kind that the cluster does not have: its name may be wrong */
  async #customKinds(signal: AbortSignal): Promise<readonly ApiKind[]> {
    return Promise.all(
      this.#customs().map(async (name) => {
        const api = await this.#discovery.custom(name, signal);
        if (api === undefined) throw new Error(`the cluster has no kind ${name}, which resources names`);
        return api;
      }),
    );
  }

  /** Looks at the node of a pod that should be gone. */
  async #checkNode({ deletedAt }: Metadata, item: Json, signal: AbortSignal): Promise<void> {
    const { node } = podStatusOf(item);
    const overdue = deletedAt !== undefined && this.#clock.now() - (this.#here(deletedAt) ?? 0) > OVERDUE_MS;
    if (node !== '' && overdue) await this.#nodes.look(node, signal);
  }

  #silenceOf({ id }: Resource): string | undefined {
    return this.#nodes.silenceOf(this.#known.get(id)?.node ?? '');
  }
}

const TERMINATING = 'Terminating';

/** The shortest grace period that the kubelet keeps. With 0, the pod is only hidden. */
const LEAST_GRACE_MS = 1_000;

/** Certificates that a cluster puts into each namespace, and puts there again: Kubernetes, OpenShift, Istio. */
const CLUSTERS_OWN: ReadonlySet<string> = new Set(['kube-root-ca.crt', 'openshift-service-ca.crt', 'istio-ca-root-cert']);

/** Whether nothing of Kubernetes' own makes it: a deployment's replica sets are the deployment's. */
function isItsOwn({ api, metadata }: Thing): boolean {
  if (api.kind === 'config-map' && CLUSTERS_OWN.has(metadata.name)) return false;
  return apiOfMaker(controllerOf(metadata)) === undefined && !isRecordOfRelease(metadata);
}

function imageOf(pod: Json): Pick<Resource, 'image'> {
  const image = text(itemsIn(object(pod['spec'])['containers'])[0]?.['image']);
  return image === undefined ? {} : { image };
}

/** `Complete`, `Failed`: a condition of a job; `Bound`, `Active`: a phase. */
function stateOf(item: Json): string {
  const status = object(item['status']);
  const ended = itemsIn(status['conditions']).find(
    (condition) => condition['status'] === 'True' && /^(Complete|Failed)$/.test(text(condition['type']) ?? ''),
  );
  return text(ended?.['type']) ?? text(status['phase']) ?? 'present';
}
