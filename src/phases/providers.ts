import type { Config } from '../config/config';
import { discoverDocker } from '../docker/discover';
import type { Clock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import type { Deadline } from '../reaper/deadline';

type Discover = (
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  deadline: Deadline,
  found: Readonly<Record<string, string>> | undefined,
) => Promise<Connection>;

/** Every provider there is: a folder, and a line here. */
const registry: Readonly<Record<string, Discover>> = {
  docker: discoverDocker,
};

/**
 * Looks for all providers side by side. Never throws: a provider that is not there is a connection that says so.
 * @param found where main found each, by name
 */
export function discoverProviders(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  deadline: Deadline,
  found: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<readonly Connection[]> {
  return Promise.all(Object.entries(registry).map(([name, discover]) => discover(config, env, clock, deadline, found[name])));
}
