import { htmlEscape } from 'escape-goat';

/**
 * Foreign text for one line of a log or a terminal: control characters (escape sequences, line breaks, and Unicode's invisible
 * direction marks) are shown as what they are, so that nothing can move the cursor or start a line of its own; `##[` is broken up,
 * because the runner looks for its old commands anywhere in a line.
 */
export function plainLine(text: string): string {
  return text.replace(HIDDEN, (character) => visible(character)).replaceAll('##[', '## [');
}

/** C0 and C1 controls, line separators, zero-width and bidirectional marks. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

function visible(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Foreign text inside HTML in a job summary: shown as it is, whatever it holds; Markdown and mentions do not work in it. */
export function htmlCode(text: string): string {
  return `<code>${htmlText(text)}</code>`;
}

/** Our own or foreign text inside an HTML element. One line: a blank line would end an HTML block in Markdown. */
export function htmlText(text: string): string {
  return htmlEscape(plainLine(text));
}
