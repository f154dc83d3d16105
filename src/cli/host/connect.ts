import type { Connection } from '../../core/connection';
import { systemClock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import type { Environment } from '../../lib/environment';
import { discoverProviders, type ProviderName, type ProviderSettings, providers } from '../../phases/providers';
import { plainLine } from '../../report/escape';
import { providerLine } from '../../report/lines';
import { providerReport } from '../../report/model';
import { ProviderUnreachable } from '../exit';
import type { Output } from '../terminal/output';
import { runProgram } from './run-program';

export type Ready = Extract<Connection, { readonly status: 'ready' }>;

/** The result of the search for providers. */
export interface Connected {
  readonly all: readonly Connection[];
  readonly ready: readonly Ready[];
  /** One line for each required provider that can't be reached. */
  readonly missing: readonly string[];
}

/** Requires what `--provider` names, leaving out the others, and what a setting addresses. */
export function withRequiredProviders<C extends ProviderSettings>(config: C, names: readonly ProviderName[]): C {
  const uses = providers.map(({ name, isAddressed }) => {
    const isNamed = names.includes(name);
    if (names.length > 0 && !isNamed) return [name, false];
    return [name, config[name] === 'auto' && (isNamed || isAddressed(config)) ? true : config[name]];
  });
  return { ...config, ...Object.fromEntries(uses) };
}

/**
 * Looks for all providers side by side, and shows them with `--verbose`.
 * @throws {ProviderUnreachable} when no provider can be reached
 */
export async function connectAll(
  config: ProviderSettings,
  env: Environment,
  deadline: Deadline,
  output: Output,
): Promise<Connected> {
  const all = await Promise.all(
    discoverProviders({ config, env, clock: systemClock, deadline, endpoints: {}, runProgram }, output),
  );
  for (const connection of all) output.debug(providerLine(providerReport(connection)));
  const ready = all.filter((connection) => connection.status === 'ready');
  const unavailable = all.filter(({ status }) => status === 'unavailable');
  if (ready.length > 0) return { all, ready, missing: unavailable.map(missingLine) };
  throw new ProviderUnreachable((unavailable.length > 0 ? unavailable : all).map(missingLine).join('\n'));
}

function missingLine(connection: Connection): string {
  const reason = connection.status === 'ready' ? '' : connection.reason;
  return plainLine(`${connection.name} can’t be used: ${reason}`);
}
