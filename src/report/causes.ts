import type { ResourceReport } from './model';

/** A reason why resources are still there, and their number. */
export interface Cause {
  readonly error: string;
  readonly count: number;
}

/** Replaces the parts in which messages about several resources differ. */
const ELLIPSIS = '…';

/** UUIDs and hexadecimal ids, as engines and APIs put them into messages. */
const ID = /\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64})\b/gi;

/** The distinct errors of failed resources, most frequent first, ids and names ignored. */
export function causesOf(failed: readonly ResourceReport[]): readonly Cause[] {
  const groups = [...Map.groupBy(failed, withoutIds).values()].map((group) => {
    const [first] = group;
    const isSame = group.every(({ error }) => error === first?.error);
    return { error: (isSame ? first?.error : first && withoutIds(first)) ?? '', count: group.length };
  });
  return groups.sort((a, b) => b.count - a.count);
}

function withoutIds({ error, id, name }: ResourceReport): string {
  const own = [id, name].filter((text) => text.length > MIN_LENGTH);
  const message = own.reduce((text, word) => text.replaceAll(word, ELLIPSIS), error ?? '');
  return message.replace(ID, ELLIPSIS);
}

/** A shorter name may be a word of the message. */
const MIN_LENGTH = 3;
