import type { HelpConfiguration } from 'commander';

/** The column of descriptions. After a longer option, the description starts a new line. */
const COLUMN = 30;
const INDENT = 2;

/** Longer lines are hard to read. */
const MAX_COLUMNS = 110;

/** @param columns the terminal's width, if any */
export function helpConfiguration(columns = MAX_COLUMNS): HelpConfiguration {
  return {
    helpWidth: Math.min(MAX_COLUMNS, columns),
    formatItem(term, _, description, helper) {
      const left = ' '.repeat(INDENT) + term;
      const width = Math.max(20, (helper.helpWidth ?? MAX_COLUMNS) - COLUMN);
      const text = helper.boxWrap(description, width).replaceAll('\n', `\n${' '.repeat(COLUMN)}`);
      return left.length < COLUMN - 1 ? left.padEnd(COLUMN) + text : `${left}\n${' '.repeat(COLUMN)}${text}`;
    },
  };
}
