import { basename, dirname } from 'node:path';
import { styleText } from 'node:util';
import { outcomes } from '../../core/outcome';
import { askedSentence, type Failure, failuresIn, wasAsked } from '../deaths';
import { clipped, plainLine } from '../escape';
import { benchmarkEnd, exitMeaning } from '../exit-code';
import { leftoversIn } from '../leftovers';
import {
  commandLines,
  commandsOf,
  diskLine,
  preflightLines,
  providerLine,
  stepsOf,
  untouchedLines,
  workspaceLines,
} from '../lines';
import type { BenchmarkReport, PhaseReport, Report, ResourceReport } from '../model';
import { isEventful, type PhaseVerdict, verdictOf, verdictOfAll } from '../verdict';
import { count, countKinds, meaningOf, time } from '../words';
import { type TableOptions, tableOf } from './table';

export interface TerminalOptions {
  readonly color: boolean;
  /** The maximum number of resources, deaths and commands to list. */
  readonly maxItems: number;
  /** The terminal's width. Default: 80. */
  readonly columns?: number;
}

type Color = 'green' | 'yellow' | 'red';

const COLORS: Readonly<Record<PhaseVerdict['kind'], Color>> = {
  clean: 'green',
  nothing: 'green',
  untouched: 'yellow',
  skipped: 'yellow',
  planned: 'yellow',
  kept: 'yellow',
  unverified: 'yellow',
  leftovers: 'red',
};

/** A table of five columns is illegible below this. */
const MIN_COLUMNS = 50;
const DEFAULT_COLUMNS = 80;

/** Characters of one cell. The report has the whole text. */
const MAX_CELL = 200;

/** The summary's content for a terminal. Ends with a line break. */
export function terminalOf(report: Report, { color, maxItems, columns = DEFAULT_COLUMNS }: TerminalOptions): string {
  const { pre, run, post } = report.phases;
  const table = { color, columns: Math.max(columns, MIN_COLUMNS) };
  const parts = [
    plainLine(`Session ${report.session ?? 'unknown'}${report.versions ? `, cleanup-action ${report.versions.action}` : ''}`),
    ...(post?.providers ?? []).map(providerLine),
    ...(report.benchmark ? [plainLine(benchmarkLine(report.benchmark))] : []),
    ...(pre ? [plainLine(`Before the benchmark: ${verdictOf(pre).headline}`)] : []),
    ...(pre?.disk ?? []).filter(isEventful).map(diskLine),
    ...(run && run.resources.length > 0 ? [plainLine(`While it ran: ${verdictOf(run).headline}`)] : []),
    ...deathParts(failuresIn(report.deaths), maxItems, table),
    ...askedLine(report.deaths.filter(wasAsked).length),
    ...endParts(report, maxItems, table),
  ];
  return `${parts.join('\n')}\n`;
}

function benchmarkLine(benchmark: BenchmarkReport): string {
  const { durationMs } = benchmark;
  return `The benchmark ${benchmarkEnd(benchmark)}${durationMs === null ? '' : ` after ${time(durationMs)}`}.`;
}

function deathParts(failures: readonly Failure[], maxItems: number, table: TableOptions): readonly string[] {
  if (failures.length === 0) return [];
  const rows = failures.slice(0, maxItems).map(({ last, times }) => {
    const { name, exitCode, livedMs, logFile, logReason } = last;
    const lived = livedMs === null ? '' : time(livedMs);
    const often = times > 1 ? `${name} (${times} times)` : name;
    return cells([
      often,
      `${exitCode ?? ''}`,
      exitMeaning(last),
      lived,
      logFile === null ? (logReason ?? '') : basename(logFile),
    ]);
  });
  const directories = new Set(failures.flatMap(({ last: { logFile } }) => (logFile === null ? [] : dirname(logFile))));
  return [
    '',
    `${count(failures.length, 'container')} failed during the benchmark`,
    ...[...directories].map((directory) => plainLine(`Logs are in ${directory}`)),
    tableOf(['Name', 'Exit code', 'Meaning', 'Lived', 'Log'], rows, table),
    ...rest(failures.length - rows.length),
  ];
}

/** The result, the resources, and the commands for what is left or kept. */
function endParts(report: Report, maxItems: number, table: TableOptions): readonly string[] {
  const { pre, run, post } = report.phases;
  const phases = [pre, run, post];
  const left = leftoversIn(report.phases);
  const kept = post?.resources.filter(({ outcome }) => outcome === 'kept') ?? [];
  const commands = commandLines({
    providers: post?.providers ?? [],
    resources: [...left.post, ...left.run, ...left.earlier],
  });
  return [
    '',
    headlineOf(report, table),
    ...(post && post.resources.length > 0 ? [outcomeTable(post, table), ...resourceParts(post.resources, maxItems, table)] : []),
    ...stillThere('Left behind by the benchmark', left.run, maxItems, table),
    ...stillThere('Left behind by earlier runs', left.earlier, maxItems, table),
    ...phases.flatMap((phase) => (phase ? [...preflightLines(phase), ...untouchedLines(phase), ...workspaceLines(phase)] : [])),
    ...atMost(commands, maxItems + 1),
    ...atMost(keptLines(kept), maxItems + 1),
  ];
}

function headlineOf(report: Report, { color }: TableOptions): string {
  const { kind, headline } = verdictOfAll(report);
  return color ? styleText(['bold', COLORS[kind]], plainLine(headline), { validateStream: false }) : plainLine(headline);
}

/** Resources that another phase than post failed on. */
function stillThere(
  title: string,
  resources: readonly ResourceReport[],
  maxItems: number,
  table: TableOptions,
): readonly string[] {
  return resources.length === 0 ? [] : [title, ...resourceParts(resources, maxItems, table)];
}

function outcomeTable({ resources, totals }: PhaseReport, table: TableOptions): string {
  const rows = outcomes
    .filter((outcome) => totals[outcome] > 0)
    .map((outcome) => {
      const kinds = countKinds(resources.filter((resource) => resource.outcome === outcome));
      return cells([outcome, kinds, meaningOf(outcome, resources)]);
    });
  return tableOf(['Outcome', 'Resources', ''], rows, table);
}

function resourceParts(resources: readonly ResourceReport[], maxItems: number, table: TableOptions): readonly string[] {
  const worstFirst = resources.toSorted((a, b) => outcomes.indexOf(b.outcome) - outcomes.indexOf(a.outcome));
  const rows = worstFirst.slice(0, maxItems).map((resource) => {
    const { outcome, name, state, durationMs, error, reason } = resource;
    const how = [error ?? reason ?? '', stepsOf(resource)].filter((part) => part !== '').join('; ');
    return cells([outcome, name, state, time(durationMs), how]);
  });
  return [tableOf(['Outcome', 'Name', 'State before', 'Time', 'How'], rows, table), ...rest(resources.length - rows.length)];
}

function askedLine(asked: number): readonly string[] {
  return asked === 0 ? [] : ['', askedSentence(asked)];
}

function keptLines(resources: readonly ResourceReport[]): readonly string[] {
  const commands = commandsOf({ providers: [], resources });
  return commands.length === 0
    ? []
    : ['Commands to remove the kept resources:', ...commands.map((command) => plainLine(`  ${command}`))];
}

function cells(texts: readonly string[]): readonly string[] {
  return texts.map((text) => clipped(plainLine(clipped(text, MAX_CELL)), MAX_CELL));
}

function rest(number: number): readonly string[] {
  return number > 0 ? [`and ${number} more`] : [];
}

function atMost(lines: readonly string[], maxItems: number): readonly string[] {
  return lines.length <= maxItems
    ? lines
    : [...lines.slice(0, maxItems), `  and ${lines.length - maxItems} more: see the report`];
}
