import type { ContainerSource } from '../../core/container-source';
import { labels as labelKeys } from '../../core/labels';
import type { Provider, Rung, Survey } from '../../core/provider';
import type { CustomResource, Kind, Resource, Wanted } from '../../core/resource';
import type { Clock } from '../../lib/clock';
import { UnreadableAnswer } from '../../lib/http-errors';
import { type ApiKind, NAMESPACES, pathOf } from './api-kinds';
import type { KubernetesClient } from './client';
import { Discovery } from './discovery';
import { classify, hasStatus, ifFound, isNotFound } from './errors';
import type { Kubectl } from './kubectl';
import { type LadderSettings, Ladders } from './ladders';
import { type CarriedSession, ObjectLabels } from './object-labels';
import { controllerOf, metadataOf } from './objects';
import { PodEnds } from './pod-ends';
import { podContainers } from './recording/source';
import { isRecordOfRelease, listReleases } from './releases';
import { Resources } from './resources';
import { apiKindOf, apiOfMaker, Scene, type Thing, thingOf } from './scene';
import type { SelfInCluster } from './self';
import { isKnownByUsers, usersOf } from './users';

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

export interface KubernetesSettings extends LadderSettings {
  readonly name: string;
  readonly kinds: readonly Wanted[];
  readonly namespaces: readonly string[];
  /** The session, as a label can carry it, and as it is. */
  readonly session?: CarriedSession;
  /** The namespaces are this job's alone: then what is new in them tells. */
  readonly isExclusive: boolean;
}

/** Milliseconds. 5,000 pods have ten pages. */
const LIST_TIMEOUT_MS = 60_000;

/** Milliseconds between two looks at what goes in the background. */
const POLL_MS = { first: 100, max: 2_000 };

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
  readonly #clock: Clock;
  readonly #scene: Scene;
  readonly #labels: ObjectLabels;
  readonly #resources: Resources;
  readonly #ladders: Ladders;
  readonly #discovery: Discovery;
  /** Pods that use what says nothing itself: by then they may be gone. */
  readonly #users = new Map<string, readonly Resource[]>();

  constructor(
    client: KubernetesClient,
    kubectl: Kubectl,
    settings: KubernetesSettings,
    self: SelfInCluster | undefined,
    clock: Clock,
  ) {
    const ends = new PodEnds(client, clock);
    const scene = new Scene(client, (namespace, version) => ends.listed(namespace, version));
    const labels = new ObjectLabels(scene, settings.session);
    const resources = new Resources({ name: settings.name, client, labels, self, clock });
    const discovery = new Discovery(client);
    this.name = settings.name;
    this.#client = client;
    this.#kubectl = kubectl;
    this.#settings = settings;
    this.#clock = clock;
    this.#scene = scene;
    this.#labels = labels;
    this.#resources = resources;
    this.#ladders = new Ladders(settings, { client, resources, ends, discovery, clock });
    this.#discovery = discovery;
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
      return releases.map((release) => this.#resources.ofRelease(release));
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
    return things.map((thing) => this.#resources.of(thing));
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
      return maker !== undefined && this.#resources.of(maker).labels[labelKeys.session] === this.#labels.sessionIn(session);
    };
    const makersPods = new Set(controlled.filter(isMakers));
    const left = pods.filter((pod) => !makersPods.has(pod));
    await Promise.all(left.map((pod) => this.#ladders.checkNode(pod, signal)));
    return this.#resourcesOf(left);
  }

  /** Asks for what is to have made a pod: without it, nothing makes the pod again. */
  async #checkMaker({ metadata }: Thing, signal: AbortSignal): Promise<void> {
    const owner = controllerOf(metadata);
    const api = apiOfMaker(owner);
    if (owner === undefined || api === undefined) return;
    const path = pathOf(api, metadata.namespace, owner.name);
    try {
      const maker = metadataOf(await this.#client.ask({ path, what: `GET ${api.plural}` }, signal));
      if (maker !== undefined && maker.uid !== owner.uid) this.#resources.noteOrphan(metadata.uid);
    } catch (error) {
      if (isNotFound(error)) this.#resources.noteOrphan(metadata.uid);
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
      return release && this.#resources.ofRelease(release, resource.id);
    }
    const { api } = this.#resources.known(resource);
    const what = `GET ${api.plural}`;
    const item = await ifFound(this.#client.ask({ path: this.#resources.pathTo(resource), what }, signal));
    if (item === undefined) return undefined;
    const thing = thingOf(api, item);
    if (thing === undefined) throw new UnreadableAnswer(`${what}: the answer is no object`);
    // Another one of its name.
    if (thing.metadata.uid !== resource.id) return undefined;
    if (resource.kind === 'pod') await this.#ladders.checkNode(thing, signal);
    return this.#withKnownUsers(this.#resources.of(thing));
  }

  ladder(resource: Resource): readonly Rung[] {
    return this.#ladders.of(resource);
  }

  async whyStuck(resource: Resource, isOver: boolean): Promise<string | undefined> {
    return this.#resources.heldBy(resource, isOver);
  }

  removalCommand(resource: Resource): string {
    const { kind, name, namespace = '' } = resource;
    if (kind === 'release') return this.#kubectl.uninstall(name, namespace);
    return this.#kubectl.removal(this.#resources.known(resource).api, name, namespace);
  }

  #withKnownUsers(resource: Resource): Resource {
    const usedBy = this.#users.get(resource.id);
    return usedBy === undefined ? resource : { ...resource, usedBy };
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
}

/** Certificates that a cluster puts into each namespace, and puts there again: Kubernetes, OpenShift, Istio. */
const CLUSTERS_OWN: ReadonlySet<string> = new Set(['kube-root-ca.crt', 'openshift-service-ca.crt', 'istio-ca-root-cert']);

/** Whether nothing of Kubernetes' own makes it: a deployment's replica sets are the deployment's. */
function isItsOwn({ api, metadata }: Thing): boolean {
  if (api.kind === 'config-map' && CLUSTERS_OWN.has(metadata.name)) return false;
  return apiOfMaker(controllerOf(metadata)) === undefined && !isRecordOfRelease(metadata);
}
