import { causesOf } from './causes';
import { clipped, plainLine } from './escape';
import { diskLine } from './lines';
import type { PhaseReport } from './model';
import { mayHaveLeft, shortOfDisk, verdictOf } from './verdict';

/** Characters. GitHub shows a few lines of an annotation. */
const MAX_TITLE = 100;
const MAX_CAUSE = 200;
const MAX_MESSAGE = 1_000;
const MAX_CAUSES = 3;
const MAX_DISK = 400;

/** Problems shown, and characters of each if there are several. The log has all in full. */
const MAX_PROBLEMS = 3;
const MAX_OF_SEVERAL = 300;

/** An annotation of any level: one line of plain text. */
export interface Annotation {
  readonly title: string;
  readonly message: string;
}

/** A problem that needs a person. */
export interface Trouble {
  /** The part of the action that has it: `Cleanup`, `Benchmark`. */
  readonly of: string;
  /** One line. */
  readonly message: string;
}

/** Joins all problems of one phase: their number, the first ones, and the session. */
export function annotationOf(troubles: readonly Trouble[], session: string | undefined): Annotation {
  const sources = [...new Set(troubles.map(({ of }) => of))];
  return {
    title: limited(`${sources.join(', ')} of session ${session ?? 'unknown'}`, MAX_TITLE),
    message: limited(messageOf(troubles), MAX_MESSAGE),
  };
}

/** Clips before escaping, to escape nothing huge, and after it, because escapes are longer. */
function limited(text: string, max: number): string {
  return clipped(plainLine(clipped(text, max)), max);
}

function messageOf(troubles: readonly Trouble[]): string {
  const [first, ...others] = troubles;
  if (first === undefined || others.length === 0) return first?.message ?? '';
  const shown = troubles.slice(0, MAX_PROBLEMS).map(({ message }) => clipped(message, MAX_OF_SEVERAL));
  const rest = troubles.length - shown.length;
  return [
    `${troubles.length} problems: ${shown[0]}`,
    ...shown.slice(1),
    ...(rest > 0 ? [`and ${rest} more: see the log`] : []),
  ].join('; ');
}

/** One message: the phase's headline, a full disk, frequent causes of failure, and unreachable providers. */
export function leftoversMessage(phase: PhaseReport): string {
  const causes = causesOf(phase.resources.filter(({ outcome }) => outcome === 'failed'));
  const shown = causes
    .slice(0, MAX_CAUSES)
    .map(({ error, count }) => `${count > 1 ? `${count} × ` : ''}${clipped(error, MAX_CAUSE)}`);
  const more = causes.length > MAX_CAUSES ? [`${causes.length - MAX_CAUSES} other causes`] : [];
  const missing = phase.providers
    .filter(({ status }) => status === 'unavailable')
    .map(({ name, reason }) => clipped(`${name}: ${reason}`, MAX_CAUSE));
  const disk = shortOfDisk(phase).map((goal) => clipped(diskLine(goal), MAX_DISK));
  return [...(mayHaveLeft(phase) ? [verdictOf(phase).headline] : []), ...disk, ...shown, ...more, ...missing].join('; ');
}
