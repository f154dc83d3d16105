import { realpath } from 'node:fs/promises';
import Docker from 'dockerode';
import type { Deadline } from '../../../lib/deadline';
import { TimedOut } from '../../../lib/errors';
import { classify, isNothingThere, whyUnreachable } from '../errors';
import { maxConnections } from './descriptors';
import { dockerOptions, type Endpoint } from './endpoint';
import { ask, BrokenAnswer, watchRequests } from './http';
import { items, type Json, object, text } from './shapes';

/** An engine that answered. */
export interface Engine {
  readonly docker: Docker;
  readonly endpoint: Endpoint;
  /** For the log: `Docker Engine 20.10.24`. */
  readonly version: string;
  /** Requests in flight at one time; more wait. */
  readonly maxConnections: number;
}

/** How one try to reach an engine ended. */
interface Try {
  readonly endpoint: Endpoint;
  readonly error: unknown;
}

/** No engine answered; one line of the message says what was tried, and how each try ended. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
  /** Time may mend it. */
  readonly isRetryable: boolean;

  constructor(tries: readonly Try[]) {
    super(`no Docker engine at ${triedLine(tries)}`, { cause: tries[0]?.error });
    this.isRetryable = tries.some(({ error }) => error instanceof TimedOut || classify(error).kind === 'retryable');
  }
}

/** Of several places, those at which there is nothing are counted: only what is odd helps. */
function triedLine(tries: readonly Try[]): string {
  const empty = tries.length > 1 ? tries.filter(({ error }) => isNothingThere(error)) : [];
  const [first, ...others] = empty;
  const odd = tries.filter((each) => !empty.includes(each));
  return [
    ...odd.map(({ endpoint, error }) => `${endpoint.url} (${endpoint.from}): ${whyUnreachable(error)}`),
    ...(first ? [`${first.endpoint.url}${others.length > 0 ? ` and ${others.length} more` : ''}: nothing is there`] : []),
  ].join('; ');
}

/** Milliseconds for an engine's first answer. One that is healthy takes a few; a starting one some seconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The first of the endpoints at which an engine answers.
 * @throws {NoEngine} when none does
 */
export async function connect(candidates: readonly Endpoint[], deadline: Deadline): Promise<Engine> {
  const tries: Try[] = [];
  for (const endpoint of candidates) {
    try {
      const maxSockets = await maxConnections();
      const docker = client(endpoint, maxSockets);
      const version = await deadline.within(CONNECT_TIMEOUT_MS, 'the engine’s answer', (signal) => versionOf(docker, signal));
      return { docker, endpoint, version, maxConnections: maxSockets };
    } catch (error) {
      tries.push({ endpoint, error });
    }
  }
  throw new NoEngine(tries);
}

/** docker-modem mixes DOCKER_HOST into options that say something else, and throws when it can't read it: keep it out of sight. */
function client(endpoint: Endpoint, maxSockets: number): Docker {
  const dockerHost = process.env['DOCKER_HOST'];
  delete process.env['DOCKER_HOST'];
  try {
    const docker = new Docker(dockerOptions(endpoint, maxSockets));
    watchRequests(docker);
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
 * What tells an engine from others, whatever its address: its socket, and its own id. The id alone does not do: a copied machine has
 * that of its original, and up to Docker 22 all engines of a machine have one. Podman makes one up for each answer.
 * @returns none where the engine does not tell
 */
export async function identitiesOf({ docker, endpoint, version }: Engine, deadline: Deadline): Promise<readonly string[]> {
  const socket = endpoint.url.startsWith('unix://') ? await realpath(endpoint.url.slice('unix://'.length)).catch(() => '') : '';
  const info = await deadline
    .within(CONNECT_TIMEOUT_MS, 'the engine’s answer', (signal) => ask(docker, '/info', signal, object))
    .catch((): Json => ({})); // A proxy may forbid it.
  const [id, name, directory] = [info['ID'], info['Name'], info['DockerRootDir']].map(text);
  const isKnown = id && name && directory && !version.startsWith('Podman');
  return [...(socket ? [socket] : []), ...(isKnown ? [[id, name, directory].join(' ')] : [])];
}
