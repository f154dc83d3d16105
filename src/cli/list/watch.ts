import { sleep, systemClock } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { plainLine } from '../../report/escape';
import type { Output } from '../terminal/output';
import type { Inventory } from './inventory';
import { totalsLine } from './table';

const EVERY_MS = 2_000;

/** The cursor to the upper left, and all below it erased. https://ecma-international.org/publications-and-standards/standards/ecma-48/ */
const START_AGAIN = '\u001b[H\u001b[J';
const CLEAR_SCREEN = `\u001b[2J${START_AGAIN}`;

/** Looks again and again until `stop`, and paints over what was there; without a terminal, one after the other. */
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
      // What can't be reached now may come back: that is what one watches for.
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
  const time = new Date().toTimeString().slice(0, 8);
  return [totalsLine(listing.resources, false), ...listing.problems, `${time}, every ${EVERY_MS / 1000} s; Ctrl-C ends it`]
    .map((line) => `${plainLine(line)}\n`)
    .join('');
}

/** More lines than the terminal has would scroll the first ones away. The last ones tell how many there are. */
function fitting(text: string): string {
  const lines = text.trimEnd().split('\n');
  const rows = (process.stdout.rows ?? lines.length + 1) - 1;
  if (lines.length <= rows) return `${lines.join('\n')}\n`;
  const tail = lines.slice(-2);
  return `${[...lines.slice(0, Math.max(1, rows - tail.length - 1)), '…', ...tail].join('\n')}\n`;
}
