import { asError } from '../../lib/errors';
import { htmlCode } from '../escape';

/** A part of the job summary. */
export interface Section {
  /** What it is about, for the line that stands in its place where it can't be shown. */
  readonly title: string;
  /** Who may stay when there is no room for all: the least first. Sections are shown in the order in which they are given. */
  readonly priority: number;
  /** Markdown of whole blocks; empty where there is nothing to say. `most`: how many items it may list; it counts the others. */
  readonly render: (most: number) => string;
}

/** How much of a section is tried, from all that anybody would read to no more than its counts. */
const MAX_ITEMS = [50, 10, 3, 0] as const;

/** Room for the lines that stand in for sections: an error's every character may take 24 bytes when it is escaped. */
const MAX_OF_ERROR = 60;
const POINTER_BYTES = 24 * MAX_OF_ERROR + 160;

/**
 * All sections within `limit` bytes (not characters: GitHub counts bytes). Where there is no room, those of low priority list less,
 * then point to the report. One that throws is a line that says so: it takes none of the others along.
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
    for (const most of MAX_ITEMS) {
      const text = render(most);
      if (text === '') return '';
      if (Buffer.byteLength(text) + 2 <= limit) return `${text}\n\n`;
    }
    return undefined;
  } catch (thrown) {
    return `<p>⚠️ Could not tell of ${title}: ${htmlCode(asError(thrown).message, MAX_OF_ERROR)}</p>\n\n`;
  }
}
