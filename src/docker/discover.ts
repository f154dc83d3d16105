import { type Config, retryPolicy } from '../config/config';
import type { Clock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import type { Deadline } from '../reaper/deadline';
import { asError } from '../reaper/errors';
import { withRetries } from '../reaper/retry';
import { connect } from './connect';
import { type Endpoint, type Environment, endpoints } from './endpoint';
import { type DockerSettings, dockerProvider } from './provider';

const NAME = 'docker';

/**
 * Looks for an engine as the settings say.
 * @param found where main found one: post looks there and nowhere else, and waits a while for it to come back
 */
export async function discoverDocker(
  config: Config,
  env: Environment,
  clock: Clock,
  deadline: Deadline,
  found: Readonly<Record<string, string>> | undefined,
): Promise<Connection> {
  if (config.docker === false) return { name: NAME, status: 'skipped', reason: 'docker is false' };
  const candidates = found ? [found as unknown as Endpoint] : endpoints(config.dockerHost, env, process.platform);
  try {
    const engine = await withRetries(
      () => connect(candidates, deadline),
      () => ({ kind: 'retryable' }),
      { ...retryPolicy(config), ...(found ? {} : { retries: 0 }) },
      deadline,
      clock,
    );
    const settings: DockerSettings = {
      name: NAME,
      stopMs: config.stopTimeout,
      killMs: config.killTimeout,
      removeMs: config.removeTimeout,
      skipGraceWhenDeaf: config.skipGraceWhenDeaf,
    };
    return {
      name: NAME,
      status: 'ready',
      provider: dockerProvider(engine, settings, clock),
      description: `${engine.version} at ${engine.endpoint.url} (${engine.endpoint.from})`,
      found: { ...engine.endpoint },
    };
  } catch (error) {
    const required = config.docker === true || found !== undefined;
    return { name: NAME, status: required ? 'unavailable' : 'skipped', reason: `no Docker engine at ${asError(error).message}` };
  }
}
