import type { Kind } from '../core/resource';
import { clipped } from './escape';
import type { PhaseReport, SparedReport, UnownedReport } from './model';
import { countKinds } from './words';

/**
 * A sentence about resources that a phase found and left alone, and how to change that. Settings
 * are in backticks.
 */
export interface UntouchedNote {
  /** No foreign text is in it. */
  readonly statement: string;
  readonly advice: string;
  /** Examples. Foreign text. */
  readonly names: readonly { readonly kind: Kind; readonly name: string }[];
  /** The number of resources that `names` leaves out. */
  readonly unnamed: number;
}

/** More or longer names would hide the sentence. */
const MAX_NAMES = 5;
const MAX_NAME = 80;

/** Explains why resources stay that appeared while the job ran, or that match. */
export function untouchedNotes({ unowned = [], spared = [] }: PhaseReport): readonly UntouchedNote[] {
  const bySparing = Map.groupBy(spared, ({ why }) => why);
  return [
    ...(unowned.length > 0 ? [note(unowned, unownedWords(unowned))] : []),
    ...[...bySparing].map(([why, groups]) => note(groups, SPARED[why])),
  ];
}

/** The parts of a note, for one resource and for several. */
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
  // Some of each kind.
  const each = Math.ceil(MAX_NAMES / groups.length);
  const names = groups
    .flatMap((group) => group.names.slice(0, each).map((name) => ({ kind: group.kind, name: clipped(name, MAX_NAME) })))
    .slice(0, MAX_NAMES);
  return { statement: `${countKinds(groups)} ${total === 1 ? one : many}`, advice, names, unnamed: total - names.length };
}
