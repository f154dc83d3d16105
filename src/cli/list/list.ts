import { KINDS } from '../../core/resource';
import { systemClock as clock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import type { Environment } from '../../lib/environment';
import { ShutdownSignals, signalExitCode } from '../../lib/shutdown-signals';
import { plainJson } from '../../report/escape';
import { Leases, leasePlaces } from '../../session/leases';
import { Liveness } from '../../session/liveness';
import { stateDirectory } from '../../session/state-directory';
import { exitCodes } from '../exit';
import { connectAll, withRequiredProviders } from '../host/connect';
import { localSession } from '../host/local-session';
import { evidenceFor, type FilterOptions, readFilters, selectorOf, type TypedFilters } from '../options/filters';
import { type OutputOptions, outputOf } from '../options/output-options';
import { readSettings, type SettingOptions } from '../options/setting-options';
import type { Output } from '../terminal/output';
import { type Format, jsonOf, readFormat } from './format';
import { type Inventory, listAll } from './inventory';
import { type SortKey, sortResources } from './sort';
import { listTable, runLines, sessionLines, totalsLine } from './table';
import { watch } from './watch';

/** As commander reads the options of `list`. */
export interface ListOptions extends FilterOptions, SettingOptions, OutputOptions {
  readonly sort?: SortKey;
  readonly reverse?: boolean;
  readonly size?: boolean;
  readonly json?: boolean;
  readonly format?: string;
  readonly watch?: boolean;
}

/** Milliseconds for a listing. Measuring sizes may take minutes. */
const DEADLINE_MS = 360_000;

/** How to show the listing. */
interface View {
  readonly json: boolean;
  readonly format: Format | undefined;
  readonly sort: SortKey | undefined;
  readonly reverse: boolean;
  readonly withSizes: boolean;
  readonly isFiltered: boolean;
}

/**
 * Shows the resources that filters select.
 * @returns the exit code
 * @throws {UsageError} for options that can't be read
 * @throws {ProviderUnreachable} when no provider can be reached
 */
export async function list(options: ListOptions, env: Environment): Promise<number> {
  const output = outputOf(options, env);
  const filters = readFilters(options);
  const view = viewOf(options, filters);
  const look = await inventoryOf(filters, view, options, env, output);
  const signals = new ShutdownSignals();
  try {
    if (options.watch) {
      await watch(
        () => look(signals.stop),
        (listing) => textOf(listing, view, output),
        output,
        signals.stop,
      );
      return exitCodes.done;
    }
    const listing = await look(signals.stop);
    show(listing, view, output);
    return listing.problems.length > 0 ? exitCodes.unreachable : exitCodes.done;
  } catch (error) {
    if (signals.signal !== undefined) return signalExitCode(signals.signal);
    throw error;
  } finally {
    signals.dispose();
  }
}

function viewOf(options: ListOptions, filters: TypedFilters): View {
  const { sort, json = false, reverse = false, size = false } = options;
  const format = options.format === undefined ? undefined : readFormat(options.format);
  return {
    json,
    format,
    sort,
    reverse,
    withSizes: size || sort === 'size' || format?.withSizes === true,
    isFiltered: Object.values(filters).some((value) => (Array.isArray(value) ? value.length > 0 : value !== false)),
  };
}

/** Returns a function that lists anew with each call, until `stop` aborts. */
async function inventoryOf(
  filters: TypedFilters,
  { withSizes }: View,
  options: ListOptions,
  env: Environment,
  output: Output,
): Promise<(stop: AbortSignal) => Promise<Inventory>> {
  // All kinds by default: images fill disks too. But old engines walk through all files for a build cache.
  const resources = filters.kinds.length > 0 ? filters.kinds : KINDS.filter((kind) => kind !== 'build-cache');
  const config = { ...withRequiredProviders(readSettings(options, env).config, filters.providers), resources };
  const state = await stateDirectory(env, (line) => output.warning(line));
  const { id: sessionId } = await localSession(env, state);
  const leases = new Leases(leasePlaces(state, env), clock);
  const liveness = new Liveness({ sessionId, leases, githubToken: config.githubToken, env, clock, log: output });
  return (stop) =>
    withDeadline(DEADLINE_MS, { clock, signal: stop }, async (deadline) => {
      const { ready, missing } = await connectAll(config, env, deadline, output);
      const context = { sessionId, liveness, areLeasesKept: leases.areKept, config, now: clock.now() };
      const selector = selectorOf(filters, context);
      const evidence = evidenceFor(filters, context);
      const found = await listAll(ready, { selector, withSizes, liveness, evidence, deadline });
      stop.throwIfAborted();
      return { ...found, problems: [...missing, ...found.problems] };
    });
}

/** Prints resources to stdout and remarks to stderr. */
function show(listing: Inventory, view: View, output: Output): void {
  for (const problem of listing.problems) output.error(problem);
  const { isFiltered, json, format, withSizes } = view;
  const isForPeople = !json && format === undefined;
  if (isForPeople && !isFiltered) output.info('The resources of all sessions:');
  output.result(textOf(listing, view, output));
  if (!isForPeople) return;
  output.info(totalsLine(listing.resources, withSizes));
  for (const line of [...sessionLines(listing.resources), ...runLines(listing.resources)]) output.info(line);
}

function textOf({ resources }: Inventory, { json, format, sort, reverse, withSizes }: View, output: Output): string {
  const inOrder = sortResources(resources, sort, reverse);
  if (json) return `${plainJson(JSON.stringify(inOrder.map(jsonOf), null, 2))}\n`;
  if (format !== undefined) return inOrder.map((listed) => `${format.line(listed)}\n`).join('');
  if (inOrder.length === 0) return '';
  const columns = output.isTerminal ? output.columns : undefined;
  return listTable(inOrder, { color: output.hasColor('stdout'), columns, withSizes });
}
