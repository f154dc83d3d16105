import type { Config } from '../../config/config';
import type { Connection } from '../../core/connection';
import { systemClock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import { discoverProviders, type ProviderName, providers } from '../../phases/providers';
import { plainLine } from '../../report/escape';
import { providerLine } from '../../report/lines';
import { providerReport } from '../../report/model';
import type { Output } from '../terminal/output';

export type Ready = Extract<Connection, { readonly status: 'ready' }>;

/** What came of looking for all providers. */
export interface Connected {
  readonly all: readonly Connection[];
  readonly ready: readonly Ready[];
  /** What is needed, and can't be reached; a line each. Where nothing can be, all that was looked for. */
  readonly missing: readonly string[];
}

/** What is named is required: `--provider`, an address, or `true`. What is not named with `--provider` is left alone. */
export function withRequiredProviders(config: Config, names: readonly ProviderName[]): Config {
  const uses = providers.map(({ name, isAddressed }) => {
    const isNamed = names.includes(name);
    if (names.length > 0 && !isNamed) return [name, false];
    return [name, config[name] === 'auto' && (isNamed || isAddressed(config)) ? true : config[name]];
  });
  return { ...config, ...Object.fromEntries(uses) };
}

/** Looks for all providers side by side, and says in `--verbose` what was found. Never throws. */
export async function connectAll(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  deadline: Deadline,
  output: Output,
): Promise<Connected> {
  const all = await Promise.all(discoverProviders({ config, env, clock: systemClock, deadline, endpoints: {} }, output));
  for (const connection of all) output.debug(providerLine(providerReport(connection)));
  const ready = all.filter((connection) => connection.status === 'ready');
  const unavailable = all.filter(({ status }) => status === 'unavailable');
  const missing = ready.length > 0 || unavailable.length > 0 ? unavailable : all;
  return { all, ready, missing: missing.map(missingLine) };
}

function missingLine(connection: Connection): string {
  const reason = connection.status === 'ready' ? '' : connection.reason;
  return plainLine(`${connection.name} can’t be used: ${reason}`);
}
