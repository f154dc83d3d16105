import { htmlEscape } from 'escape-goat';

/**
 * Makes foreign text safe for one line of a log or a terminal. Shows control characters (escape
 * sequences, line breaks, Unicode's direction marks) as codes, and breaks up what a CI system would
 * read as a command.
 */
export function plainLine(text: string): string {
  return text
    .replace(HIDDEN, (character) => visible(character))
    .replace(COMMAND_ANYWHERE, '## ')
    .replace(COMMAND_AT_START, '$1: :');
}

/** Control and format characters, line and paragraph separators. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Commands anywhere in a line: `##[error]` of GitHub, `##vso[…]` of Azure, `##teamcity[…]`.
 * https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
 */
const COMMAND_ANYWHERE = /##(?=\w*\[)/g;

/**
 * GitHub's commands at the start of a line: `::error::`.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
const COMMAND_AT_START = /^(\s*)::/;

function visible(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** Shortens a text to `max` characters, the last of which is an ellipsis. */
export function clipped(text: string, max: number): string {
  if (text.length <= max) return text;
  // A character has one or two code units.
  const characters = [...text.slice(0, max * 2 + 1)];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`;
}

/** Longer names and errors would leave no room for the table's other columns. */
const MAX_IN_CODE = 300;

/** Foreign text, shown literally. For HTML blocks only: elsewhere GitHub links addresses. */
export function htmlCode(text: string, max = MAX_IN_CODE): string {
  return `<code>${htmlText(clipped(text, max))}</code>`;
}

/**
 * Foreign text as one line of HTML: a blank line would end the HTML block, a line break a table's
 * row. Escapes Markdown too, which GitHub reads between inline elements.
 */
export function htmlText(text: string): string {
  return htmlEscape(plainLine(text)).replace(MARKDOWN, (character) => `&#${character.codePointAt(0)};`);
}

/** Characters with a meaning inside a line of GitHub's Markdown. */
const MARKDOWN = /[\\`*_{}[\]()!|~]/g;

/** Foreign text outside code. Breaks up mentions, which would notify people and teams. */
export function htmlProse(text: string): string {
  return htmlText(text).replaceAll('@', '@<wbr>');
}

/** Lines of foreign text as a block. An empty line would end the HTML block. */
export function htmlPre(lines: readonly string[]): string {
  const shown = lines.map((line) => htmlText(clipped(line, MAX_IN_CODE)));
  return `<pre>${shown.map((line) => (line.trim() === '' ? '&#32;' : line)).join('\n')}</pre>`;
}

/**
 * A fenced code block, whose fence is longer than any run of backticks in it.
 * https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function fenced(language: string, lines: readonly string[]): string {
  const content = lines.map(plainLine);
  const longest = Math.max(2, ...content.map((line) => Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length))));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...content, fence].join('\n');
}

/**
 * Foreign text for a Mermaid diagram: only letters, digits and harmless characters. Gantt charts
 * have no quoting: `:`, `#`, `;` and `%%` end a name, and HTML works.
 */
export function mermaidText(text: string, max: number): string {
  return clipped(text, max).replace(/[^\p{L}\p{N} …._/-]/gu, '_');
}

/**
 * Makes JSON safe for a log and a terminal, with the same value. Escapes control characters beyond
 * U+001F, which `JSON.stringify` leaves, and breaks up commands.
 */
export function plainJson(json: string): string {
  return json
    .replace(HIDDEN_IN_JSON, (character) =>
      Array.from(
        { length: character.length },
        (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
      ).join(''),
    )
    .replace(COMMAND_ANYWHERE, '\\u0023#');
}

/** Keeps line breaks: they only stand between values. */
const HIDDEN_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
