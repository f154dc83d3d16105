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

/** Foreign text in a job summary: shown as it is, whatever it holds; neither Markdown nor mentions work in it. */
export function htmlCode(text: string): string {
  return `<code>${htmlText(text)}</code>`;
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
