import type { Config } from '../config/config';
import { isUnsigned } from '../core/resource';

/** Why there is no watchdog on such a machine; undefined where there is one. */
export function noWatchdogOn(platform: NodeJS.Platform): string | undefined {
  return platform === 'linux' || platform === 'darwin' ? undefined : `there is no watchdog on ${platform}`;
}

/**
 * The settings of a cleanup in the place of one that was killed. The next job, or the next `run`,
 * may be at work already: only what carries the session's own label is surely not its.
 */
export function settingsInPlace(config: Config): Config {
  const resources = config.resources.filter((kind) => !isUnsigned(kind));
  return { ...config, resources, scope: 'session', labels: [], namePrefixes: [], delay: 0, workspaceOwnership: false };
}
