import type { Connection, ProviderDefinition, Search } from '../core/connection';
import { type DaytonaConfig, daytona } from '../providers/daytona/discover';
import { type DockerConfig, docker } from '../providers/docker/discover';
import { type KubernetesConfig, kubernetes } from '../providers/kubernetes/discover';
import { plainLine } from '../report/escape';
import type { Log } from './log';

/** The settings that providers read. */
export type ProviderSettings = DockerConfig & DaytonaConfig & KubernetesConfig;

/** Every kind of provider: a folder in `providers/`, and a line here. */
export const providers = [docker, daytona, kubernetes] as const satisfies readonly ProviderDefinition<ProviderSettings>[];

export type ProviderName = (typeof providers)[number]['name'];

/** Every secret that a provider may use, for masking. */
export function secretsOf(
  config: ProviderSettings,
  env: Search<ProviderSettings>['env'],
  definitions: readonly ProviderDefinition<ProviderSettings>[] = providers,
): readonly string[] {
  return definitions.flatMap(({ secrets }) => secrets(config, env));
}

/**
 * Masks the providers' secrets, then looks for all providers side by side.
 * @returns connections that settle one by one and never reject; an absent provider is one, too
 */
export function discoverProviders(
  search: Search<ProviderSettings>,
  log: Pick<Log, 'mask' | 'info'>,
  definitions: readonly ProviderDefinition<ProviderSettings>[] = providers,
): readonly Promise<Connection>[] {
  for (const secret of secretsOf(search.config, search.env, definitions)) log.mask(secret);
  const told = { ...search, onWait: (line: string) => log.info(plainLine(line)) };
  return definitions.flatMap(({ discover }) => discover(told));
}
