import { sleep, systemClock } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { plainLine } from '../../report/escape';
import type { Output } from '../terminal/output';
import type { Inventory } from './inventory';
import { totalsLine } from './table';

const EVERY_MS = 2_000;

/** Moves the cursor to the upper left and erases everything below it: ECMA-48. */
const START_AGAIN = '\u001b[H\u001b[J';
const CLEAR_SCREEN = `\u001b[2J${START_AGAIN}`;

/** Lists until `stop` aborts. On a terminal, each listing replaces the one before. */
export async function watch(
  look: () => Promise<Inventory>,
  shown: (listing: Inventory) => string,
  output: Output,
  stop: AbortSignal,
): Promise<void> {
  let isFirst = true;
  while (!stop.aborted) {
    const text = await look().then(
      (listing) => `${shown(listing)}${output.isTerminal ? footer(listing) : ''}`,
      // An unreachable provider may come back.
      (error: unknown) => `${plainLine(asError(error).message)}\n`,
    );
    if (stop.aborted) return;
    const before = output.isTerminal ? (isFirst ? CLEAR_SCREEN : START_AGAIN) : '';
    output.result(`${before}${output.isTerminal ? fitting(text) : text}`);
    isFirst = false;
    await sleep(systemClock, EVERY_MS, stop).catch(() => undefined);
  }
}

function footer(listing: Inventory): string {
  const time = new Date(systemClock.now()).toTimeString().slice(0, 8);
  return [totalsLine(listing.resources, false), ...listing.problems, `${time}, every ${EVERY_MS / 1000} s; Ctrl-C to end`]
    .map((line) => `${plainLine(line)}\n`)
    .join('');
}

/** Drops lines before the totals, so that nothing scrolls away. */
function fitting(text: string): string {
  const lines = text.trimEnd().split('\n');
  const rows = (process.stdout.rows ?? lines.length + 1) - 1;
  if (lines.length <= rows) return `${lines.join('\n')}\n`;
  const tail = lines.slice(-2);
  return `${[...lines.slice(0, Math.max(1, rows - tail.length - 1)), '…', ...tail].join('\n')}\n`;
}
