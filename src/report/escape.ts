import { htmlEscape } from 'escape-goat';

/**
 * Makes foreign text safe for one line of a log or a terminal. Control characters (escape
 * sequences, line breaks, Unicode's invisible direction marks) are shown by their code, so that
 * they can't move the cursor, start a new line or turn text around. What a CI system would read as
 * a command is broken up by a blank.
 */
export function plainLine(text: string): string {
  return text
    .replace(HIDDEN, (character) => visible(character))
    .replace(COMMAND_ANYWHERE, '## ')
    .replace(COMMAND_AT_START, '$1: :');
}

/**
 * Control and format characters (escape, line feed, zero-width and bidirectional marks), line and
 * paragraph separators.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * `##[error]` and `##vso[task.setvariable …]` are commands anywhere in a line, of GitHub's runner
 * and of Azure's agent; TeamCity's are `##teamcity[…]`.
 * https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
 */
const COMMAND_ANYWHERE = /##(?=\w*\[)/g;

/**
 * `::error::` is a command of GitHub's runner at the start of a line only.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
const COMMAND_AT_START = /^(\s*)::/;

function visible(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** Shortens a text to `max` characters; the last one is an ellipsis where something was cut off. */
export function clipped(text: string, max: number): string {
  if (text.length <= max) return text;
  // A character is one or two code units, so more of them than this are never shown.
  const characters = [...text.slice(0, max * 2 + 1)];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`;
}

/** Longer names and errors would leave no room for the table's other columns. */
const MAX_IN_CODE = 300;

/**
 * Foreign text in a job summary, shown literally: neither Markdown nor mentions work in it. Use it
 * in HTML blocks only: elsewhere GitHub turns addresses into links.
 */
export function htmlCode(text: string, max = MAX_IN_CODE): string {
  return `<code>${htmlText(clipped(text, max))}</code>`;
}

/**
 * Foreign text as HTML. Characters with a meaning in Markdown are escaped too, because GitHub reads
 * Markdown between inline elements. The result is one line: a blank line would end the HTML block,
 * and a line break would end a table's row.
 */
export function htmlText(text: string): string {
  return htmlEscape(plainLine(text)).replace(MARKDOWN, (character) => `&#${character.codePointAt(0)};`);
}

/** Characters with a meaning inside a line of GitHub's Markdown. */
const MARKDOWN = /[\\`*_{}[\]()!|~]/g;

/**
 * Foreign text outside code, where GitHub looks for mentions: a break after each `@` keeps it from
 * notifying people and teams.
 */
export function htmlProse(text: string): string {
  return htmlText(text).replaceAll('@', '@<wbr>');
}

/** Lines of foreign text as a block. An empty line would end the HTML block: it becomes a blank. */
export function htmlPre(lines: readonly string[], max = MAX_IN_CODE): string {
  const shown = lines.map((line) => htmlText(clipped(line, max)));
  return `<pre>${shown.map((line) => (line.trim() === '' ? '&#32;' : line)).join('\n')}</pre>`;
}

/**
 * A fenced code block. The fence is longer than any run of backticks in the content, because a line
 * of as many backticks would end it.
 * https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function fenced(language: string, lines: readonly string[]): string {
  const content = lines.map(plainLine);
  const longest = Math.max(2, ...content.map((line) => Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length))));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...content, fence].join('\n');
}

/**
 * Foreign text in a line of a Mermaid diagram, reduced to letters, digits and a few harmless
 * characters. Mermaid has no quoting for Gantt charts: `:`, `#`, `;` and `%%` end a task's name,
 * and HTML in it is interpreted.
 */
export function mermaidText(text: string, max: number): string {
  return clipped(text, max).replace(/[^\p{L}\p{N} …._/-]/gu, '_');
}

/**
 * JSON that is safe for a log and a terminal, and parses to the same value. `JSON.stringify`
 * escapes control characters up to U+001F only; this escapes the others, and breaks up commands.
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

/** Line breaks stand between JSON's values only: `JSON.stringify` has escaped those in strings. */
const HIDDEN_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
