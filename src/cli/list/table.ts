import { styleText } from 'node:util';
import Table from 'cli-table3';
import { clipped, plainLine } from '../../report/escape';
import { freedByKind } from '../../report/freed';
import { sum } from '../../report/terminal/table';
import { ageWords, count, countKinds, kindName, shortId, sizeWords } from '../../report/words';
import type { InventoryItem } from './inventory';

export interface ListTableOptions {
  readonly color: boolean;
  /** The terminal's width; undefined: no limit. */
  readonly columns: number | undefined;
  readonly withSizes: boolean;
}

/** Blanks between columns. */
const GAP = 2;

/** The width of a name or session below which the provider gives way, and the minimum. */
const COMFORTABLE = 14;
const MIN_WIDTH = 8;

/** Foreign text may be of any length. */
const MAX_CELL = 300;

/** Without borders, so that programs can split lines. */
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

/** One line for each resource, with names and sessions cut to the terminal's width. */
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

/** Cuts names and sessions. Drops the provider if it is the same for all and room is scarce. */
function fitted(rows: readonly Row[], columns: number): readonly Row[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const fixed = sum(widths) + GAP * (widths.length - 1) - (widths[NAME] ?? 0) - (widths[SESSION] ?? 0);
  const isTight = columns - fixed < 2 * COMFORTABLE && new Set(rows.slice(1).map((row) => row[PROVIDER])).size === 1;
  const left = columns - fixed + (isTight ? (widths[PROVIDER] ?? 0) + GAP : 0);
  const [name, session] = shared(widths[NAME] ?? 0, widths[SESSION] ?? 0, Math.max(2 * MIN_WIDTH, left));
  const cut = (cell: string, column: number) =>
    column === NAME ? clipped(cell, name) : column === SESSION ? clippedAtStart(cell, session) : cell;
  return rows.map((row) => row.map(cut).slice(isTight ? PROVIDER + 1 : 0));
}

/** Shares room between two columns: half each, unless one needs less. */
function shared(name: number, session: number, room: number): readonly [name: number, session: number] {
  if (name + session <= room) return [name, session];
  const half = Math.floor(room / 2);
  if (name <= half) return [name, room - name];
  return session <= half ? [room - session, session] : [room - half, half];
}

/** Ids of sessions differ at their ends. */
function clippedAtStart(text: string, max: number): string {
  return text.length <= max ? text : `…${text.slice(text.length - max + 1)}`;
}

/** `12 resources: 8 containers, 4 networks; 1.2GB`. */
export function totalsLine(resources: readonly InventoryItem[], withSizes: boolean): string {
  const kinds = countKinds(resources.map(({ resource }) => resource));
  const isMixed = new Set(resources.map(({ resource }) => resource.kind)).size > 1;
  const bytes = resources.reduce((sum, { size = 0 }) => sum + size, 0);
  const what = isMixed ? `${count(resources.length, 'resource')}: ${kinds}` : kinds;
  const byKind = freedByKind(
    resources.map(({ resource: { kind }, size }) => ({ kind, ...(size === undefined ? {} : { bytes: size }) })),
  );
  const parts = [...byKind].map(([kind, size]) => `${kindName(kind)} ${sizeWords(size)}`);
  const sizes = `; ${sizeWords(bytes)}${isMixed && parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
  return `${resources.length === 0 ? 'Nothing' : what}${withSizes ? sizes : ''}`;
}

/**
 * `Sessions: 3 resources of live ones, 2 of ones that are over (lease, age)`; no line where nothing
 * is known.
 */
export function sessionLines(resources: readonly InventoryItem[]): readonly string[] {
  const live = resources.filter((item) => item.live).length;
  const over = resources.flatMap(({ evidence }) => evidence ?? []);
  const parts = [
    ...(live > 0 ? [`${count(live, 'resource')} of live ones`] : []),
    ...(over.length > 0 ? [`${count(over.length, 'resource')} of ones that are over (${[...new Set(over)].join(', ')})`] : []),
  ];
  return parts.length === 0 ? [] : [`Sessions: ${parts.join(', ')}`];
}

const MAX_RUNS = 10;

/** One line for each run that made a resource, with its page. */
export function runLines(resources: readonly InventoryItem[]): readonly string[] {
  const runs = new Map(resources.flatMap(({ session, runUrl }) => (session && runUrl ? [[session, runUrl] as const] : [])));
  return [...runs].slice(0, MAX_RUNS).map(([session, url]) => plainLine(clipped(`${session}: ${url}`, 300)));
}
