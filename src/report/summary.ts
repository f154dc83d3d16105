import { type Outcome, outcomes } from '../reaper/outcome';
import { htmlCode, htmlText } from './escape';
import { commandsOf } from './lines';
import type { BenchmarkReport, PhaseReport, Report, ResourceReport } from './model';
import { type Verdict, verdictOf } from './verdict';
import { countKinds, meaningOf, shortId, time } from './words';

const ICONS: Readonly<Record<Verdict['kind'], string>> = {
  clean: '✅',
  nothing: '✅',
  skipped: '⏭️',
  planned: '🔍',
  kept: '📌',
  unverified: '⚠️',
  leftovers: '❌',
};

/** So many earlier sessions are named. */
const MOST_SESSIONS = 5;

/** More failures than this are counted, and stand in the report. */
const MOST_FAILURES = 50;

/**
 * The job summary: a head line that tells all, then what people need who must act, then the counts. GitHub's Markdown; foreign
 * text stands in HTML elements only, escaped.
 */
export function summaryOf(report: Report): string {
  const { post, pre } = report.phases;
  const sections = [
    post ? `### ${ICONS[verdictOf(post).kind]} ${htmlText(verdictOf(post).headline)}` : '### ⚠️ Nothing was cleaned up',
    benchmarkLine(report.benchmark),
    pre ? preLine(pre) : '',
    post ? failures(post) : '',
    post ? commands(post) : '',
    post ? outcomeTable(post) : '',
    post ? providerLines(post) : '',
    report.session === null ? '' : `<sub>cleanup-action, session ${htmlCode(report.session)}</sub>`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n\n`;
}

function benchmarkLine(benchmark: BenchmarkReport | null): string {
  if (benchmark === null) return '';
  const { command, exitCode, signal, timedOut, durationMs } = benchmark;
  const how = timedOut ? 'was ended at its timeout' : signal ? `was ended by ${signal}` : `exited with code ${exitCode}`;
  return `The benchmark ${htmlCode(command)} ${how} after ${time(durationMs)}.`;
}

function preLine(pre: PhaseReport): string {
  if (pre.resources.length === 0) return '';
  const sessions = [...new Set(pre.resources.flatMap(({ session }) => session ?? []))];
  const more = sessions.length > MOST_SESSIONS ? ' and others' : '';
  const from = sessions.length > 0 ? ` It was left by ${sessions.slice(0, MOST_SESSIONS).map(htmlCode).join(', ')}${more}.` : '';
  const { kind, headline } = verdictOf(pre);
  const removed = pre.resources.filter(({ outcome }) => outcome !== 'kept' && outcome !== 'gone');
  const said = kind === 'clean' ? `${countKinds(removed)} removed in ${time(pre.durationMs)}` : headline;
  return `Left over from earlier runs: ${htmlText(said)}.${from}`;
}

function failures({ resources }: PhaseReport): string {
  const failed = resources.filter(({ outcome }) => outcome === 'failed');
  if (failed.length === 0) return '';
  const rows = failed.slice(0, MOST_FAILURES).map(failureRow);
  const more = failed.length > MOST_FAILURES ? `<p>And ${failed.length - MOST_FAILURES} more: see the report.</p>` : '';
  return ['<table><tr><th>Still there</th><th>State</th><th>Tried</th><th>Why</th></tr>', ...rows, `</table>${more}`].join('\n');
}

function commands(post: PhaseReport): string {
  const typed = commandsOf(post).slice(0, MOST_FAILURES).map(htmlText);
  return typed.length === 0 ? '' : `<p>What removes the rest by hand:</p>\n<pre>${typed.join('\n')}</pre>`;
}

function failureRow({ name, id, state, steps, error }: ResourceReport): string {
  const tried = steps.map(({ action, result }) => `${action}: ${result}`).join(', ') || 'nothing';
  const cells = [`${htmlCode(name)} (${htmlCode(shortId(id))})`, htmlCode(state), htmlText(tried), htmlCode(error ?? '')];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function outcomeTable({ resources, totals }: PhaseReport): string {
  if (resources.length === 0) return '';
  const row = (outcome: Outcome) => {
    const kinds = countKinds(resources.filter((resource) => resource.outcome === outcome));
    return `| ${outcome} | ${kinds} | ${htmlText(meaningOf(outcome, resources))} |`;
  };
  return ['| Outcome | Resources | |', '| --- | --- | --- |', ...outcomes.filter((outcome) => totals[outcome] > 0).map(row)].join(
    '\n',
  );
}

function providerLines({ providers }: PhaseReport): string {
  return providers.map(({ name, status, reason }) => `- ${htmlText(name)}: ${status}, ${htmlCode(reason)}`).join('\n');
}

/** For an annotation: what is left, and the first causes. Plain text. */
export function leftoverMessage(phase: PhaseReport): string {
  const failed = phase.resources.filter(({ outcome }) => outcome === 'failed');
  const causes = [...new Set(failed.map(({ error }) => error ?? ''))].slice(0, 3);
  const missing = phase.providers
    .filter(({ status }) => status === 'unavailable')
    .map(({ name, reason }) => `${name}: ${reason}`);
  return [verdictOf(phase).headline, ...causes, ...missing].join('; ');
}
