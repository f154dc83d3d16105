import { clipped, plainLine } from './escape';
import type { PhaseReport } from './model';
import { verdictOf } from './verdict';

/** Characters. GitHub shows a few lines of an annotation. */
const LONGEST_TITLE = 100;
const LONGEST_CAUSE = 200;
const LONGEST_MESSAGE = 1_000;
const MOST_CAUSES = 3;

/** An annotation, whatever its level: one line of plain text. */
export interface Annotation {
  readonly title: string;
  readonly message: string;
}

/** One annotation for all that a phase left: how much, the first causes, and which use of the action it is about. */
export function annotationOf(phase: PhaseReport, session: string | undefined, when: 'pre' | 'post'): Annotation {
  const what = when === 'pre' ? 'Pre-cleanup' : 'Cleanup';
  return {
    title: bounded(`${what} of session ${session ?? 'unknown'}`, LONGEST_TITLE),
    message: bounded(leftoverMessage(phase), LONGEST_MESSAGE),
  };
}

/** Escapes are longer than what they stand for: cut before, so that nothing huge is escaped, and after. */
function bounded(text: string, most: number): string {
  return clipped(plainLine(clipped(text, most)), most);
}

/** What is left, and the first causes with their counts. */
function leftoverMessage(phase: PhaseReport): string {
  const failed = phase.resources.filter(({ outcome }) => outcome === 'failed');
  const byCause = [...Map.groupBy(failed, ({ error }) => error ?? '')].sort(([, a], [, b]) => b.length - a.length);
  const causes = byCause
    .slice(0, MOST_CAUSES)
    .map(([error, { length }]) => (length > 1 ? `${length} × ${clipped(error, LONGEST_CAUSE)}` : clipped(error, LONGEST_CAUSE)));
  const more = byCause.length > MOST_CAUSES ? [`${byCause.length - MOST_CAUSES} other causes`] : [];
  const missing = phase.providers
    .filter(({ status }) => status === 'unavailable')
    .map(({ name, reason }) => clipped(`${name}: ${reason}`, LONGEST_CAUSE));
  return [verdictOf(phase).headline, ...causes, ...more, ...missing].join('; ');
}
