import { clipped, plainLine } from './escape';
import type { PhaseReport } from './model';
import { verdictOf } from './verdict';

/** Characters. GitHub shows a few lines of an annotation. */
const MAX_TITLE = 100;
const MAX_CAUSE = 200;
const MAX_MESSAGE = 1_000;
const MAX_CAUSES = 3;

/** Of several troubles, so many are told, each in so many characters: the log has them all, and whole. */
const MAX_TROUBLES = 3;
const MAX_OF_SEVERAL = 300;

/** An annotation, whatever its level: one line of plain text. */
export interface Annotation {
  readonly title: string;
  readonly message: string;
}

/** Something that somebody should look at. */
export interface Trouble {
  /** Whose it is: `Cleanup`, `Benchmark`. */
  readonly of: string;
  /** One line. */
  readonly message: string;
}

/** One annotation for all of them: how many, the first of them, and which use of the action they are about. */
export function annotationOf(troubles: readonly Trouble[], session: string | undefined): Annotation {
  const sources = [...new Set(troubles.map(({ of }) => of))];
  return {
    title: bounded(`${sources.join(', ')} of session ${session ?? 'unknown'}`, MAX_TITLE),
    message: bounded(messageOf(troubles), MAX_MESSAGE),
  };
}

/** Escapes are longer than what they stand for: cut before, so that nothing huge is escaped, and after. */
function bounded(text: string, most: number): string {
  return clipped(plainLine(clipped(text, most)), most);
}

function messageOf(troubles: readonly Trouble[]): string {
  const [first, ...others] = troubles;
  if (first === undefined || others.length === 0) return first?.message ?? '';
  const told = troubles.slice(0, MAX_TROUBLES).map(({ message }) => clipped(message, MAX_OF_SEVERAL));
  const rest = troubles.length - told.length;
  return [
    `${troubles.length} problems: ${told[0]}`,
    ...told.slice(1),
    ...(rest > 0 ? [`and ${rest} more: see the log`] : []),
  ].join('; ');
}

/** What a phase left, and the first causes with their counts: one trouble, never one a resource. */
export function leftoversMessage(phase: PhaseReport): string {
  const failed = phase.resources.filter(({ outcome }) => outcome === 'failed');
  const byCause = [...Map.groupBy(failed, ({ error }) => error ?? '')].sort(([, a], [, b]) => b.length - a.length);
  const causes = byCause
    .slice(0, MAX_CAUSES)
    .map(([error, { length }]) => (length > 1 ? `${length} × ${clipped(error, MAX_CAUSE)}` : clipped(error, MAX_CAUSE)));
  const more = byCause.length > MAX_CAUSES ? [`${byCause.length - MAX_CAUSES} other causes`] : [];
  const missing = phase.providers
    .filter(({ status }) => status === 'unavailable')
    .map(({ name, reason }) => clipped(`${name}: ${reason}`, MAX_CAUSE));
  return [verdictOf(phase).headline, ...causes, ...more, ...missing].join('; ');
}
