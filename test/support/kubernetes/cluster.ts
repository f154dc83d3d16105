import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FlakyProxy } from '../engine/flaky-proxy';
import { until } from '../until';
import { tell } from './control';
import { kubeconfigOf, type UserName } from './credentials';
import { type DaemonName, NODE } from './daemons';
import { kubernetesProgram } from './programs';

const execute = promisify(execFile);

/** How to get at a cluster; it can be handed to vitest's workers. */
export interface ClusterAccess {
  /** Of somebody who may do all. */
  readonly kubeconfig: string;
  /** Has a shell and what busybox can do. */
  readonly image: string;
  /** Of a cluster of the tests' own. */
  readonly directory?: string;
}

/** Of an object of any kind, what all of them have. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface PodOptions {
  readonly namespace: string;
  /** One that nothing else has, by default. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** One that ends at SIGTERM, by default. */
  readonly command?: readonly string[];
  /** Seconds between SIGTERM and SIGKILL: 1 by default, not Kubernetes' 30. */
  readonly grace?: number;
  /** More of its metadata: finalizers, owners, annotations. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** More of its specification. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** What to wait for. */
  readonly until?: 'Ready' | 'Succeeded' | 'Failed' | 'created';
}

/** Ends at SIGTERM: a first process does so only when it has a handler. */
export const ENDS_AT_SIGTERM = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'];

/** Has a handler that does nothing. */
export const IGNORES_SIGTERM = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'];

/** What a service account may do, as a Role has it. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** A cluster, and what tests do with it. */
export class Cluster {
  readonly image: string;
  readonly #access: ClusterAccess;
  readonly #namespaces: string[] = [];
  readonly #nodes: string[] = [];

  constructor(access: ClusterAccess) {
    this.#access = access;
    this.image = access.image;
  }

  /** It is the tests' own, so that they may freeze and kill its parts, and see its processes. */
  get isOwn(): boolean {
    return this.#access.directory !== undefined;
  }

  /** Of the tests' own cluster. */
  get directory(): string {
    if (this.#access.directory === undefined) throw new Error('this needs a cluster of the tests’ own');
    return this.#access.directory;
  }

  /**
   * Runs kubectl as somebody who may do all.
   * @returns what it prints
   * @throws when it fails, with what it says
   */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.#kubectl(args);
  }

  /**
   * The path of a kubeconfig.
   * @param server not the API server itself but a proxy before it
   */
  async kubeconfig(user: UserName = 'admin', server?: string): Promise<string> {
    const own = this.isOwn ? join(this.directory, 'kubeconfigs', user) : this.#access.kubeconfig;
    if (!this.isOwn && user !== 'admin') throw new Error(`only a cluster of the tests’ own has the user ${user}`);
    if (server === undefined) return own;
    const { clusters, users } = JSON.parse(await readFile(own, 'utf8'));
    return this.#writeKubeconfig({ ...clusters[0].cluster, server }, users[0].user);
  }

  /** Makes objects of any kinds, in this order. */
  async create(...objects: readonly object[]): Promise<readonly KubernetesObject[]> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    const made = await this.#kubectl(['create', '--filename=-', '--output=json'], JSON.stringify(list));
    return made.split(/(?<=^})\n/m).flatMap((text) => (text === '' ? [] : [JSON.parse(text)])); // One after the other, no list.
  }

  /** An object as it is now; undefined when it is not there. */
  async get(kind: string, name: string, namespace?: string): Promise<KubernetesObject | undefined> {
    const where = namespace === undefined ? [] : [`--namespace=${namespace}`];
    const text = await this.kubectl('get', kind, name, ...where, '--ignore-not-found', '--output=json');
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Waits for an object, `pod/NAME`, until kubectl sees `create`, `condition=Ready`, `jsonpath={.status.phase}=Failed`. */
  async wait(object: string, namespace: string, sees: string): Promise<void> {
    await this.kubectl('wait', object, `--namespace=${namespace}`, `--for=${sees}`, '--timeout=60s');
  }

  /** Makes a namespace in which pods can be made: it has its service account. */
  async namespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = newName('test');
    await this.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    this.#namespaces.push(name);
    await this.wait('serviceaccount/default', name, 'create');
    return name;
  }

  /** Removes the namespaces and nodes that were made here. On a cluster of the tests' own, their end is not waited for. */
  async removeAll(): Promise<void> {
    const wait = `--wait=${!this.isOwn}`;
    for (const namespace of this.#namespaces.splice(0)) {
      await this.kubectl('delete', 'pods', '--all', `--namespace=${namespace}`, '--force', '--grace-period=0', '--wait=false');
      await this.kubectl('delete', 'namespace', namespace, '--ignore-not-found', wait);
    }
    const nodes = this.#nodes.splice(0);
    if (nodes.length > 0) await this.kubectl('delete', 'node', ...nodes, '--ignore-not-found', wait);
  }

  /** Makes a pod, and waits until it runs. */
  async pod(options: PodOptions): Promise<KubernetesObject> {
    const [pod] = await this.create(this.podOf(options));
    if (pod === undefined) throw new Error('kubectl made no pod, and did not fail');
    const { name, namespace } = pod.metadata;
    const state = options.until ?? 'Ready';
    if (state === 'created') return pod;
    const condition = state === 'Ready' ? 'condition=Ready' : `jsonpath={.status.phase}=${state}`;
    await this.wait(`pod/${name}`, namespace, condition);
    return (await this.get('pod', name, namespace)) ?? pod;
  }

  /** A pod to make, also as another object's template. */
  podOf({ namespace, name = newName('pod'), labels = {}, command = ENDS_AT_SIGTERM, grace = 1, metadata, spec }: PodOptions) {
    const container = { name: 'main', image: this.image, imagePullPolicy: 'IfNotPresent', command };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels, ...metadata },
      spec: {
        terminationGracePeriodSeconds: grace,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        restartPolicy: 'Never',
        containers: [container],
        ...spec,
      },
    };
  }

  /** Makes a pod on a node that does not answer any more, and of which nothing was heard that the pod ended. */
  async podOnVanishedNode(options: Omit<PodOptions, 'until'>): Promise<KubernetesObject> {
    const node = newName('vanished');
    await this.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
    this.#nodes.push(node);
    const pod = await this.pod({ ...options, spec: { ...options.spec, nodeName: node }, until: 'created' });
    const { name, namespace } = pod.metadata;
    const patch = JSON.stringify({ status: { phase: 'Running' } });
    await this.kubectl(
      'patch',
      'pod',
      name,
      `--namespace=${namespace}`,
      '--subresource=status',
      '--type=merge',
      `--patch=${patch}`,
    );
    return pod;
  }

  /** The path of the kubeconfig of a new service account, which may do this in its namespace, and nothing else. */
  async serviceAccount(namespace: string, rules: readonly Rule[]): Promise<string> {
    const name = newName('account');
    const metadata = { name, namespace };
    const group = 'rbac.authorization.k8s.io';
    await this.create(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules },
      {
        ...{ apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata },
        roleRef: { apiGroup: group, kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    );
    const token = (await this.kubectl('create', 'token', name, `--namespace=${namespace}`)).trim();
    const { clusters } = JSON.parse(await this.kubectl('config', 'view', '--raw', '--minify', '--flatten', '--output=json'));
    return this.#writeKubeconfig(clusters[0].cluster, { token });
  }

  /** A proxy before the API server that spoils what it is told to. Clients have to come with a token: see `kubeconfig`. */
  async proxy(): Promise<FlakyProxy> {
    const { clusters } = JSON.parse(await readFile(await this.kubeconfig(), 'utf8'));
    const file = (name: string) => readFile(join(this.directory, 'pki', name));
    const [ca, cert, key] = await Promise.all(['ca.pem', 'server-cert.pem', 'server-key.pem'].map(file));
    return FlakyProxy.start({ url: clusters[0].cluster.server, ca, cert, key });
  }

  /** The command lines of a pod's processes on this machine, also when the API does not know the pod any more. */
  async processesOf({ metadata: { uid } }: KubernetesObject): Promise<readonly string[]> {
    const read = (pid: string, file: string) => readFile(join('/proc', pid, file), 'utf8').catch(() => '');
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const commandLines = pids.map(async (pid) => ((await read(pid, 'cgroup')).includes(uid) ? read(pid, 'cmdline') : ''));
    return (await Promise.all(commandLines))
      .map((line) => line.replaceAll('\0', ' ').trim())
      .filter((line) => line && !isPause(line));
  }

  /** A daemon does nothing from now on; the kernel still takes connections for it. */
  freeze(daemon: DaemonName): Promise<void> {
    return tell(this.directory, { signal: 'SIGSTOP', name: daemon });
  }

  /** A daemon goes on with what it was at. */
  thaw(daemon: DaemonName): Promise<void> {
    return tell(this.directory, { signal: 'SIGCONT', name: daemon });
  }

  /** Ends a daemon at once. Pods live on without their kubelet. */
  kill(daemon: DaemonName): Promise<void> {
    return tell(this.directory, { signal: 'SIGKILL', name: daemon });
  }

  /** Starts a killed daemon again, and waits until the cluster answers and its node is ready. */
  async restart(daemon: DaemonName): Promise<void> {
    await tell(this.directory, { start: daemon });
    await until('the API server answers', () => this.answers());
    await until('the node is ready', () => this.isNodeReady());
  }

  /** The API server answers, and says that it is ready. */
  async answers(): Promise<boolean> {
    return this.kubectl('get', '--raw=/readyz', '--request-timeout=5s').then(
      () => true,
      () => false,
    );
  }

  /** The cluster believes that its node runs: it finds out that it does not only after a while. */
  async isNodeReady(): Promise<boolean> {
    const node = await this.get('node', NODE);
    const conditions = (node?.status?.['conditions'] ?? []) as readonly { readonly type: string; readonly status: string }[];
    return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  }

  async #kubectl(args: readonly string[], input = ''): Promise<string> {
    const cache = this.isOwn ? [`--cache-dir=${join(this.directory, 'kubectl-cache')}`] : [];
    const command = [`--kubeconfig=${this.#access.kubeconfig}`, ...cache, ...args];
    const own = kubernetesProgram('kubectl');
    const run = execute(existsSync(own) ? own : 'kubectl', command, { maxBuffer: 64 * 1024 * 1024 });
    run.child.stdin?.end(input);
    return (await run).stdout;
  }

  async #writeKubeconfig(cluster: Readonly<Record<string, unknown>>, user: Readonly<Record<string, unknown>>): Promise<string> {
    const path = join(await mkdtemp(join(this.#access.directory ?? tmpdir(), 'kubeconfig-')), 'config');
    await writeFile(path, JSON.stringify(kubeconfigOf(cluster, user)), { mode: 0o600 });
    return path;
  }
}

const isPause = (commandLine: string) => commandLine === 'sleep 2147483647';

function newName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}
