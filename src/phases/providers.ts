import type { Config } from '../config/config';
import type { Connection, ProviderDefinition, Search } from '../core/connection';
import { daytona } from '../providers/daytona/discover';
import { docker } from '../providers/docker/discover';
import type { Log } from './log';

/** Every kind of provider there is: a folder in `providers/`, and a line here. */
export const providers = [docker, daytona] as const satisfies readonly ProviderDefinition<Config>[];

export type ProviderName = (typeof providers)[number]['name'];

/** Every secret that a provider may use: masked wherever text is shown. */
export function secretsOf(
  config: Config,
  env: Search<Config>['env'],
  definitions: readonly ProviderDefinition<Config>[] = providers,
): readonly string[] {
  return definitions.flatMap(({ secrets }) => secrets(config, env));
}

/**
 * Masks the providers' secrets in the log, then looks for all providers side by side. A provider that is not there is a connection
 * that says so.
 * @returns connections that settle one by one, so that a slow provider does not hold up the cleaning of the others; none rejects
 */
export function discoverProviders(
  search: Search<Config>,
  log: Pick<Log, 'mask'>,
  definitions: readonly ProviderDefinition<Config>[] = providers,
): readonly Promise<Connection>[] {
  for (const secret of secretsOf(search.config, search.env, definitions)) log.mask(secret);
  return definitions.flatMap(({ discover }) => discover(search));
}
