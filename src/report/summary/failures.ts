import { causesOf } from '../causes';
import { fenced, htmlCode, htmlText } from '../escape';
import { leftoversIn } from '../leftovers';
import { commandsOf, stepsOf } from '../lines';
import type { PhaseReport, ProviderReport, Report, ResourceReport } from '../model';
import { count, shortId } from '../words';
import type { Section } from './fit';

/** Rows, commands and causes visible at once; the others are folded. */
const MAX_OPEN = 10;
const MAX_CAUSES = 5;

/** Characters. The report has names and errors in full. */
const MAX_NAME = 80;
const MAX_ERROR = 200;

/** Leaves out longer commands: a clipped one is useless. */
const MAX_COMMAND = 2_000;

/** Resources that could not be removed, and providers that could not be reached. */
interface Failures {
  readonly resources: readonly ResourceReport[];
  readonly providers: readonly ProviderReport[];
}

/** Everything that is left, why, and commands: this session's first, then earlier runs'. */
export function failuresSection({ phases }: Report): Section {
  return {
    title: 'the remaining resources',
    priority: 1,
    render(maxItems) {
      const left = leftoversIn(phases);
      const own = { resources: [...left.post, ...left.run], providers: unavailableIn(phases.post) };
      const known = new Set(own.providers.map(({ name }) => name));
      const earlier = {
        resources: left.earlier,
        providers: unavailableIn(phases.pre).filter(({ name }) => !known.has(name)),
      };
      const ofEarlier = group(earlier, maxItems);
      return blocks([group(own, maxItems), ...(ofEarlier === '' ? [] : ['<h4>Left behind by earlier runs</h4>', ofEarlier])]);
    },
  };
}

function unavailableIn(phase: PhaseReport | null): readonly ProviderReport[] {
  return phase?.providers.filter(({ status }) => status === 'unavailable') ?? [];
}

function group(failures: Failures, maxItems: number): string {
  const { providers, resources } = failures;
  return blocks([
    unreachable(providers),
    causes(resources),
    tables(resources, maxItems),
    commandBlock(commandsOf(failures), maxItems),
  ]);
}

function blocks(all: readonly string[]): string {
  return all.filter((block) => block !== '').join('\n\n');
}

function unreachable(missing: readonly ProviderReport[]): string {
  if (missing.length === 0) return '';
  const items = missing.map(({ name, reason }) => `<li>${htmlCode(name)} can’t be reached: ${htmlCode(reason)}</li>`);
  return ['<ul>', ...items, '</ul>'].join('\n');
}

/** Many failures usually have few causes. */
function causes(failed: readonly ResourceReport[]): string {
  if (failed.length <= MAX_OPEN) return '';
  const all = causesOf(failed);
  const items = all.slice(0, MAX_CAUSES).map(({ error, count: number }) => `<li>${number} × ${htmlCode(error, MAX_ERROR)}</li>`);
  const more = all.length > MAX_CAUSES ? [`<li>${all.length - MAX_CAUSES} other causes</li>`] : [];
  return ['<ul>', ...items, ...more, '</ul>'].join('\n');
}

function tables(failed: readonly ResourceReport[], maxItems: number): string {
  if (failed.length === 0) return '';
  const open = failed.slice(0, Math.min(maxItems, MAX_OPEN));
  const folded = failed.slice(open.length, Math.max(maxItems, open.length));
  const rest = failed.length - open.length - folded.length;
  return [
    ...(open.length > 0 ? [table(open)] : []),
    ...(folded.length > 0 ? [`<details><summary>${folded.length} more</summary>\n${table(folded)}\n</details>`] : []),
    ...(rest > 0 ? [`<p>${count(rest, 'resource')} more: see the report.</p>`] : []),
  ].join('\n\n');
}

function table(failed: readonly ResourceReport[]): string {
  const head = '<tr><th align="left">Still there</th><th align="left">Why</th></tr>';
  return ['<table>', head, ...failed.map(row), '</table>'].join('\n');
}

function row(resource: ResourceReport): string {
  const { error, heldBy = [] } = resource;
  // Most errors name them already.
  const unnamed = heldBy.filter(({ name }) => !error?.includes(name));
  const holders = unnamed.map(({ kind, name }) => `${kind} ${htmlCode(name, MAX_NAME)}`).join(', ');
  const details = [...(holders === '' ? [] : [`in use by ${holders}`]), htmlText(stepsOf(resource)) || 'nothing could be tried'];
  return `<tr><td>${resourceCell(resource)}</td><td>${htmlCode(error ?? '', MAX_ERROR)}<br><sub>${details.join('<br>')}</sub></td></tr>`;
}

/** The name, above kind, id and state. */
export function resourceCell({ kind, name, id, state }: ResourceReport): string {
  return `${htmlCode(name, MAX_NAME)}<br><sub>${kind} ${htmlCode(shortId(id))} ${htmlCode(state, MAX_NAME)}</sub>`;
}

/** Commands in a fenced block, which GitHub shows with a copy button. Empty without any. */
export function commandBlock(commands: readonly string[], maxItems: number): string {
  const shown = commands.filter(({ length }) => length <= MAX_COMMAND).slice(0, maxItems);
  if (shown.length === 0) return '';
  const more = commands.length > shown.length ? ` (${shown.length} of ${commands.length} commands; the report has all)` : '';
  const title = `Commands to remove the remaining resources${more}:`;
  const block = fenced('sh', shown);
  if (shown.length <= MAX_OPEN) return `<p>${title}</p>\n\n${block}`;
  return `<details><summary>${title}</summary>\n\n${block}\n\n</details>`;
}
