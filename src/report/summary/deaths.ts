import { htmlCode, htmlPre } from '../escape';
import { exitMeaning } from '../exit-code';
import type { DeathReport, Report } from '../model';
import { count, time } from '../words';
import type { Section } from './fit';

/** More are counted: who looks at twenty has seen what is wrong. */
const MAX_DEATHS = 20;

/** Characters. */
const MAX_NAME = 80;

/** Containers that failed during the benchmark, with the last that they said. */
export function deathsSection({ deaths }: Report): Section {
  return {
    title: 'the containers that failed',
    priority: 2,
    render(most) {
      const failed = failuresIn(deaths);
      if (failed.length === 0) return '';
      const shown = failed.slice(0, Math.min(most, MAX_DEATHS));
      const rest = failed.length - shown.length;
      const untold = deaths.filter(({ exitCode, oomKilled }) => exitCode === null && !oomKilled).length;
      return [
        `<h4>${count(failed.length, 'container')} failed during the benchmark</h4>`,
        ...(shown.length > 0 ? [table(shown)] : []),
        ...(rest > 0 ? [`<p>${count(rest, 'container')} more: see the report.</p>`] : []),
        ...(untold > 0 ? [`<p>How ${count(untold, 'other container')} ended is not known.</p>`] : []),
      ].join('\n\n');
    },
  };
}

/** It ended with an error, or for want of memory. Where nobody told how it ended, nobody knows. */
export function hasFailed({ exitCode, oomKilled }: DeathReport): boolean {
  return oomKilled || (exitCode !== null && exitCode !== 0);
}

/** A container that failed: its last end, and how often it did, which is once but for those that the engine starts again. */
export interface Failure {
  readonly last: DeathReport;
  readonly times: number;
}

/** Each container once, in the order in which they ended for the last time. */
export function failuresIn(deaths: readonly DeathReport[]): readonly Failure[] {
  const failures = new Map<string, Failure>();
  for (const last of deaths.filter(hasFailed)) {
    const key = `${last.provider} ${last.id}`;
    const times = (failures.get(key)?.times ?? 0) + 1;
    failures.delete(key);
    failures.set(key, { last, times });
  }
  return [...failures.values()];
}

function table(failures: readonly Failure[]): string {
  return [
    '<table>',
    '<tr><th align="left">Container</th><th align="right">Exit code</th><th align="left">Meaning</th><th align="right">Lived</th></tr>',
    ...failures.map(rows),
    '</table>',
  ].join('\n');
}

/** The log is a row of its own: it needs the width. */
function rows({ last, times }: Failure): string {
  const { name, exitCode, livedMs } = last;
  const cells = [
    `<td>${htmlCode(name, MAX_NAME)}${times > 1 ? ` <sub>${times} times</sub>` : ''}</td>`,
    `<td align="right">${exitCode ?? ''}</td>`,
    `<td>${exitMeaning(last)}</td>`,
    `<td align="right">${livedMs === null ? '' : time(livedMs)}</td>`,
  ];
  return `<tr>${cells.join('')}</tr>\n<tr><td colspan="4">${logOf(last)}</td></tr>`;
}

function logOf({ logTail, logFile, logReason }: DeathReport): string {
  const where = logFile === null ? '' : `<sub>whole log: ${htmlCode(logFile)}</sub>`;
  const why = logReason === null ? '' : `<sub>log: ${htmlCode(logReason)}</sub>`;
  if (logTail.length === 0) return where || why || '<sub>no log</sub>';
  const title = logTail.length === 1 ? 'Its last line' : `Its last ${logTail.length} lines`;
  return `<details><summary>${title}</summary>\n${htmlPre(logTail)}\n${[where, why].filter((part) => part !== '').join('<br>')}</details>`;
}
