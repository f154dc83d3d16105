import { htmlEscape } from 'escape-goat';

/**
 * Foreign text for one line of a log or a terminal: control characters (escape sequences, line breaks, and Unicode's invisible
 * direction marks) are shown as what they are, so that nothing can move the cursor or start a line of its own; `##[` is broken up,
 * because the runner looks for its old commands anywhere in a line.
 */
export function plainLine(text: string): string {
  return text.replace(HIDDEN, (character) => visible(character)).replaceAll('##[', '## [');
}

/** Unicode's control and format characters (escape, line feed, zero-width and bidirectional marks), line and paragraph separators. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function visible(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** At most so many characters, the last of them an ellipsis where something was cut off. */
export function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  // A character is one or two code units: more of them than this are never shown.
  const characters = [...text.slice(0, most * 2 + 1)];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** Longer names and errors make a table of one column. */
const MAX_IN_CODE = 300;

/**
 * Foreign text in a job summary: shown as it is, whatever it holds; neither Markdown nor mentions work in it. It belongs into HTML
 * blocks only: GitHub makes links of addresses that stand anywhere else.
 */
export function htmlCode(text: string, most = MAX_IN_CODE): string {
  return `<code>${htmlText(clipped(text, most))}</code>`;
}

/**
 * Text as HTML that Markdown leaves alone, too: between inline elements it would go on reading links and emphasis. One line: a
 * blank line would end an HTML block, a line break a table's row.
 */
export function htmlText(text: string): string {
  return htmlEscape(plainLine(text)).replace(MARKDOWN, (character) => `&#${character.codePointAt(0)};`);
}

/** What means something in GitHub's Markdown inside a line. */
const MARKDOWN = /[\\`*_{}[\]()!|~]/g;

/** Text outside code, where GitHub looks for people and teams to call: an `@` is kept apart from what follows it. */
export function htmlProse(text: string): string {
  return htmlText(text).replaceAll('@', '@<wbr>');
}

/** Lines of foreign text as they stand in a terminal, in an HTML block. An empty line would end the block: it becomes a blank. */
export function htmlPre(lines: readonly string[], most = MAX_IN_CODE): string {
  const shown = lines.map((line) => htmlText(clipped(line, most)));
  return `<pre>${shown.map((line) => (line.trim() === '' ? '&#32;' : line)).join('\n')}</pre>`;
}

/** Longer than any run of backticks in it: a fence ends at a line of as many, or more. https://spec.commonmark.org/0.31.2/#fenced-code-blocks */
export function fenced(language: string, lines: readonly string[]): string {
  const content = lines.map(plainLine);
  const longest = Math.max(2, ...content.map((line) => Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length))));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...content, fence].join('\n');
}

/**
 * Foreign text inside a line of a Mermaid diagram: letters, digits and what never means anything there. Mermaid has no quoting that
 * holds in a Gantt chart: `:`, `#`, `;` and `%%` end a task's name, and HTML in it is shown as HTML.
 */
export function mermaidText(text: string, most: number): string {
  return clipped(text, most).replace(/[^\p{L}\p{N} …._/-]/gu, '_');
}
