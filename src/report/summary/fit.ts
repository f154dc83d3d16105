import { asError } from '../../lib/errors';
import { htmlCode } from '../escape';

/** A part of the job summary. */
export interface Section {
  /** Completes the line that replaces the section: "There was no room for …". */
  readonly title: string;
  /** A lower number is kept longer when space runs out. Does not change the order. */
  readonly priority: number;
  /** Markdown of whole blocks, or an empty text. Counts the items beyond `maxItems`. */
  readonly render: (maxItems: number) => string;
}

/** Numbers of items to try, down to bare counts. */
const MAX_ITEMS = [50, 10, 3, 0] as const;

/** Room for the lines that replace sections. Escaping turns a character into 24 bytes at most. */
const MAX_OF_ERROR = 60;
const POINTER_BYTES = 24 * MAX_OF_ERROR + 160;

/**
 * Renders all sections within `limit` bytes, as GitHub counts. Without room, sections of low
 * priority list fewer items, then only point to the report. A failing section is replaced by a
 * line.
 */
export function fitted(sections: readonly Section[], limit: number): string {
  let left = limit - sections.length * POINTER_BYTES;
  const shown = new Map<Section, string>();
  for (const section of sections.toSorted((a, b) => a.priority - b.priority)) {
    const text = largest(section, left);
    shown.set(section, text ?? `<p>There was no room for ${section.title}: see the report.</p>\n\n`);
    left -= text === undefined ? 0 : Buffer.byteLength(text);
  }
  return sections.map((section) => shown.get(section) ?? '').join('');
}

function largest({ title, render }: Section, limit: number): string | undefined {
  try {
    for (const maxItems of MAX_ITEMS) {
      const text = render(maxItems);
      if (text === '') return '';
      if (Buffer.byteLength(text) + 2 <= limit) return `${text}\n\n`;
    }
    return undefined;
  } catch (thrown) {
    return `<p>⚠️ Could not render ${title}: ${htmlCode(asError(thrown).message, MAX_OF_ERROR)}</p>\n\n`;
  }
}
