import { askedSentence, type Failure, failuresIn, hasUnknownEnd, wasAsked } from '../deaths';
import { htmlCode, htmlPre, htmlProse } from '../escape';
import { exitMeaning } from '../exit-code';
import type { DeathReport, Report } from '../model';
import { count, time } from '../words';
import type { Section } from './fit';

const MAX_DEATHS = 20;

/** Characters. */
const MAX_NAME = 80;

/** The failed containers with the ends of their logs, and the number of those asked to end. */
export function deathsSection({ deaths }: Report): Section {
  return {
    title: 'the containers that failed',
    priority: 2,
    render(maxItems) {
      const failed = failuresIn(deaths);
      const shown = failed.slice(0, Math.min(maxItems, MAX_DEATHS));
      const rest = failed.length - shown.length;
      const unknown = failed.length > 0 ? deaths.filter(hasUnknownEnd).length : 0;
      const asked = deaths.filter(wasAsked).length;
      return [
        ...(failed.length > 0 ? [`<h4>${count(failed.length, 'container')} failed during the benchmark</h4>`] : []),
        ...(shown.length > 0 ? [table(shown)] : []),
        ...(rest > 0 ? [`<p>${count(rest, 'container')} more: see the report.</p>`] : []),
        ...(unknown > 0 ? [`<p>It is not known how ${count(unknown, 'other container')} ended.</p>`] : []),
        ...(asked > 0 ? [`<p>${askedSentence(asked)}</p>`] : []),
      ].join('\n\n');
    },
  };
}

function table(failures: readonly Failure[]): string {
  return [
    '<table>',
    '<tr><th align="left">Container</th><th align="right">Exit code</th><th align="left">Meaning</th><th align="right">Lived</th></tr>',
    ...failures.map(rows),
    '</table>',
  ].join('\n');
}

/** The log has a row of its own, because it needs the width. */
function rows({ last, times }: Failure): string {
  const { name, exitCode, livedMs, reason } = last;
  const meaning = exitMeaning(last);
  const cells = [
    `<td>${htmlCode(name, MAX_NAME)}${times > 1 ? ` <sub>${times} times</sub>` : ''}</td>`,
    `<td align="right">${exitCode ?? ''}</td>`,
    `<td>${reason === undefined ? meaning : htmlProse(meaning)}</td>`,
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
