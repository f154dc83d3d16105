import { htmlCode, htmlProse } from '../escape';
import { benchmarkEnd } from '../exit-code';
import type { BenchmarkReport, Report } from '../model';
import { foundNothingAtAll, type PhaseVerdict, verdictOfAll } from '../verdict';
import { nonceOf, time } from '../words';
import type { Section } from './fit';

const ICONS: Readonly<Record<PhaseVerdict['kind'], string>> = {
  clean: '✅',
  nothing: '✅',
  untouched: 'ℹ️',
  skipped: '⏭️',
  planned: '🔍',
  kept: '📌',
  unverified: '⚠️',
  leftovers: '❌',
};

/** Whether one line is enough: nothing was found, and nothing happened. */
export function isUneventful({ benchmark, deaths, phases }: Report): boolean {
  return foundNothingAtAll(phases) && phases.post !== null && benchmark === null && deaths.length === 0;
}

export function uneventfulLine(report: Report): string {
  const [icon, headline] = headlineOf(report);
  return `<p>${icon} ${htmlProse(headline)}${sessionOf(report, ' · ')}</p>`;
}

/** The result of the session, and how the benchmark ended. */
export function headlineSection(report: Report): Section {
  return {
    title: 'the result',
    priority: 0,
    render() {
      const [icon, headline] = headlineOf(report);
      const benchmark = report.benchmark ? benchmarkText(report.benchmark) : '';
      const below = `${benchmark}${sessionOf(report, benchmark === '' ? '' : ' · ')}`;
      return [`<h3>${icon} ${htmlProse(headline)}</h3>`, ...(below === '' ? [] : [`<p>${below}</p>`])].join('\n\n');
    },
  };
}

function headlineOf(report: Report): readonly [icon: string, headline: string] {
  const { kind, headline } = verdictOfAll(report);
  return [ICONS[kind], headline];
}

/** Distinguishes several uses of the action in one job. */
function sessionOf({ session }: Report, before: string): string {
  return session === null ? '' : `${before}session ${htmlCode(nonceOf(session))}`;
}

function benchmarkText(benchmark: BenchmarkReport): string {
  const { command, durationMs } = benchmark;
  const how = `${htmlProse(benchmarkEnd(benchmark))}${durationMs === null ? '' : ` after ${time(durationMs)}`}`;
  return `${isGood(benchmark) ? '' : '❌ '}The benchmark ${htmlCode(command)} ${how}`;
}

function isGood({ exitCode, timedOut, interruptedBy }: BenchmarkReport): boolean {
  return exitCode === 0 && !timedOut && interruptedBy === null;
}
