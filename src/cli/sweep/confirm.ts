import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { LivenessOfSessions } from '../../core/liveness';
import { systemClock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import type { Selection } from '../../phases/selection';
import { count } from '../../report/words';
import type { Ready } from '../host/connect';
import { type InventoryItem, listAll } from '../list/inventory';
import { sortResources } from '../list/sort';
import { listTable, totalsLine } from '../list/table';
import type { Output } from '../terminal/output';

export interface Confirmation {
  readonly connections: readonly Ready[];
  readonly selection: Selection;
  readonly liveness: LivenessOfSessions;
  /** Aborts at a signal. */
  readonly stop: AbortSignal;
  readonly output: Output;
}

/** Resources and the question must fit on a screen. */
const MAX_SHOWN = 15;

/** Milliseconds for the listing. */
const LIST_MS = 60_000;

/**
 * Shows what would be removed, and asks.
 * @returns true after a yes, and if there is nothing to remove
 */
export async function confirm({ connections, selection, liveness, stop, output }: Confirmation): Promise<boolean> {
  const { selector, choose = (selected) => selected, evidence = () => undefined } = selection;
  const listing = await withDeadline(LIST_MS, { clock: systemClock, signal: stop }, (deadline) =>
    listAll(connections, { selector, withSizes: false, liveness, evidence, deadline }),
  );
  for (const problem of listing.problems) output.error(problem);
  const listed = listing.resources.map(({ resource }) => resource);
  const chosen = new Set(choose(listed, { listed, leases: [], now: systemClock.now() }));
  const removable = listing.resources.filter(({ resource, protection }) => protection === undefined && chosen.has(resource));
  if (removable.length === 0) return true;
  const shown = sortResources(removable, undefined, false).slice(0, MAX_SHOWN);
  output.say(listTable(shown, { color: output.hasColor('stderr'), columns: output.errorColumns, withSizes: false }).trimEnd());
  if (removable.length > shown.length) output.say(`and ${removable.length - shown.length} more`);
  output.say(`${totalsLine(removable, false)}${liveWords(removable)}`);
  return ask('Remove all of it? [y/N] ', stop);
}

function liveWords(removable: readonly InventoryItem[]): string {
  const sessions = new Set(removable.flatMap(({ live, session }) => (live ? (session ?? []) : [])));
  return sessions.size === 0 ? '' : `, including those of ${count(sessions.size, 'run')} in progress`;
}

/** Reads a line. Ctrl-C is a signal, as elsewhere; the end of input means no. */
async function ask(question: string, stop: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  process.stderr.write(question);
  try {
    const [answer = ''] = await Promise.race([once(lines, 'line', { signal: stop }), once(lines, 'close', { signal: stop })]);
    return /^y(es)?$/i.test(String(answer).trim());
  } finally {
    lines.close();
  }
}
