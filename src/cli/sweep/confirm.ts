import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Selector } from '../../core/selector';
import { systemClock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import { count } from '../../report/words';
import type { Ready } from '../host/connect';

import { type Listed, listAll } from '../list/inventory';
import { sorted } from '../list/sort';
import { listTable, totalsLine } from '../list/table';
import type { Output } from '../terminal/output';

export interface Confirmation {
  readonly connections: readonly Ready[];
  readonly selector: Selector;
  readonly isLive: (session: string) => boolean;
  /** Aborts when the user wants it to end. */
  readonly stop: AbortSignal;
  readonly output: Output;
}

/** So many are shown before the question: the screen has to hold both. */
const MAX_SHOWN = 15;

/** Milliseconds for the listing. */
const LIST_MS = 60_000;

/**
 * Shows a person what would be removed, and asks.
 * @returns whether it was agreed to; true where there is nothing
 */
export async function confirm({ connections, selector, isLive, stop, output }: Confirmation): Promise<boolean> {
  const listing = await withDeadline(LIST_MS, { clock: systemClock, signal: stop }, (deadline) =>
    listAll(connections, { selector, withSizes: false, isLive, deadline }),
  );
  for (const problem of listing.problems) output.error(problem);
  const removable = listing.resources.filter(({ protection }) => protection === undefined);
  if (removable.length === 0) return true;
  const shown = sorted(removable, undefined, false).slice(0, MAX_SHOWN);
  output.say(listTable(shown, { color: output.hasColor('stderr'), columns: output.errorColumns, withSizes: false }).trimEnd());
  if (removable.length > shown.length) output.say(`and ${removable.length - shown.length} more`);
  output.say(`${totalsLine(removable, false)}${liveWords(removable)}`);
  return asked('Remove all of it? [y/N] ', stop);
}

function liveWords(removable: readonly Listed[]): string {
  const sessions = new Set(removable.flatMap(({ live, session }) => (live ? (session ?? []) : [])));
  return sessions.size === 0 ? '' : `, also what belongs to ${count(sessions.size, 'run')} in progress`;
}

/** Line by line, so that Ctrl-C is the signal that it is elsewhere. The end of the input is no. */
async function asked(question: string, stop: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  process.stderr.write(question);
  try {
    const [answer = ''] = await Promise.race([once(lines, 'line', { signal: stop }), once(lines, 'close', { signal: stop })]);
    return /^y(es)?$/i.test(String(answer).trim());
  } finally {
    lines.close();
  }
}
