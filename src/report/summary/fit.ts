import { asError } from '../../lib/errors';
import { htmlCode } from '../escape';

/** A part of the job summary. */
export interface Section {
  /** Names the section in the line that replaces it where it can't be shown. */
  readonly title: string;
  /**
   * A lower number is kept longer when space runs out. It has no influence on the order in which
   * sections are shown.
   */
  readonly priority: number;
  /**
   * Returns Markdown of whole blocks; empty where there is nothing to say. It lists `maxItems`
   * items at most, and counts the others.
   */
  readonly render: (maxItems: number) => string;
}

/** The numbers of items to try, from more than most people read to the bare counts. */
const MAX_ITEMS = [50, 10, 3, 0] as const;

/**
 * Room for the lines that replace sections. Each character of an error may take 24 bytes when it is
 * escaped.
 */
const MAX_OF_ERROR = 60;
const POINTER_BYTES = 24 * MAX_OF_ERROR + 160;

/**
 * Renders all sections within `limit` bytes (GitHub counts bytes, not characters). Where there is
 * no room, sections of low priority list fewer items, then only point to the report. A section that
 * throws is replaced by a line that says so.
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
