import Docker from 'dockerode';
import type { Deadline } from '../../../lib/deadline';
import { isNothingThere, whyUnreachable } from '../errors';
import { watchAnswers } from './answers';
import { dockerOptions, type Endpoint } from './endpoint';

/** An engine that answered. */
export interface Engine {
  readonly docker: Docker;
  readonly endpoint: Endpoint;
  /** For the log: `Docker Engine 20.10.24`. */
  readonly version: string;
}

/** How one try to reach an engine ended. */
interface Try {
  readonly endpoint: Endpoint;
  readonly error: unknown;
}

/** No engine answered; one line of the message says what was tried, and how each try ended. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
  constructor(tries: readonly Try[]) {
    super(`no Docker engine at ${triedLine(tries)}`, { cause: tries[0]?.error });
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
      const docker = client(endpoint);
      const version = await deadline.within(CONNECT_TIMEOUT_MS, 'the engine’s answer', (signal) => versionOf(docker, signal));
      return { docker, endpoint, version };
    } catch (error) {
      tries.push({ endpoint, error });
    }
  }
  throw new NoEngine(tries);
}

/** docker-modem mixes DOCKER_HOST into options that say something else, and throws when it can't read it: keep it out of sight. */
function client(endpoint: Endpoint): Docker {
  const dockerHost = process.env['DOCKER_HOST'];
  delete process.env['DOCKER_HOST'];
  try {
    const docker = new Docker(dockerOptions(endpoint));
    watchAnswers(docker);
    return docker;
  } finally {
    if (dockerHost !== undefined) process.env['DOCKER_HOST'] = dockerHost;
  }
}

async function versionOf(docker: Docker, abortSignal: AbortSignal): Promise<string> {
  // The declared types do not know that every call takes a signal.
  const ask = docker.version.bind(docker) as unknown as (options: { abortSignal: AbortSignal }) => Promise<Docker.DockerVersion>;
  const { Version, Components } = await ask({ abortSignal });
  const product = Components?.[0]?.Name ?? 'Engine';
  return `${product === 'Engine' ? 'Docker Engine' : product} ${Version}`;
}
