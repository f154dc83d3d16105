import type { HelpConfiguration } from 'commander';

/** Where descriptions begin. What is longer than that stands on a line of its own. */
const COLUMN = 30;
const INDENT = 2;

/** A longer line is hard to read. */
const MAX_COLUMNS = 110;

/** As wide as the terminal. */
export const HELP: HelpConfiguration = {
  helpWidth: Math.min(MAX_COLUMNS, process.stdout.columns ?? MAX_COLUMNS),
  formatItem(term, _, description, helper) {
    const left = ' '.repeat(INDENT) + term;
    const width = Math.max(20, (helper.helpWidth ?? MAX_COLUMNS) - COLUMN);
    const text = helper.boxWrap(description, width).replaceAll('\n', `\n${' '.repeat(COLUMN)}`);
    return left.length < COLUMN - 1 ? left.padEnd(COLUMN) + text : `${left}\n${' '.repeat(COLUMN)}${text}`;
  },
};
