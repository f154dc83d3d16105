import { styleText } from 'node:util';
import Table from 'cli-table3';
import { KIND_NAMES, KINDS } from '../../core/resource';
import { clipped, plainLine } from '../../report/escape';
import { count, shortId } from '../../report/words';
import { ageWords, sizeWords } from '../terminal/words';
import type { InventoryItem } from './inventory';

export interface ListTableOptions {
  readonly color: boolean;
  /** The terminal's width; undefined: lines may be as long as they are. */
  readonly columns: number | undefined;
  readonly withSizes: boolean;
}

/** Blanks between columns. */
const GAP = 2;

/** Characters that a name and a session should have, and that they have at least. */
const COMFORTABLE = 14;
const LEAST = 8;

/** Foreign text may be of any length. */
const MAX_CELL = 300;

/** No lines around cells: a row is a line, which other programs can take apart. */
const NO_BORDERS = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, '']),
);

type Row = readonly string[];

/** A line for each resource, under a line of headings. On a terminal no line is wider than it is: names and sessions give way. */
export function listTable(resources: readonly InventoryItem[], { color, columns, withSizes }: ListTableOptions): string {
  const rows = [TITLES, ...resources.map(cellsOf)].map((row) => (withSizes ? row : row.slice(0, SIZE)));
  const shown = columns === undefined ? rows : fitted(rows, columns);
  const [titles = [], ...others] = shown;
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    colAligns: titles.map((title) => (title === 'SIZE' ? 'right' : 'left')),
  });
  table.push(titles.map((title) => (color ? styleText('bold', title, { validateStream: false }) : title)));
  table.push(...others.map((row) => [...row]));
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}

const TITLES: Row = ['PROVIDER', 'KIND', 'ID', 'NAME', 'STATE', 'AGE', 'SESSION', 'SIZE'];
const [PROVIDER, NAME, SESSION, SIZE] = [0, 3, 6, 7];

function cellsOf({ resource, ageMs, session, size }: InventoryItem): Row {
  const { provider, kind, id, name, state } = resource;
  const texts = [provider, kind, shortId(id), name, state, ageWords(ageMs), session ?? '-'];
  return [...texts.map((text) => plainLine(clipped(text, MAX_CELL))), sizeWords(size)];
}

/** Names and sessions give way; on a very narrow terminal the provider goes, where it is the same for all. */
function fitted(rows: readonly Row[], columns: number): readonly Row[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const fixed = sum(widths) + GAP * (widths.length - 1) - (widths[NAME] ?? 0) - (widths[SESSION] ?? 0);
  const isTight = columns - fixed < 2 * COMFORTABLE && new Set(rows.slice(1).map((row) => row[PROVIDER])).size === 1;
  const left = columns - fixed + (isTight ? (widths[PROVIDER] ?? 0) + GAP : 0);
  const [name, session] = shared(widths[NAME] ?? 0, widths[SESSION] ?? 0, Math.max(2 * LEAST, left));
  const cut = (cell: string, column: number) =>
    column === NAME ? clipped(cell, name) : column === SESSION ? clippedAtStart(cell, session) : cell;
  return rows.map((row) => row.map(cut).slice(isTight ? PROVIDER + 1 : 0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What two columns get of the room that there is: half each, unless one of them needs less. */
function shared(name: number, session: number, room: number): readonly [name: number, session: number] {
  if (name + session <= room) return [name, session];
  const half = Math.floor(room / 2);
  if (name <= half) return [name, room - name];
  return session <= half ? [room - session, session] : [room - half, half];
}

/** A session's end is what tells it from others. */
function clippedAtStart(text: string, most: number): string {
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}

/** `12 resources: 8 containers, 4 networks; 1.2GB`. */
export function totalsLine(resources: readonly InventoryItem[], withSizes: boolean): string {
  const byKind = KINDS.flatMap((kind) => {
    const number = resources.filter(({ resource }) => resource.kind === kind).length;
    return number === 0 ? [] : [count(number, kind, KIND_NAMES[kind])];
  });
  const bytes = resources.reduce((sum, { size = 0 }) => sum + size, 0);
  const what = byKind.length === 1 ? byKind.join('') : `${count(resources.length, 'resource')}: ${byKind.join(', ')}`;
  return `${resources.length === 0 ? 'Nothing' : what}${withSizes ? `; ${sizeWords(bytes)}` : ''}`;
}

/** So many runs are told of. */
const MAX_RUNS = 10;

/** Where the runs can be looked at that made what is listed: a line each. */
export function runLines(resources: readonly InventoryItem[]): readonly string[] {
  const runs = new Map(resources.flatMap(({ session, runUrl }) => (session && runUrl ? [[session, runUrl] as const] : [])));
  return [...runs].slice(0, MAX_RUNS).map(([session, url]) => plainLine(clipped(`${session}: ${url}`, 300)));
}
