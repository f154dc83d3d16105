import { styleText } from 'node:util';
import Table from 'cli-table3';
import { outcomes } from '../reaper/outcome';
import { plainLine } from './escape';
import { closingLines, stepsOf } from './lines';
import type { PhaseReport, Report, ResourceReport } from './model';
import { type Verdict, verdictOf } from './verdict';
import { countKinds, meaningOf, time } from './words';

export interface TerminalOptions {
  readonly color: boolean;
  /** How many resources are listed one by one; the others are counted. */
  readonly most: number;
}

type Color = 'green' | 'yellow' | 'red';

const COLORS: Readonly<Record<Verdict['kind'], Color>> = {
  clean: 'green',
  nothing: 'green',
  skipped: 'yellow',
  planned: 'yellow',
  kept: 'yellow',
  unverified: 'yellow',
  leftovers: 'red',
};

/** The same picture as the job summary, for a terminal. Ends with a line break. */
export function terminalOf(report: Report, options: TerminalOptions): string {
  const { pre, post } = report.phases;
  const parts = [
    `Session ${plainLine(report.session ?? 'unknown')}`,
    ...(report.benchmark ? [`Benchmark: exit code ${report.benchmark.exitCode} after ${time(report.benchmark.durationMs)}`] : []),
    ...(pre ? [`Before the benchmark: ${verdictOf(pre).headline}`] : []),
    ...(post ? phaseParts(post, options) : ['Nothing was cleaned up.']),
  ];
  return `${parts.join('\n')}\n`;
}

function phaseParts(phase: PhaseReport, { color, most }: TerminalOptions): readonly string[] {
  const verdict = verdictOf(phase);
  const [headline = '', ...commands] = closingLines(phase);
  const bold = color ? styleText(['bold', COLORS[verdict.kind]], headline, { validateStream: false }) : headline;
  const tables = phase.resources.length > 0 ? [outcomeTable(phase, color), resourceTable(phase.resources, most, color)] : [];
  return ['', bold, ...tables, ...commands];
}

function outcomeTable({ resources, totals }: PhaseReport, color: boolean): string {
  const table = newTable(['Outcome', 'Resources', ''], color);
  for (const outcome of outcomes.filter((name) => totals[name] > 0)) {
    const kinds = countKinds(resources.filter((resource) => resource.outcome === outcome));
    table.push([outcome, kinds, plainLine(meaningOf(outcome, resources))]);
  }
  return table.toString();
}

function resourceTable(resources: readonly ResourceReport[], most: number, color: boolean): string {
  const table = newTable(['Outcome', 'Name', 'State before', 'Time', 'How'], color);
  const byOutcome = resources.toSorted((a, b) => outcomes.indexOf(b.outcome) - outcomes.indexOf(a.outcome));
  for (const resource of byOutcome.slice(0, most)) {
    const { outcome, name, state, durationMs, error, reason } = resource;
    const how = [stepsOf(resource), error ?? reason ?? ''].filter((part) => part !== '').join('; ');
    table.push([outcome, name, state, time(durationMs), how].map(plainLine));
  }
  const more = resources.length > most ? `\nand ${resources.length - most} more` : '';
  return `${table.toString()}${more}`;
}

function newTable(head: string[], color: boolean): Table.Table {
  return new Table({
    head,
    style: color ? { head: ['cyan'], border: ['gray'], compact: true } : { head: [], border: [], compact: true },
  });
}
