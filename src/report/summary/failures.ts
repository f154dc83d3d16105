import { fenced, htmlCode, htmlText } from '../escape';
import { leftOf } from '../leftovers';
import { commandsOf, stepsOf } from '../lines';
import type { PhaseReport, ProviderReport, Report, ResourceReport } from '../model';
import { count, shortId } from '../words';
import type { Section } from './fit';

/** So many rows, commands and causes are seen at once; more are folded. */
const MAX_OPEN = 10;
const MAX_CAUSES = 5;

/** Characters: more make a wall of them. The report has the rest. */
const MAX_NAME = 80;
const MAX_ERROR = 200;

/** A command is of no use when it is cut; one that is longer than this is nobody's. */
const MAX_COMMAND = 2_000;

/** What could not be removed, and where nobody could look. */
interface Failures {
  readonly resources: readonly ResourceReport[];
  readonly providers: readonly ProviderReport[];
}

/** What is still there, why, and what to type: of this session, then of earlier runs. */
export function failuresSection({ phases }: Report): Section {
  return {
    title: 'what is left',
    priority: 1,
    render(most) {
      const left = leftOf(phases);
      const own = { resources: [...left.post, ...left.run], providers: missingIn(phases.post) };
      const known = new Set(own.providers.map(({ name }) => name));
      const earlier = { resources: left.earlier, providers: missingIn(phases.pre).filter(({ name }) => !known.has(name)) };
      const ofEarlier = group(earlier, most);
      return parts([group(own, most), ...(ofEarlier === '' ? [] : ['<h4>Left over from earlier runs</h4>', ofEarlier])]);
    },
  };
}

function missingIn(phase: PhaseReport | null): readonly ProviderReport[] {
  return phase?.providers.filter(({ status }) => status === 'unavailable') ?? [];
}

function group(failures: Failures, most: number): string {
  const { providers, resources } = failures;
  return parts([unreachable(providers), causes(resources), tables(resources, most), commands(failures, most)]);
}

function parts(all: readonly string[]): string {
  return all.filter((part) => part !== '').join('\n\n');
}

function unreachable(missing: readonly ProviderReport[]): string {
  if (missing.length === 0) return '';
  const items = missing.map(({ name, reason }) => `<li>${htmlCode(name)} can’t be reached: ${htmlCode(reason)}</li>`);
  return ['<ul>', ...items, '</ul>'].join('\n');
}

/** Many failures have few causes. */
function causes(failed: readonly ResourceReport[]): string {
  if (failed.length <= MAX_OPEN) return '';
  const byCause = [...Map.groupBy(failed, ({ error }) => error ?? '')].sort(([, a], [, b]) => b.length - a.length);
  const items = byCause.slice(0, MAX_CAUSES).map(([error, { length }]) => `<li>${length} × ${htmlCode(error, MAX_ERROR)}</li>`);
  const more = byCause.length > MAX_CAUSES ? [`<li>${byCause.length - MAX_CAUSES} other causes</li>`] : [];
  return ['<ul>', ...items, ...more, '</ul>'].join('\n');
}

function tables(failed: readonly ResourceReport[], most: number): string {
  if (failed.length === 0) return '';
  const open = failed.slice(0, Math.min(most, MAX_OPEN));
  const folded = failed.slice(open.length, Math.max(most, open.length));
  const rest = failed.length - open.length - folded.length;
  return [
    ...(open.length > 0 ? [table(open)] : []),
    ...(folded.length > 0 ? [`<details><summary>${folded.length} more</summary>\n${table(folded)}\n</details>`] : []),
    ...(rest > 0 ? [`<p>${count(rest, 'leftover')} more: see the report.</p>`] : []),
  ].join('\n\n');
}

function table(failed: readonly ResourceReport[]): string {
  return ['<table>', '<tr><th align="left">Still there</th><th align="left">Why</th></tr>', ...failed.map(row), '</table>'].join(
    '\n',
  );
}

function row(resource: ResourceReport): string {
  const { kind, name, id, state, error } = resource;
  const what = `${htmlCode(name, MAX_NAME)}<br><sub>${kind} ${htmlCode(shortId(id))} ${htmlCode(state, MAX_NAME)}</sub>`;
  const tried = htmlText(stepsOf(resource)) || 'nothing could be tried';
  return `<tr><td>${what}</td><td>${htmlCode(error ?? '', MAX_ERROR)}<br><sub>${tried}</sub></td></tr>`;
}

/** In a fence: GitHub shows a button there that copies it. */
function commands(failures: Failures, most: number): string {
  const all = commandsOf(failures);
  const typed = all.filter(({ length }) => length <= MAX_COMMAND).slice(0, most);
  if (typed.length === 0) return '';
  const more = all.length > typed.length ? ` (${typed.length} of ${all.length}; the report has all)` : '';
  const block = fenced('sh', typed);
  const title = `What removes ${all.length > 1 ? 'them' : 'it'} by hand${more}:`;
  if (typed.length <= MAX_OPEN) return `<p>${title}</p>\n\n${block}`;
  return `<details><summary>${title}</summary>\n\n${block}\n\n</details>`;
}
