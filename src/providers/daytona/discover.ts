import { getProxyForUrl } from 'proxy-from-env';
import { type Config, type RetrySettings, retryPolicy } from '../../config/config';
import { httpUrl } from '../../config/types';
import type { Connection, Endpoints, ProviderDefinition, Search } from '../../core/connection';
import type { Clock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import type { Environment } from '../../lib/environment';
import { asError } from '../../lib/errors';
import { errorClassOf, withRetries } from '../../reaper/retry';
import {
  type CredentialSettings,
  type Credentials,
  credentials,
  daytonaSecrets,
  NoKey,
  UnusableCredentials,
} from './credentials';
import { Curl } from './curl';
import { classify, hasStatus } from './errors';
import { type DaytonaSettings, NAME, Sandboxes } from './sandboxes';

export type DaytonaConfig = RetrySettings &
  CredentialSettings &
  Pick<Config, 'daytona' | 'daytonaApiUrl' | 'resources' | 'stopTimeout' | 'removeTimeout'>;

const DEFAULT_URL = 'https://app.daytona.io/api';

/** Milliseconds for the first answer. */
const CONNECT_TIMEOUT_MS = 10_000;

export const daytona = {
  name: NAME,
  kinds: ['sandbox'],
  discover({ config, env, clock, deadline, endpoints }: Search<DaytonaConfig>) {
    if (config.daytona === false) return [skipped('daytona is false')];
    if (!config.resources.includes('sandbox')) return [skipped('resources leaves sandboxes out')];
    return [discover(config, env, clock, deadline, endpoints[NAME])];
  },
  secrets: daytonaSecrets,
  isAddressed: ({ daytonaApiUrl }) => daytonaApiUrl !== undefined,
} as const satisfies ProviderDefinition<DaytonaConfig>;

async function skipped(reason: string): Promise<Connection> {
  return { name: NAME, status: 'skipped', reason };
}

async function discover(
  config: DaytonaConfig,
  env: Environment,
  clock: Clock,
  deadline: Deadline,
  found: Endpoints[string] | undefined,
): Promise<Connection> {
  const required = config.daytona === true;
  const missing = (error: unknown, curl?: Curl): Connection => ({
    name: NAME,
    // With auto, only a missing key is no problem: with a key, sandboxes may exist.
    status: required || found !== undefined || !(error instanceof NoKey) ? 'unavailable' : 'skipped',
    reason: reasonOf(error),
    required,
    ...(curl ? { cleanupCommand: (label) => curl.removalOfAll(label) } : {}),
  });
  try {
    const token = credentials(config, env);
    const url = found?.['url'] ?? urlOf(config, env);
    const curl = new Curl(url, token);
    return await connect(url, token, curl, config, clock, deadline).catch((error: unknown) => missing(error, curl));
  } catch (error) {
    return missing(error);
  }
}

async function connect(
  url: string,
  token: Credentials,
  curl: Curl,
  config: DaytonaConfig,
  clock: Clock,
  deadline: Deadline,
): Promise<Connection> {
  // Loading undici takes a while, and most jobs have no sandboxes.
  const { DaytonaClient } = await import(/* webpackMode: "eager" */ './client');
  const { openLifetimes } = await import(/* webpackMode: "eager" */ './lifetimes');
  const client = new DaytonaClient(url, token, clock);
  await withRetries(
    () => deadline.within(CONNECT_TIMEOUT_MS, 'Daytona’s answer', (signal) => client.probe(signal)),
    (error) => errorClassOf(error, { classify }),
    retryPolicy(config),
    deadline,
    clock,
  );
  const { from, ...access } = token;
  const provider = new Sandboxes(client, curl, settingsOf(config), clock);
  return {
    name: NAME,
    status: 'ready',
    provider,
    lifetimes: openLifetimes({ url, ...access, proxy: getProxyForUrl(url) }, clock),
    description: `Daytona at ${url} (key from ${from})`,
    found: { url },
    cleanupCommand: (label) => curl.removalOfAll(label),
  };
}

/** @throws {UnusableCredentials} for an unreadable variable; `parseConfig` checks the setting */
function urlOf({ daytonaApiUrl }: DaytonaConfig, env: Environment): string {
  const typed = env['DAYTONA_API_URL']?.trim();
  if (daytonaApiUrl !== undefined) return daytonaApiUrl;
  if (!typed) return DEFAULT_URL;
  const url = httpUrl.parse(typed, env);
  if (url === undefined) throw new UnusableCredentials(`DAYTONA_API_URL can’t be read; use ${httpUrl.accepts}`);
  return url;
}

function reasonOf(error: unknown): string {
  if (hasStatus(error, 401)) return `Daytona does not accept the key (${error.answer}): check daytona-api-key or DAYTONA_API_KEY`;
  if (hasStatus(error, 403)) {
    return `the key may not list sandboxes (${error.answer}): use one of their organization, with write:sandboxes and delete:sandboxes`;
  }
  return asError(error).message;
}

function settingsOf({ stopTimeout, removeTimeout }: DaytonaConfig): DaytonaSettings {
  return { stopMs: stopTimeout, removeMs: removeTimeout };
}
