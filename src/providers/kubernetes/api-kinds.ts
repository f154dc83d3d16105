import type { Kind } from '../../core/resource';

/** A kind of objects, and where the API has them. */
export interface ApiKind {
  readonly kind: Kind;
  /** As objects name it: `StatefulSet`. */
  readonly name: string;
  /** `/api/v1`, `/apis/apps/v1`. */
  readonly root: string;
  readonly plural: string;
  /** Does not live in a namespace. */
  readonly isClusterWide?: true;
  /** Metadata is all that is needed of it. */
  readonly isPlain?: true;
  /** Makes pods, and makes them again. */
  readonly makesPods?: true;
  /** For `kubectl`, where the plural alone may mean another one: `sandboxes.agents.x-k8s.io`. */
  readonly fullName?: string;
}

const core = '/api/v1';
const apps = '/apis/apps/v1';
const batch = '/apis/batch/v1';
const networking = '/apis/networking.k8s.io/v1';

export const PODS: ApiKind = { kind: 'pod', name: 'Pod', root: core, plural: 'pods' };
export const SECRETS: ApiKind = { kind: 'secret', name: 'Secret', root: core, plural: 'secrets', isPlain: true };
export const NAMESPACES: ApiKind = {
  kind: 'namespace',
  name: 'Namespace',
  root: core,
  plural: 'namespaces',
  isClusterWide: true,
};
export const NODES = { root: core, plural: 'nodes', isClusterWide: true } as const;

/** What makes pods. Those that make others come first. */
export const WORKLOADS: readonly ApiKind[] = [
  { kind: 'cron-job', name: 'CronJob', root: batch, plural: 'cronjobs', makesPods: true },
  { kind: 'deployment', name: 'Deployment', root: apps, plural: 'deployments', makesPods: true },
  { kind: 'job', name: 'Job', root: batch, plural: 'jobs', makesPods: true },
  { kind: 'stateful-set', name: 'StatefulSet', root: apps, plural: 'statefulsets', makesPods: true },
  { kind: 'daemon-set', name: 'DaemonSet', root: apps, plural: 'daemonsets', makesPods: true },
  { kind: 'replica-set', name: 'ReplicaSet', root: apps, plural: 'replicasets', makesPods: true },
  {
    kind: 'replication-controller',
    name: 'ReplicationController',
    root: core,
    plural: 'replicationcontrollers',
    makesPods: true,
  },
];

/** Every kind that the API has without extensions; releases are Helm's, and no kind of the API. */
export const API_KINDS: readonly ApiKind[] = [
  ...WORKLOADS,
  PODS,
  { kind: 'service', name: 'Service', root: core, plural: 'services' },
  { kind: 'ingress', name: 'Ingress', root: networking, plural: 'ingresses' },
  { kind: 'network-policy', name: 'NetworkPolicy', root: networking, plural: 'networkpolicies', isPlain: true },
  { kind: 'config-map', name: 'ConfigMap', root: core, plural: 'configmaps', isPlain: true },
  SECRETS,
  { kind: 'claim', name: 'PersistentVolumeClaim', root: core, plural: 'persistentvolumeclaims', isPlain: true },
  NAMESPACES,
];

/** What is asked of the objects of a namespace: the role in docs/kubernetes.md is made from it. */
export const REQUESTS: readonly { readonly root: string; readonly plural: string; readonly verbs: readonly string[] }[] = [
  { ...PODS, verbs: ['get', 'list', 'watch', 'delete'] },
  { root: core, plural: 'pods/log', verbs: ['get'] },
  ...API_KINDS.filter((api) => api !== PODS && !api.isClusterWide).map((api) => ({ ...api, verbs: ['get', 'list', 'delete'] })),
];

/** The path of all objects of a kind, in one namespace unless it is of the whole cluster; with a name, of that one. */
export function pathOf(
  { root, plural, isClusterWide }: Pick<ApiKind, 'root' | 'plural' | 'isClusterWide'>,
  namespace: string,
  name?: string,
): string {
  const all = isClusterWide ? `${root}/${plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

/** Where the API has a version: `apps/v1`; `v1` is the core’s. */
export function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
