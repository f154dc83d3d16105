import { type Outcome, outcomes } from '../../core/outcome';
import { htmlCode, htmlProse } from '../escape';
import { freedByKind, freedWords } from '../freed';
import type { PhaseReport, Report, ResourceReport } from '../model';
import { kindName, meaningOf, sizeWords } from '../words';
import type { Section } from './fit';

/** A table of the outcomes for each provider and kind. */
export function countsSection({ phases: { run, post } }: Report): Section {
  return {
    title: 'the counts',
    priority: 3,
    render(maxItems) {
      const parts = [phaseTable(post, maxItems)];
      if (run !== null && run.resources.length > 0) {
        parts.push('<p>While the benchmark ran, by <code>exited-ttl</code>:</p>', phaseTable(run, maxItems));
      }
      return parts.filter((part) => part !== '').join('\n\n');
    },
  };
}

function phaseTable(phase: PhaseReport | null, maxItems: number): string {
  if (phase === null || phase.resources.length === 0) return '';
  const { resources, totals } = phase;
  const columns = outcomes.filter((outcome) => totals[outcome] > 0);
  const groups = [...Map.groupBy(resources, ({ provider }) => provider).values()].flatMap((of) => [
    ...Map.groupBy(of, ({ kind }) => kind).values(),
  ]);
  const freed = freedWords(resources);
  const rest = groups.slice(Math.max(maxItems, 1)).flat();
  const rows = groups.slice(0, Math.max(maxItems, 1)).map((group) => row(rowTitle(group), group, columns, freed !== ''));
  return [
    '<table>',
    `<tr><th></th>${columns.map((outcome) => `<th align="right">${outcome}</th>`).join('')}${freed === '' ? '' : '<th align="right">disk freed</th>'}</tr>`,
    ...rows,
    ...(rest.length > 0 ? [row('others', rest, columns, freed !== '')] : []),
    '</table>',
    `<p><sub>${columns.map((outcome) => `<b>${outcome}</b>: ${htmlProse(meaningOf(outcome, resources))}`).join(' · ')}</sub></p>`,
  ].join('\n');
}

function rowTitle([first]: readonly ResourceReport[]): string {
  return first === undefined ? '' : `${htmlCode(first.provider)} ${kindName(first.kind)}`;
}

function row(title: string, group: readonly ResourceReport[], columns: readonly Outcome[], hasSizes: boolean): string {
  const cells = columns.map((outcome) => {
    const number = group.filter((resource) => resource.outcome === outcome).length;
    return `<td align="right">${number === 0 ? '' : number}</td>`;
  });
  const bytes = [...freedByKind(group).values()].reduce((sum, each) => sum + each, 0);
  const size = hasSizes ? `<td align="right">${bytes === 0 ? '' : sizeWords(bytes)}</td>` : '';
  return `<tr><td>${title}</td>${cells.join('')}${size}</tr>`;
}
