import type { Environment } from '../../config/types';
import { systemClock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import { ShutdownSignals } from '../../lib/shutdown-signals';
import { plainJson } from '../../report/escape';
import { exitCodeOf, exitCodes } from '../exit-codes';
import { connectAll, withRequiredProviders } from '../host/connect';
import { LiveSessions } from '../host/live-sessions';
import { localSession } from '../host/session-origin';
import { stateDirectory } from '../host/state-directory';

import { outputOf } from '../options/common-options';
import { filterContext } from '../options/filter-context';
import { KINDS, readFilters, selectorOf, type TypedFilters } from '../options/filters';
import { readSettings } from '../options/setting-options';
import { ProviderUnreachable } from '../options/usage-error';
import type { Output } from '../terminal/output';
import { type Format, jsonOf, readFormat } from './format';
import { type Inventory, listAll } from './inventory';
import { SORT_KEYS, type SortKey, sorted } from './sort';
import { listTable, runLines, totalsLine } from './table';
import { watch } from './watch';

type Options = Readonly<Record<string, unknown>>;
/** Milliseconds for one listing, of which the sizes alone may take minutes. */
const DEADLINE_MS = 360_000;

/** How it is shown. */
interface Shape {
  readonly json: boolean;
  readonly format: Format | undefined;
  readonly sort: SortKey | undefined;
  readonly reverse: boolean;
  readonly withSizes: boolean;
  readonly isFiltered: boolean;
}

/**
 * Shows what there is.
 * @returns the exit code
 * @throws {UsageError} for what can't be read
 * @throws {ProviderUnreachable} when there is nowhere to look
 */
export async function list(options: Options, env: Environment): Promise<number> {
  const output = outputOf(options, env);
  const filters = readFilters(options);
  const shape = shapeOf(options, filters);
  const read = readSettings(options, env).config;
  // All kinds: what fills a disk is to be seen.
  const config = {
    ...withRequiredProviders(read, filters.providers),
    resources: filters.kinds.length > 0 ? filters.kinds : KINDS,
  };
  const directory = await stateDirectory(env);
  const live = new LiveSessions(directory);
  const { id: sessionId } = await localSession(env, directory);
  const interruption = new ShutdownSignals({ onSignal: () => undefined });
  try {
    const look = () =>
      withDeadline(DEADLINE_MS, { clock: systemClock, signal: interruption.stop }, async (deadline) => {
        const connected = await connectAll(config, env, deadline, output);
        if (connected.ready.length === 0 && !interruption.stop.aborted)
          throw new ProviderUnreachable(connected.missing.join('\n'));
        const selector = selectorOf(filters, filterContext(config, sessionId, live, env));
        const found = await listAll(connected.ready, {
          selector,
          withSizes: shape.withSizes,
          isLive: (id) => live.has(id),
          deadline,
        });
        return { ...found, problems: [...connected.missing, ...found.problems] };
      });
    if (options['watch'] === true) {
      await watch(look, (listing) => shown(listing, shape, output), output, interruption.stop);
      return exitCodes.done;
    }
    const listing = await look();
    if (interruption.signal !== undefined) return exitCodeOf(interruption.signal);
    tell(listing, shape, output);
    return listing.problems.length > 0 ? exitCodes.unreachable : exitCodes.done;
  } finally {
    interruption.dispose();
  }
}

function shapeOf(options: Options, filters: TypedFilters): Shape {
  const format = typeof options['format'] === 'string' ? readFormat(options['format']) : undefined;
  const sort = SORT_KEYS.find((key) => key === options['sort']);
  return {
    json: options['json'] === true,
    format,
    sort,
    reverse: options['reverse'] === true,
    withSizes: options['size'] === true || sort === 'size' || format?.withSizes === true,
    isFiltered: Object.values(filters).some((value) => value === true || typeof value === 'number' || hasAny(value)),
  };
}

function hasAny(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** The results to stdout, what is about them to stderr. */
function tell(listing: Inventory, shape: Shape, output: Output): void {
  for (const problem of listing.problems) output.error(problem);
  const { isFiltered, json, format, withSizes } = shape;
  const isForPeople = !json && format === undefined;
  if (isForPeople && !isFiltered) output.info('What carries the label of any session:');
  output.result(shown(listing, shape, output));
  if (!isForPeople) return;
  output.info(totalsLine(listing.resources, withSizes));
  for (const line of runLines(listing.resources)) output.info(line);
}

function shown({ resources }: Inventory, { json, format, sort, reverse, withSizes }: Shape, output: Output): string {
  const inOrder = sorted(resources, sort, reverse);
  if (json) return `${plainJson(JSON.stringify(inOrder.map(jsonOf), null, 2))}\n`;
  if (format !== undefined) return inOrder.map((listed) => `${format.line(listed)}\n`).join('');
  if (inOrder.length === 0) return '';
  const columns = output.isTerminal ? output.columns : undefined;
  return listTable(inOrder, { color: output.hasColor('stdout'), columns, withSizes });
}
