/** The plural of each kind, in the order in which kinds are shown. */
export const KIND_NAMES = {
  container: 'containers',
  sandbox: 'sandboxes',
  network: 'networks',
  volume: 'volumes',
  image: 'images',
  builder: 'builders',
  'build-cache': 'build-cache',
  pod: 'pods',
  job: 'jobs',
  'cron-job': 'cron-jobs',
  deployment: 'deployments',
  'stateful-set': 'stateful-sets',
  'daemon-set': 'daemon-sets',
  'replica-set': 'replica-sets',
  'replication-controller': 'replication-controllers',
  'custom-resource': 'custom-resources',
  service: 'services',
  secret: 'secrets',
  config: 'configs',
  'config-map': 'config-maps',
  ingress: 'ingresses',
  'network-policy': 'network-policies',
  claim: 'claims',
  release: 'releases',
  namespace: 'namespaces',
} as const;

export type Kind = keyof typeof KIND_NAMES;

/** The words of the setting `resources`, and the kinds that each of them stands for. */
export const RESOURCE_WORDS = {
  containers: ['container'],
  networks: ['network'],
  volumes: ['volume'],
  sandboxes: ['sandbox'],
  images: ['image'],
  builders: ['builder'],
  'build-cache': ['build-cache'],
  // Swarm's, and Kubernetes'.
  services: ['service', 'secret', 'config', 'config-map', 'ingress', 'network-policy'],
  // With what makes them again.
  pods: ['pod', 'job', 'cron-job', 'deployment', 'stateful-set', 'daemon-set', 'replica-set', 'replication-controller'],
  claims: ['claim'],
  releases: ['release'],
  namespaces: ['namespace'],
} as const satisfies Readonly<Record<string, readonly Kind[]>>;

/** Kubernetes' name for one kind of custom resources: `plural.group`. All are `custom-resource`. */
export type CustomResource = `${string}.${string}`;

/** What the setting `resources` asks for. */
export type Wanted = Kind | CustomResource;

/**
 * Whether nothing on resources of this kind says who made them: they belong to a session because
 * they are new, and no other session is at work.
 */
export function isUnsigned(kind: Wanted): boolean {
  return kind === 'image' || kind === 'builder' || kind === 'build-cache';
}

/** Whether it runs, or makes what runs: a new one shows that something is still at work. */
export function isWorkload(kind: Kind): boolean {
  const kinds: readonly Kind[] = ['container', 'sandbox', 'service', ...RESOURCE_WORDS.pods];
  return kinds.includes(kind);
}

export const KINDS = Object.keys(KIND_NAMES) as readonly Kind[];

/** Something that a benchmark may leave behind, as seen at one moment. */
export interface Resource {
  readonly provider: string;
  readonly kind: Kind;
  /** Unique for ever; a name may come again. */
  readonly id: string;
  /** Foreign text: escape it wherever it is shown. */
  readonly name: string;
  /** Kubernetes’: names are unique in it. */
  readonly namespace?: string;
  /** The image or snapshot that it was made from. */
  readonly image?: string;
  readonly imageId?: string;
  /** The provider's own word: `running`, `exited`, `paused`. */
  readonly state: string;
  /** Milliseconds since the epoch when it entered that state, if known. */
  readonly stateSince?: number;
  /** Whether it runs: then its outcome tells how it ended (`graceful`, `killed`). */
  readonly running: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, if known. */
  readonly createdAt?: number;
  /** Why a stop signal would do nothing: it is killed at once. */
  readonly deaf?: string;
  /** Its session's label may come from its image, and does not prove who made the container. */
  readonly inheritsSession?: boolean;
  /** A volume whose name the engine made up. */
  readonly anonymous?: boolean;
  /**
   * Of an image: all containers that used it, gone ones included; of a layer also what was made
   * from it. Of an unused anonymous volume: all that had it, if all are known. Of a builder: its
   * containers and state volumes. Of Kubernetes' services, ingresses and claims: the pods, or what
   * makes them.
   */
  readonly usedBy?: readonly Resource[];
  /** Of a container on this machine: the directories of it that were mounted to be written to. */
  readonly binds?: readonly string[];
  /** Of a container: the host's ports that lead to it. */
  readonly ports?: readonly number[];
  /** Of a bridge network: its subnets, `172.18.0.0/16`. */
  readonly subnets?: readonly string[];
  /** Of a container of Swarm's: the id of its service, which makes it again. */
  readonly service?: string;
  /** Several machines have it, and others' jobs may have made it: that it is new proves nothing. */
  readonly shared?: true;
  /** Of an image: its names, `repository:tag`. Foreign text. */
  readonly tags?: readonly string[];
  /** Of an image: the same by content, `repository@sha256:…`. */
  readonly digests?: readonly string[];
  /** Set for a tag that goes alone: the id of its image, which stays. The tag is the id then. */
  readonly tagOf?: string;
  /** An image without a name that is, or was, only a step between an image and its parent. */
  readonly isLayer?: boolean;
  /** Ids of others of its kind that must go first: images made from it, forks of a sandbox. */
  readonly dependents?: readonly string[];
  /** Why it must never be removed, whatever matches: this process runs in it, for one. */
  readonly protection?: string;
}

/** Identifies a resource. */
export function keyOf({ provider, kind, id }: Pick<Resource, 'provider' | 'kind' | 'id'>): string {
  return `${provider} ${kind} ${id}`;
}
