import { type Config, type RetrySettings, retryPolicy } from '../../config/config';
import type { Connection, ProviderDefinition, Search } from '../../core/connection';
import { asError } from '../../lib/errors';
import { text } from '../../lib/json-shape';
import { labelValue } from '../../lib/label-value';
import { errorClassOf, withRetries } from '../../reaper/retry';
import { PODS, pathOf } from './api-kinds';
import { KubernetesClient } from './client';
import { classify, hasStatus, KubernetesError } from './errors';
import { type Cluster, findKubeconfig, readCluster, type Source } from './kubeconfig';
import { Kubectl } from './kubectl';
import { KUBERNETES_KINDS, Kubernetes, type KubernetesSettings } from './provider';
import { selfInCluster } from './self';

const NAME = 'kubernetes';

export type KubernetesConfig = RetrySettings &
  Pick<
    Config,
    | 'kubernetes'
    | 'kubeconfig'
    | 'kubernetesContexts'
    | 'kubernetesNamespaces'
    | 'labels'
    | 'resources'
    | 'scope'
    | 'stopTimeout'
    | 'killTimeout'
    | 'removeTimeout'
  >;

/** Milliseconds for the first answer, with a credential plugin that asks a cloud first. */
const CONNECT_TIMEOUT_MS = 20_000;

/** The first minor version of Kubernetes 1 that has all the kinds where they are looked for. */
const OLDEST_MINOR = 21;

/** Clusters, each context a connection of its own. */
export const kubernetes = {
  name: NAME,
  kinds: KUBERNETES_KINDS,
  discover(search: Search<KubernetesConfig>): readonly Promise<Connection>[] {
    const { config, endpoints } = search;
    if (config.kubernetes === false) return [skipped('kubernetes is false')];
    if (!config.resources.some(isKubernetesKind)) return [skipped('resources leaves all of its kinds out')];
    // A cleanup in the place of one that was killed has no labels of the user's, but what main found.
    const wasFound = Object.keys(endpoints).some((name) => name === NAME || name.startsWith(`${NAME} (`));
    if (config.kubernetes === 'auto' && !wasFound && !isAddressed(config) && (config.labels ?? []).length === 0) {
      return [skipped('neither kubernetes-namespaces nor labels say what is owned')];
    }
    const contexts = config.kubernetesContexts ?? [undefined];
    return contexts.map((context) => discover(nameOf(context, contexts.length), context, search));
  },
  secrets: () => [],
  isAddressed,
} as const satisfies ProviderDefinition<KubernetesConfig>;

function isAddressed({ kubeconfig, kubernetesContexts, kubernetesNamespaces }: KubernetesConfig): boolean {
  return [kubeconfig, kubernetesContexts, kubernetesNamespaces].some((setting) => setting !== undefined);
}

function isKubernetesKind(kind: KubernetesConfig['resources'][number]): boolean {
  return kind.includes('.') || KUBERNETES_KINDS.some((known) => known === kind);
}

function nameOf(context: string | undefined, contexts: number): string {
  return context === undefined || contexts === 1 ? NAME : `${NAME} (${context})`;
}

async function skipped(reason: string): Promise<Connection> {
  return { name: NAME, status: 'skipped', reason };
}

/** @param context undefined: the current one */
async function discover(name: string, context: string | undefined, search: Search<KubernetesConfig>): Promise<Connection> {
  const { config, env, endpoints } = search;
  const found = endpoints[name];
  const isRequired = config.kubernetes === true;
  // With labels alone, a kubeconfig may be there for other ends.
  const isNamed = isRequired || found !== undefined || isAddressed(config);
  let kubectl: Kubectl | undefined;
  try {
    const source = found
      ? { files: found['files'] ?? '', from: found['from'] ?? '' }
      : await findKubeconfig(config.kubeconfig, isNamed, env);
    const cluster = await readCluster(source, found?.['context'] ?? context, env);
    const namespaces = config.kubernetesNamespaces ?? [cluster.namespace];
    kubectl = new Kubectl(cluster, source, namespaces);
    return await connect(name, cluster, source, namespaces, kubectl, search);
  } catch (error) {
    return {
      name,
      status: isNamed ? 'unavailable' : 'skipped',
      reason: reasonOf(error),
      required: isRequired,
      ...cleanupWith(kubectl),
    };
  }
}

async function connect(
  name: string,
  cluster: Cluster,
  source: Source,
  namespaces: readonly string[],
  kubectl: Kubectl,
  { config, env, clock, deadline, sessionId }: Search<KubernetesConfig>,
): Promise<Connection> {
  const client = new KubernetesClient(cluster, clock);
  const version = await withRetries(
    () => deadline.within(CONNECT_TIMEOUT_MS, 'the cluster’s answer', (signal) => versionOf(client, namespaces, signal)),
    (error) => errorClassOf(error, { classify }),
    retryPolicy(config),
    deadline,
    clock,
  );
  const settings: KubernetesSettings = {
    name,
    kinds: config.resources,
    namespaces,
    ...(sessionId === undefined ? {} : { session: { id: sessionId, carried: labelValue(sessionId) } }),
    isExclusive: config.scope === 'job' && config.kubernetesNamespaces !== undefined,
    stopMs: config.stopTimeout,
    killMs: config.killTimeout,
    removeMs: config.removeTimeout,
  };
  const where = `${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`;
  const provider = new Kubernetes(client, kubectl, settings, await selfInCluster(env), clock);
  return {
    name,
    status: 'ready',
    provider,
    ...(settings.kinds.includes('pod') ? { containers: provider.containers() } : {}),
    description: `Kubernetes ${version} at ${cluster.server} (context ${cluster.context} of ${source.from}; ${where})`,
    found: { files: source.files, from: source.from, context: cluster.context },
    ...cleanupWith(kubectl),
  };
}

function cleanupWith(kubectl: Kubectl | undefined): Pick<Connection, 'cleanupCommand'> {
  return kubectl === undefined ? {} : { cleanupCommand: (label) => kubectl.removalOfAll(label) };
}

/**
 * Asks for the version, and for one pod, because anyone may ask for the version.
 * @throws for a version that is too old, and without the right to list pods
 */
async function versionOf(client: KubernetesClient, [namespace = '']: readonly string[], signal: AbortSignal): Promise<string> {
  const answer = await client.ask({ path: '/version', what: 'GET the version' }, signal);
  const version = text(answer['gitVersion']) ?? 'of an unknown version';
  // Some clouds write `27+`.
  const minor = Number.parseInt(text(answer['minor']) ?? '', 10);
  if (answer['major'] === '1' && minor < OLDEST_MINOR) {
    throw new Error(`Kubernetes ${version} is too old: it needs 1.${OLDEST_MINOR} or newer`);
  }
  await client.ask({ path: pathOf(PODS, namespace), query: { limit: '1' }, what: 'LIST pods' }, signal);
  return version;
}

function reasonOf(error: unknown): string {
  const { message } = asError(error);
  if (hasStatus(error, 401)) return `the cluster does not accept the credentials, which may have expired (${message})`;
  if (hasStatus(error, 403)) return `the credentials may not do what is needed (${message}): docs/kubernetes.md has the role`;
  if (error instanceof KubernetesError && error.reason === undefined)
    return `the server does not answer as Kubernetes does (${message})`;
  return message;
}
