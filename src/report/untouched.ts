import type { Kind } from '../core/resource';
import { clipped } from './escape';
import type { PhaseReport, SparedReport, UnmatchedReport, UnownedReport } from './model';
import { countKinds } from './words';

/** Says which resources a phase left alone, and how to change that. Settings are in backticks. */
export interface UntouchedNote {
  /** Has no foreign text but filters, as they were written. */
  readonly statement: string;
  readonly advice: string;
  /** Foreign text. */
  readonly names: readonly { readonly kind: Kind; readonly name: string }[];
  /** The number of resources without a name in `names`. */
  readonly unnamed: number;
}

/** More or longer names would hide the sentence. */
const MAX_NAMES = 5;
const MAX_NAME = 80;

/**
 * Notes about new resources without an owner, matching ones that may be in use, and filters that
 * matched nothing.
 */
export function untouchedNotes({ unowned = [], spared = [], unmatched = [] }: PhaseReport): readonly UntouchedNote[] {
  const bySparing = Map.groupBy(spared, ({ why }) => why);
  return [
    ...(unowned.length > 0 ? [note(unowned, unownedWords(unowned))] : []),
    ...[...bySparing].map(([why, groups]) => note(groups, SPARED[why])),
    ...(unmatched.length > 0 ? [unmatchedNote(unmatched)] : []),
  ];
}

function unmatchedNote(unmatched: readonly UnmatchedReport[]): UntouchedNote {
  const shown = unmatched.slice(0, MAX_NAMES).map(({ setting, filter }) => `\`${setting}: ${clipped(filter, MAX_NAME)}\``);
  const rest = unmatched.length - shown.length;
  return {
    statement: `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} matched nothing that was still there.`,
    advice: 'If something should have matched, check the spelling.',
    names: [],
    unnamed: 0,
  };
}

/** The texts of a note. */
interface Words {
  readonly one: string;
  readonly many: string;
  readonly advice: string;
}

function unownedWords(unowned: readonly UnownedReport[]): Words {
  const isAboutImages = unowned.every(({ kind }) => kind === 'image');
  return {
    one: 'appeared while your job ran and carries no label: it stays.',
    many: 'appeared while your job ran and carry no label: they stay.',
    advice: isAboutImages
      ? 'To have images removed, add `images` to `resources`.'
      : 'To have such resources removed, start them with `--label-file "$CLEANUP_LABEL_FILE"`, or describe them in `labels` or `name-prefixes`.',
  };
}

const SPARED: Readonly<Record<SparedReport['why'], Words>> = {
  age: {
    one: 'matches but is younger than `max-age`, and its job may still be running: it stays.',
    many: 'match but are younger than `max-age`, and their job may still be running: they stay.',
    advice: 'Where no other job uses these labels or names at the same time, `pre-cleanup: all` removes such resources.',
  },
  'inherited-label': {
    one: 'may have its session’s label from its image: it stays.',
    many: 'may have their session’s label from their image: they stay.',
    advice: 'Build images without this label, and remove by hand what is not needed.',
  },
  'live-session': {
    one: 'matches but appeared while another job was running here: it stays.',
    many: 'match but appeared while another job was running here: they stay.',
    advice: 'Give each job labels or names of its own.',
  },
};

function note(groups: readonly UnownedReport[], { one, many, advice }: Words): UntouchedNote {
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const each = Math.ceil(MAX_NAMES / groups.length);
  const names = groups
    .flatMap((group) => group.names.slice(0, each).map((name) => ({ kind: group.kind, name: clipped(name, MAX_NAME) })))
    .slice(0, MAX_NAMES);
  return { statement: `${countKinds(groups)} ${total === 1 ? one : many}`, advice, names, unnamed: total - names.length };
}
