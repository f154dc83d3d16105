import type { Config } from '../config/config';
import type { Connection, Endpoints } from '../core/connection';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { daytonaSecrets } from '../providers/daytona/credentials';
import { discoverDaytona } from '../providers/daytona/discover';
import { discoverDocker } from '../providers/docker/discover';
import type { Log } from './log';

/** What looks for the providers of one kind: each is a connection of its own, there as soon as it is known, and never rejected. */
type Discover = (
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  deadline: Deadline,
  found: Endpoints,
) => readonly Promise<Connection>[];

/** Every kind of provider there is: a folder, and a line here. */
const registry: readonly Discover[] = [discoverDocker, discoverDaytona];

/** Every secret that a provider may use: masked wherever text is shown. */
export function secretsOf(config: Config, env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return daytonaSecrets(config, env);
}

/**
 * Masks their secrets in the log, and looks for all providers side by side. Never throws: a provider that is not there is a connection that says so.
 * @param found where main found each, by name
 * @returns each as soon as it is known: one that does not answer does not hold up the cleaning of the others
 */
export function discoverProviders(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  deadline: Deadline,
  found: Endpoints,
  log: Pick<Log, 'mask'>,
): readonly Promise<Connection>[] {
  for (const secret of secretsOf(config, env)) log.mask(secret);
  return registry.flatMap((discover) => discover(config, env, clock, deadline, found));
}
