import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';

export interface TableOptions {
  readonly color: boolean;
  readonly columns: number;
}

/** A word that does not fit ends with an ellipsis. */
const MIN_WIDTH = 6;

/** Renders a table, and narrows wide columns. Cells must not contain control characters. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], options: TableOptions): string {
  const natural = drawn(head, rows, options, undefined);
  const widths = widthsOf(natural);
  // There is one border more than columns.
  const room = options.columns - widths.length - 1;
  if (sum(widths) <= room) return natural;
  return drawn(head, rows, options, narrowed(widths, room));
}

function drawn(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { color }: TableOptions,
  widths: readonly number[] | undefined,
): string {
  const table = new Table({
    head: [...head],
    style: color ? { head: ['cyan'], border: ['gray'], compact: true } : { head: [], border: [], compact: true },
    ...(widths ? { colWidths: [...widths], wordWrap: true } : {}),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** Reads the widths from the upper border, `┌──┬───┐`: cli-table3 does not tell them. */
function widthsOf(drawnTable: string): readonly number[] {
  const [border = ''] = stripVTControlCharacters(drawnTable).split('\n', 1);
  return border
    .slice(1, -1)
    .split('┬')
    .map(({ length }) => length);
}

function narrowed(widths: readonly number[], room: number): readonly number[] {
  const narrower = [...widths];
  while (sum(narrower) > room) {
    const widest = narrower.indexOf(Math.max(...narrower));
    const width = narrower[widest] ?? 0;
    if (width <= MIN_WIDTH) break;
    narrower[widest] = width - 1;
  }
  return narrower;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
