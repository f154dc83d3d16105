import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Environment } from '../../lib/environment';
import { asError } from '../../lib/errors';
import { object, text } from '../../lib/json-shape';
import { NoCredentials } from './errors';

/** Where a cluster is, and who we are there. */
export interface Cluster {
  readonly context: string;
  /** Without a password, and without a slash at its end. */
  readonly server: string;
  /** Of the context. */
  readonly namespace: string;
  /** A proxy of its own, named by the kubeconfig: its agent is used then. */
  readonly hasProxy: boolean;
  /**
   * Adds certificates and credentials, which may change between two requests.
   * @throws {NoCredentials}
   */
  authenticate(options: RequestOptions): Promise<void>;
}

/** What a later process needs to find the same clusters. Without secrets. */
export interface Source {
  /** Paths as `KUBECONFIG` has them; empty for the service account of a pod. */
  readonly files: string;
  /** For people. */
  readonly from: string;
}

/** Nothing says where a cluster is. */
export class NoKubeconfig extends Error {
  override readonly name = 'NoKubeconfig';
}

/** A kubeconfig that can't be used. */
export class BadKubeconfig extends Error {
  override readonly name = 'BadKubeconfig';
}

/** Kubernetes mounts it into every pod that may ask the API. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the kubeconfig: the setting, `KUBECONFIG`, `~/.kube/config`, the service account of this pod.
 * @param isNamed a setting means Kubernetes; without, what a person has at home is not ours to use
 * @throws {NoKubeconfig}
 */
export async function findKubeconfig(setting: string | undefined, isNamed: boolean, env: Environment): Promise<Source> {
  if (setting !== undefined) return { files: setting, from: 'kubeconfig' };
  if (env['KUBECONFIG']) return { files: env['KUBECONFIG'], from: 'KUBECONFIG' };
  const usual = join(env['HOME'] || homedir(), '.kube', 'config');
  if (isNamed && existsSync(usual)) return { files: usual, from: '~/.kube/config' };
  if (env['KUBERNETES_SERVICE_HOST'] && existsSync(join(SERVICE_ACCOUNT, 'token'))) {
    return { files: '', from: 'the pod’s service account' };
  }
  throw new NoKubeconfig('no kubeconfig: set kubeconfig or KUBECONFIG');
}

/**
 * Reads the cluster of a context. Kubernetes' own client reads the files, because there are many ways to be someone:
 * certificates, tokens in files that change, plugins, OIDC.
 * @param context default: the current one
 * @param env of a plugin, which asks for credentials
 * @param maxPluginMs milliseconds that it may take
 * @throws {BadKubeconfig}
 */
export async function readCluster(
  { files, from }: Source,
  context: string | undefined,
  env: Environment,
  maxPluginMs = MAX_PLUGIN_MS,
): Promise<Cluster> {
  // A bundle of its own, loaded only here: most jobs have no cluster.
  const { KubeConfig, parse } = await import('../../kubernetes');
  return attempt(from, () => {
    const config = new KubeConfig();
    const tokenFiles = new Map<string, string>();
    if (files === '') config.loadFromCluster();
    for (const file of filesToRead(files, from)) {
      const more = new KubeConfig();
      more.loadFromFile(file);
      const known = new Set(config.users.map(({ name }) => name));
      for (const [user, path] of tokenFilesIn(parse(readFileSync(file, 'utf8')), dirname(file)))
        if (!known.has(user)) tokenFiles.set(user, path);
      findPlugins(more, dirname(file));
      merge(config, more);
    }
    const cluster = clusterOf(config, context ?? (config.getCurrentContext() || ''), from, tokenFiles);
    limitPlugin(config, env, maxPluginMs);
    return cluster;
  });
}

/** As kubectl does, leaves out files of `KUBECONFIG` that are not there. */
function filesToRead(files: string, from: string): readonly string[] {
  const named = files.split(delimiter).filter((file) => file !== '');
  const there = from === 'KUBECONFIG' ? named.filter((file) => existsSync(file)) : [];
  return there.length > 0 ? there : named;
}

/**
 * The files with the tokens of users, which Kubernetes' own client does not know.
 * @param content of a kubeconfig
 * @param directory of it: paths are relative to that
 */
function tokenFilesIn(content: unknown, directory: string): ReadonlyMap<string, string> {
  const { users } = object(content);
  const found = new Map<string, string>();
  for (const entry of Array.isArray(users) ? users : []) {
    const { name, user } = object(entry);
    const path = text(object(user)['tokenFile']);
    if (typeof name === 'string' && path !== undefined && !found.has(name)) found.set(name, resolve(directory, path));
  }
  return found;
}

/** Kubernetes' own client takes a plugin's relative path for one of the working directory. */
function findPlugins({ users }: KubeConfig, directory: string): void {
  for (const { exec } of users) {
    const command = text(object(exec)['command']);
    if (command?.includes('/')) Object.assign(exec, { command: resolve(directory, command) });
  }
}

/** Milliseconds for a plugin, which may ask a cloud. */
const MAX_PLUGIN_MS = 15_000;

/**
 * Kubernetes' own client lets a plugin run for ever, with an open input, and does not tell it which version to answer in:
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
function limitPlugin(config: KubeConfig, env: Environment, maxMs: number): void {
  const apiVersion: unknown = config.getCurrentUser()?.exec?.apiVersion;
  const info = { kind: 'ExecCredential', apiVersion, spec: { interactive: false } };
  const execFn = (command: string, args: readonly string[], options: { readonly env?: Environment }): ChildProcess => {
    const plugin = spawn(command, args, {
      ...options,
      env: { ...(options.env ?? env), KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    });
    const timer = setTimeout(() => {
      plugin.kill('SIGKILL');
      // What it started may keep them open.
      plugin.stdout.destroy();
      plugin.stderr.destroy();
      plugin.emit('error', new Error(`its plugin took longer than ${maxMs / 1000} s`));
    }, maxMs);
    plugin.stdin.on('error', () => undefined).end();
    return plugin.on('close', () => clearTimeout(timer));
  };
  for (const authenticator of config['authenticators']) if ('execFn' in authenticator) Object.assign(authenticator, { execFn });
}

/** As kubectl merges files: the first one that has a name keeps it. Kubernetes' client refuses a name that comes again. */
function merge(config: KubeConfig, more: KubeConfig): void {
  const isNew =
    (known: readonly { readonly name: string }[]) =>
    ({ name }: { readonly name: string }) =>
      known.every((one) => one.name !== name);
  config.clusters.push(...more.clusters.filter(isNew(config.clusters)));
  config.users.push(...more.users.filter(isNew(config.users)));
  config.contexts.push(...more.contexts.filter(isNew(config.contexts)));
  config.currentContext ||= more.currentContext;
}

type KubeConfig = InstanceType<typeof import('../../kubernetes').KubeConfig>;

function clusterOf(config: KubeConfig, context: string, from: string, tokenFiles: ReadonlyMap<string, string>): Cluster {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) {
    if (known.length === 0) throw new BadKubeconfig(`${from}: it has no contexts; use another file`);
    const what = context === '' ? 'it names no current context' : `it has no context “${context}”`;
    throw new BadKubeconfig(`${from}: ${what}; use one of ${known.slice(0, 10).join(', ')}`);
  }
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster?.server || !URL.canParse(cluster.server)) {
    throw new BadKubeconfig(`${from}: the context “${context}” has no cluster with a server’s address`);
  }
  const user = config.getCurrentUser();
  if (user === null) throw new BadKubeconfig(`${from}: the context “${context}” has no user`);
  const tokenFile = tokenFiles.get(user.name);
  const { href } = withoutPassword(new URL(cluster.server));
  return {
    context,
    server: href.replace(/\/+$/, ''),
    namespace: config.getContextObject(context)?.namespace ?? 'default',
    hasProxy: cluster.proxyUrl !== undefined,
    async authenticate(options) {
      try {
        await config.applyToHTTPSOptions(options);
        if (tokenFile === undefined) return;
        const token = (await readFile(tokenFile, 'utf8')).trim();
        options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
      } catch (error) {
        // A parser's error shows what it could not read, which may be a token.
        const isUnreadable = error instanceof SyntaxError || error instanceof TypeError;
        const why = isUnreadable ? 'its plugin printed something else' : firstLineOf(asError(error)) || 'its plugin failed';
        throw new NoCredentials(`the credentials of the context “${context}” can’t be had: ${why}`);
      }
    },
  };
}

function withoutPassword(url: URL): URL {
  url.username = '';
  url.password = '';
  return url;
}

/** @throws {BadKubeconfig} for what the client throws */
function attempt<T>(from: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BadKubeconfig) throw error;
    throw new BadKubeconfig(`${from} can’t be read: ${firstLineOf(asError(error))}`);
  }
}

/** Characters of a foreign message. */
const MAX_MESSAGE = 200;

function firstLineOf({ message }: Error): string {
  return (message.trim().split('\n', 1)[0] ?? '').slice(0, MAX_MESSAGE);
}
