import { realpath } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import Docker from 'dockerode';
import type { Clock } from '../../../lib/clock';
import type { Deadline } from '../../../lib/deadline';
import { TimedOut } from '../../../lib/errors';
import { items, type Json, object, text } from '../../../lib/json-shape';
import { classify, isNothingThere, whyUnreachable } from '../errors';
import { maxConnections } from './descriptors';
import { dockerOptions, type Endpoint } from './endpoint';
import { ask, BrokenAnswer, watchRequests } from './http';

/** An engine that answered. */
export interface Engine {
  readonly docker: Docker;
  readonly endpoint: Endpoint;
  /** For the log: `Docker Engine 20.10.24`. */
  readonly version: string;
  /** Requests in flight; more wait. */
  readonly maxConnections: number;
}

/** A failed attempt to reach an engine. */
interface Try {
  readonly endpoint: Endpoint;
  readonly error: unknown;
}

/** No engine answered. The message tells each attempt in one line. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
  readonly isRetryable: boolean;

  constructor(tries: readonly Try[]) {
    super(`no Docker engine at ${triedLine(tries)}`, { cause: tries[0]?.error });
    this.isRetryable = tries.some(({ error }) => error instanceof TimedOut || classify(error).kind === 'retryable');
  }
}

/** Counts the places without a socket, and describes the others. */
function triedLine(tries: readonly Try[]): string {
  const empty = tries.length > 1 ? tries.filter(({ error }) => isNothingThere(error)) : [];
  const [first, ...others] = empty;
  const odd = tries.filter((each) => !empty.includes(each));
  return [
    ...odd.map(({ endpoint, error }) => `${endpoint.url} (${endpoint.from}): ${whyUnreachable(error)}`),
    ...(first ? [`${first.endpoint.url}${others.length > 0 ? ` and ${others.length} more` : ''}: nothing is there`] : []),
  ].join('; ');
}

/** Milliseconds. A healthy engine needs a few; a starting one needs seconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to the first endpoint where an engine answers.
 * @throws {NoEngine} when none does
 */
export async function connect(candidates: readonly Endpoint[], deadline: Deadline, clock: Clock): Promise<Engine> {
  const tries: Try[] = [];
  for (const endpoint of candidates) {
    try {
      const maxSockets = await maxConnections();
      const docker = client(endpoint, maxSockets, clock);
      const version = await deadline.within(CONNECT_TIMEOUT_MS, 'the engine’s answer', (signal) => versionOf(docker, signal));
      return { docker, endpoint, version, maxConnections: maxSockets };
    } catch (error) {
      tries.push({ endpoint, error });
    }
  }
  throw new NoEngine(tries);
}

/** Hides DOCKER_HOST from docker-modem, which mixes it into other options, or throws. */
function client(endpoint: Endpoint, maxSockets: number, clock: Clock): Docker {
  const dockerHost = process.env['DOCKER_HOST'];
  delete process.env['DOCKER_HOST'];
  try {
    const docker = new Docker(dockerOptions(endpoint, maxSockets));
    watchRequests(docker, clock);
    return docker;
  } finally {
    if (dockerHost !== undefined) process.env['DOCKER_HOST'] = dockerHost;
  }
}

function versionOf(docker: Docker, signal: AbortSignal): Promise<string> {
  return ask(docker, '/version', signal, (answer) => {
    const { Version, Components } = object(answer);
    const version = text(Version);
    if (version === undefined) throw new BrokenAnswer('the answer names no version: is this a Docker engine?');
    const product = text(items(Components)[0]?.['Name']) ?? 'Engine';
    return `${product === 'Engine' ? 'Docker Engine' : product} ${version}`;
  });
}

/**
 * Identifies an engine under any address: by its socket, and by its id with its name and directory.
 * The id alone is ambiguous: copied machines share it, and so do all engines of a machine up to
 * Docker 22. Podman makes up a new one for each answer.
 * @returns empty if it is unknown
 */
export async function identitiesOf({ docker, endpoint, version }: Engine, deadline: Deadline): Promise<readonly string[]> {
  const socket = await socketOf(endpoint);
  const info = await deadline
    .within(CONNECT_TIMEOUT_MS, 'the engine’s answer', (signal) => ask(docker, '/info', signal, object))
    .catch((): Json => ({})); // A proxy may forbid it.
  const id = isPodman(version) ? undefined : engineIdIn(info);
  return [socket, id].filter((identity) => identity !== undefined);
}

/** Its id with its name and directory, from the answer to `/info`: see `identitiesOf`. */
export function engineIdIn(info: Json): string | undefined {
  const [id, name, directory] = [info['ID'], info['Name'], info['DockerRootDir']].map(text);
  return id && name && directory ? [id, name, directory].join(' ') : undefined;
}

/** The real path of the engine's socket on this host, if it has one. */
export async function socketOf({ url }: Endpoint): Promise<string | undefined> {
  return url.startsWith('unix://') ? realpath(url.slice('unix://'.length)).catch(() => undefined) : undefined;
}

/**
 * Whether an engine's directories are this machine's: one in a virtual machine, or in another container
 * than this process, has another name, or another kernel.
 * @param info its answer to `/info`
 */
export async function isOnThisMachine(endpoint: Endpoint, info: Json): Promise<boolean> {
  const isLocal = (await socketOf(endpoint)) !== undefined;
  return isLocal && info['Name'] === hostname() && info['KernelVersion'] === release();
}

/** @param version as in `Engine` */
export function isPodman(version: string): boolean {
  return version.startsWith('Podman');
}
