import { type Config, retryPolicy } from '../../config/config';
import type { Connection, Endpoints, ProviderDefinition, Search } from '../../core/connection';
import { asError } from '../../lib/errors';
import { withRetries } from '../../reaper/retry';
import { endpointCandidates } from './connection/candidates';
import { connect, NoEngine } from './connection/connect';
import type { Endpoint } from './connection/endpoint';
import { dockerContainers } from './events/container-source';
import { cleanupCommand, dockerProvider } from './provider';
import type { DockerSettings } from './resources/handler';
import { sizesOf } from './resources/sizes';

const NAME = 'docker';

/** Docker engines, and what speaks their API: each address is a connection of its own. */
export const docker = {
  name: NAME,
  kinds: ['container', 'network', 'volume', 'image'],
  discover(search: Search<Config>): readonly Promise<Connection>[] {
    const { config, endpoints } = search;
    if (config.docker === false) return [Promise.resolve({ name: NAME, status: 'skipped', reason: 'docker is false' })];
    const [host, ...others] = config.dockerHost ?? [];
    if (host === undefined || others.length === 0) return [discoverOne(NAME, host, search, endpoints[NAME])];
    return [host, ...others].map((url) => {
      const name = `${NAME} (${url})`;
      return discoverOne(name, url, search, endpoints[name]);
    });
  },
  secrets: () => [],
  isAddressed: ({ dockerHost }) => dockerHost !== undefined,
} as const satisfies ProviderDefinition<Config>;

/** @param found where main found it: it is given a while to come back */
async function discoverOne(
  name: string,
  dockerHost: string | undefined,
  { config, env, clock, deadline }: Search<Config>,
  found: Endpoints[string] | undefined,
): Promise<Connection> {
  const known = found as unknown as Endpoint | undefined;
  try {
    const candidates = known ? [known] : endpointCandidates(dockerHost, env, process.platform);
    const engine = await withRetries(
      () => connect(candidates, deadline),
      () => ({ kind: 'retryable' }),
      { ...retryPolicy(config), ...(found ? {} : { retries: 0 }) },
      deadline,
      clock,
    );
    return {
      name,
      status: 'ready',
      provider: dockerProvider(engine, settingsOf(config, name), clock),
      description: `${engine.version} at ${engine.endpoint.url} (${engine.endpoint.from})`,
      found: { ...engine.endpoint },
      cleanupCommand: (label) => cleanupCommand(engine.endpoint, label),
      containers: dockerContainers(engine, settingsOf(config, name), clock),
      sizes: (signal) => sizesOf(engine, name, signal),
    };
  } catch (error) {
    const required = config.docker === true || found !== undefined;
    const reason = error instanceof NoEngine ? error.message : `no Docker engine: ${asError(error).message}`;
    const status = required ? 'unavailable' : 'skipped';
    return {
      name,
      status,
      reason,
      required: config.docker === true,
      ...(known ? { cleanupCommand: (label) => cleanupCommand(known, label) } : {}),
    };
  }
}

function settingsOf(config: Config, name: string): DockerSettings {
  return {
    name,
    stopMs: config.stopTimeout,
    killMs: config.killTimeout,
    removeMs: config.removeTimeout,
    skipGraceWhenDeaf: config.skipGraceWhenDeaf,
    kinds: config.resources,
  };
}
