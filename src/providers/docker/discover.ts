import { type Config, type RetrySettings, retryPolicy } from '../../config/config';
import type { CleanupCommand, Connection, Endpoints, ProviderDefinition, Search } from '../../core/connection';
import type { GiveBack } from '../../core/give-back';
import type { Clock } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { withRetries } from '../../reaper/retry';
import { networksLeft } from './address-pools';
import { namedEndpoint, wellKnownEndpoints } from './connection/candidates';
import { connect, type Engine, identitiesOf, NoEngine } from './connection/connect';
import type { Endpoint } from './connection/endpoint';
import { dockerDisk } from './disk/disk';
import { dockerContainers } from './events/container-source';
import { giveBack } from './give-back';
import { cleanupCommand, dockerProvider } from './provider';
import type { Buildx } from './resources/builder-instances';
import { EngineFacts } from './resources/engine-facts';
import type { DockerSettings } from './resources/handler';
import { sizesOf } from './resources/sizes';

const NAME = 'docker';

export type DockerConfig = RetrySettings &
  Pick<
    Config,
    'docker' | 'dockerHost' | 'resources' | 'scope' | 'skipGraceWhenDeaf' | 'stopTimeout' | 'killTimeout' | 'removeTimeout'
  >;

/** Docker-compatible engines. Each address is a connection of its own. */
export const docker = {
  name: NAME,
  kinds: ['service', 'container', 'network', 'volume', 'secret', 'config', 'image', 'builder', 'build-cache'],
  discover(search: Search<DockerConfig>): readonly Promise<Connection>[] {
    const { config, endpoints } = search;
    if (config.docker === false) return [Promise.resolve({ name: NAME, status: 'skipped', reason: 'docker is false' })];
    const [host, ...others] = config.dockerHost ?? [];
    if (host === undefined || others.length === 0) {
      return [discoverOne(NAME, host, search, endpoints[NAME]).then(({ connection }) => connection)];
    }
    const engines = new Map<string, string>();
    return [host, ...others].map(async (url) => {
      const name = `${NAME} (${url})`;
      return oncePerEngine(await discoverOne(name, url, search, endpoints[name]), engines, search);
    });
  },
  secrets: () => [],
  isAddressed: ({ dockerHost }) => dockerHost !== undefined,
} as const satisfies ProviderDefinition<DockerConfig>;

/** A connection with its engine. */
interface Discovered {
  readonly connection: Connection;
  readonly engine?: Engine;
}

/**
 * Retries an address that the user or main named: the engine may come back.
 * @param found where main found it
 */
async function discoverOne(
  name: string,
  dockerHost: string | undefined,
  { config, env, clock, deadline, onWait, runProgram, orphans = false }: Search<DockerConfig>,
  found: Endpoints[string] | undefined,
): Promise<Discovered> {
  let isWaiting = false;
  let known = found as unknown as Endpoint | undefined;
  let isNamed = true; // True for an unreadable docker context.
  try {
    known ??= namedEndpoint(dockerHost, env);
    isNamed = known !== undefined;
    const policy = { ...retryPolicy(config), ...(isNamed ? {} : { retries: 0 }) };
    const candidates = known ? [known] : wellKnownEndpoints(env, process.platform);
    const engine = await withRetries(
      () => connect(candidates, deadline, clock),
      (error) => {
        const mayCome = found !== undefined || (error instanceof NoEngine && error.isRetryable);
        if (mayCome && !isWaiting && policy.retries > 0) {
          isWaiting = true;
          onWait?.(`${name}: ${asError(error).message}; trying again, as retries and retry-delay say`);
        }
        return { kind: mayCome ? 'retryable' : 'permanent' };
      },
      policy,
      deadline,
      clock,
    );
    return {
      connection: connectionTo(engine, settingsOf(config, name, orphans), clock, { env, runProgram }),
      engine,
    };
  } catch (error) {
    const isRequired = config.docker === true;
    return {
      connection: {
        name,
        // A named engine must exist.
        status: isRequired || isNamed ? 'unavailable' : 'skipped',
        reason: error instanceof NoEngine ? error.message : `no Docker engine: ${asError(error).message}`,
        required: isRequired,
        ...(known ? { cleanupCommand: cleanupAt(known) } : {}),
      },
    };
  }
}

function connectionTo(engine: Engine, settings: DockerSettings, clock: Clock, buildx: Buildx): Connection {
  const { name } = settings;
  const facts = new EngineFacts(engine.docker, clock);
  return {
    name,
    status: 'ready',
    provider: dockerProvider(engine, settings, clock, facts, buildx),
    description: `${engine.version} at ${engine.endpoint.url} (${engine.endpoint.from})`,
    found: { ...engine.endpoint },
    cleanupCommand: cleanupAt(engine.endpoint),
    containers: dockerContainers(engine, settings, clock, facts),
    ...(engine.endpoint.url.startsWith('unix://')
      ? { giveBack: (request: GiveBack, signal: AbortSignal) => giveBack(engine, request, signal) }
      : {}),
    networksLeft: (networks, signal) => networksLeft(engine, networks, signal),
    sizes: (signal) => sizesOf(engine, name, signal),
    disk: dockerDisk(engine, settings, clock, facts),
  };
}

function cleanupAt(endpoint: Endpoint): CleanupCommand {
  return (label) => cleanupCommand(endpoint, label);
}

/**
 * Skips a second address of an engine.
 * @param engines names of connections by their engines' identities
 */
async function oncePerEngine(
  { connection, engine }: Discovered,
  engines: Map<string, string>,
  { deadline }: Search<DockerConfig>,
): Promise<Connection> {
  if (engine === undefined) return connection;
  const identities = await identitiesOf(engine, deadline);
  const first = identities.flatMap((identity) => engines.get(identity) ?? [])[0];
  if (first !== undefined) return { name: connection.name, status: 'skipped', reason: `the same engine as ${first}` };
  for (const identity of identities) engines.set(identity, connection.name);
  return connection;
}

function settingsOf(config: DockerConfig, name: string, orphans: boolean): DockerSettings {
  return {
    name,
    stopMs: config.stopTimeout,
    killMs: config.killTimeout,
    removeMs: config.removeTimeout,
    skipGraceWhenDeaf: config.skipGraceWhenDeaf,
    kinds: config.resources,
    orphanedVolumes: orphans || config.scope === 'job',
  };
}
