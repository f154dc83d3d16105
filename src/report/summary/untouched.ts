import { htmlCode, htmlProse } from '../escape';
import type { PhaseReport, Report, ResourceReport } from '../model';
import { untouchedNotes } from '../untouched';
import { count } from '../words';
import { commandBlock, resourceCell } from './failures';
import type { Section } from './fit';

const MAX_KEPT = 10;

/** Characters. */
const MAX_REASON = 200;

/** Resources that stay on purpose: notes with advice, then those that post kept, with commands. */
export function untouchedSection({ phases: { pre, run, post } }: Report): Section {
  return {
    title: 'the resources left alone',
    priority: 2,
    render(maxItems) {
      const notes = [pre, run, post].flatMap((phase) => (phase === null ? [] : noteBlocks(phase, maxItems)));
      return [...notes, keptBlock(post, maxItems)].filter((block) => block !== '').join('\n\n');
    },
  };
}

function noteBlocks(phase: PhaseReport, maxItems: number): readonly string[] {
  const troubles = (phase.preflight ?? []).slice(0, maxItems).map((sentence) => `<p>⚠️ ${htmlProse(sentence)}</p>`);
  const notes = untouchedNotes(phase).map(({ statement, advice, names, unnamed }) => {
    const shown = names.slice(0, maxItems);
    const rest = unnamed + names.length - shown.length;
    const list = `${shown.map(({ kind, name }) => `${kind} ${htmlCode(name)}`).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
    return `<p>ℹ️ ${withCode(statement)} ${withCode(advice)}${shown.length > 0 ? `<br>\n<sub>${list}</sub>` : ''}</p>`;
  });
  return [...troubles, ...notes];
}

/** Our own text, with code in backticks. */
function withCode(text: string): string {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 0 ? htmlProse(part) : htmlCode(part)))
    .join('');
}

function keptBlock(post: PhaseReport | null, maxItems: number): string {
  const kept = post?.resources.filter(({ outcome }) => outcome === 'kept') ?? [];
  if (kept.length === 0) return '';
  const shown = kept.slice(0, Math.min(maxItems, MAX_KEPT));
  const rest = kept.length - shown.length;
  const commands = kept.flatMap(({ command }) => command ?? []);
  return [
    ...(shown.length > 0 ? [table(shown)] : []),
    ...(rest > 0 ? [`<p>${count(rest, 'resource')} more kept: see the report.</p>`] : []),
    // Protected resources have no command.
    ...(commands.length > 0 ? [`<p>${withCode(NEXT_JOB)}</p>`, commandBlock(commands, maxItems)] : []),
  ].join('\n\n');
}

const NEXT_JOB =
  'They stay until the next job on this runner, whose `pre-cleanup` removes them. To keep one for longer, start it with the label `io.github.cleanup-action.keep=true`.';

function table(kept: readonly ResourceReport[]): string {
  const head = '<tr><th align="left">Kept</th><th align="left">Why</th></tr>';
  const rows = kept.map(
    (resource) => `<tr><td>${resourceCell(resource)}</td><td>${htmlCode(resource.reason ?? '', MAX_REASON)}</td></tr>`,
  );
  return ['<table>', head, ...rows, '</table>'].join('\n');
}
