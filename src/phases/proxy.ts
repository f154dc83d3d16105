import { join } from 'node:path';
import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import { labels } from '../core/labels';
import type { Environment } from '../lib/environment';
import { sshDialer } from '../providers/docker/connection/ssh';
import { socketPath } from '../proxy/listen';
import { notesIn } from '../proxy/notes';
import {
  closeEach,
  type EngineSide,
  listenAll,
  type ProxySettings,
  type SandboxSide,
  serveEach,
  variablesOf,
} from '../proxy/servers';
import type { Session } from '../session/session';

/** What is needed to say before what a proxy is to stand. */
export interface ProxyContext {
  readonly config: Pick<Config, 'proxy' | 'dockerHost' | 'daytonaApiUrl'>;
  readonly session: Session;
  readonly connections: readonly Connection[];
  /** That of later steps, as far as it is known. */
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  /** Of the session. */
  readonly directory: string;
}

/** A proxy to be started. */
export interface ProxyPlan {
  readonly settings: ProxySettings;
  /**
   * Variables that are to be set besides those that lead to the proxy, so that everything still
   * works.
   */
  readonly besides: Readonly<Record<string, string>>;
  /** What is labelled, for people. */
  readonly labelled: string;
}

/** `proxy` is true, and there can't be one. */
export class NoProxy extends Error {
  override readonly name = 'NoProxy';
}

/**
 * Before what a proxy is to stand. With `auto` only where it changes nothing but labels: before the
 * engine and the API that later steps would use anyway, and not where their addresses tell a client
 * more than where to connect.
 * @returns undefined where there is to be none
 * @throws {NoProxy} where there must be one, and nothing was found that it could stand before
 */
export async function planProxy(context: ProxyContext): Promise<ProxyPlan | undefined> {
  const { config, session } = context;
  if (config.proxy === false || !(config.proxy === true || isSupported(context.platform))) return undefined;
  const engine = await engineSide(context);
  const sandboxes = sandboxSide(context);
  if (!(engine || sandboxes)) {
    if (config.proxy === true)
      throw new NoProxy('proxy is true, and there is no one engine, and no Daytona, that it could stand before');
    return undefined;
  }
  return {
    settings: {
      ownership: { labels: session.labels, owner: labels.session },
      ...(engine ? { engine } : {}),
      ...(sandboxes ? { sandboxes } : {}),
    },
    besides: engine ? besides(engine, context) : {},
    labelled: listOf([...(engine ? ['containers', 'networks', 'volumes'] : []), ...(sandboxes ? ['sandboxes'] : [])]),
  };
}

function isSupported(platform: NodeJS.Platform): boolean {
  return platform === 'linux' || platform === 'darwin';
}

function listOf(words: readonly string[]): string {
  const text = words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : (words[0] ?? '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * A client reads more than the way from the address of a remote engine: on which host ports are
 * published, for one.
 */
async function engineSide({ config, connections, env, platform, directory }: ProxyContext): Promise<EngineSide | undefined> {
  const [connection, ...others] = connections.filter(({ name }) => /^docker( |$)/.test(name));
  if (connection?.status !== 'ready' || others.length > 0) return undefined;
  const { url = '', ca, cert, key, verification } = connection.found;
  const isNamedForUs = config.dockerHost !== undefined && url !== env['DOCKER_HOST'];
  if (config.proxy === 'auto' && (isNamedForUs || !url.startsWith('unix://'))) return undefined;
  const isPodman = connection.description.startsWith('Podman');
  // Where it is not set, podman works without a service: with it, it would become its remote
  // client.
  const withPodman = isPodman && (config.proxy === true || env['CONTAINER_HOST']);
  const { volumes, images, binds } = notesIn(directory);
  return {
    address: { url, ca, cert, key, verification: verification === 'none' ? verification : undefined },
    socket: await socketPath(directory, platform),
    volumes,
    images,
    // A remote engine's directories are not this machine's.
    ...(url.startsWith('unix://') ? { binds } : {}),
    variables: valuesIn(env, ['DOCKER_HOST', ...(withPodman ? ['CONTAINER_HOST'] : [])]),
  };
}

const DAYTONA_URL = 'https://app.daytona.io/api';

/**
 * Through an HTTP proxy of the network's, a client would ask that one for an address of its own
 * machine.
 */
function sandboxSide({ config, connections, env }: ProxyContext): SandboxSide | undefined {
  const connection = connections.find(({ name }) => name === 'daytona');
  if (connection?.status !== 'ready') return undefined;
  const url = connection.found['url'] ?? '';
  const isOthers = url !== (env['DAYTONA_API_URL']?.trim() || DAYTONA_URL);
  const hasNetworkProxy = Object.entries(env).some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && value);
  if (hasNetworkProxy || (config.proxy === 'auto' && isOthers)) return undefined;
  return { url, variables: valuesIn(env, ['DAYTONA_API_URL']) };
}

function valuesIn(env: Environment, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']));
}

/**
 * Engines that see other files than this machine has: a socket of this machine's can't be mounted
 * there.
 */
const IN_A_VM = /\/\.(docker|colima|lima|rd|orbstack)\//;

function besides({ address: { url } }: EngineSide, { env, platform }: ProxyContext): Readonly<Record<string, string>> {
  const isElsewhere = platform === 'darwin' || !url.startsWith('unix://') || IN_A_VM.test(url);
  return {
    // https://java.testcontainers.org/features/configuration/#customizing-docker-host-detection
    ...(isElsewhere && !env['TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE']
      ? { TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: '/var/run/docker.sock' }
      : {}),
    // With it, the docker command would speak TLS to the proxy.
    ...(env['DOCKER_TLS_VERIFY'] ? { DOCKER_TLS_VERIFY: '' } : {}),
  };
}

/** The proxy's socket before the engine, if these variables lead to one. */
export function engineSocketIn(variables: Environment): string | undefined {
  return /^unix:\/\/(.+)$/.exec(variables['DOCKER_HOST'] ?? '')?.[1];
}

/** The file that a proxy’s process lives as long as: see `ProcessSettings`. */
export function lifelineIn(directory: string): string {
  return join(directory, 'proxy.json');
}

/** A process that is only a watchdog labels nothing. */
export const NO_PROXY = { ownership: { labels: {}, owner: '' } } satisfies ProxySettings;

/** A proxy in this process. */
export interface LocalProxy {
  /** For what is to lead through it. */
  readonly variables: Readonly<Record<string, string>>;
  close(): void;
}

/**
 * Starts a proxy that lives in this process.
 * @throws when it can't listen
 */
export async function startProxyHere({ settings, besides: more }: ProxyPlan, odd: (error: unknown) => void): Promise<LocalProxy> {
  const servers = await listenAll(settings);
  const close = serveEach(settings, servers, { ssh: sshDialer }, odd);
  return { variables: { ...variablesOf(settings, servers), ...more }, close: () => closeEach(settings, servers, close) };
}
