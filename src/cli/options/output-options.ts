import { type Command, Option } from 'commander';
import type { Environment } from '../../lib/environment';
import { UsageError } from '../exit';
import { type Level, Output } from '../terminal/output';

/** As commander reads the options of `addOutputOptions`. */
export interface OutputOptions {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False with `--no-color`. */
  readonly color: boolean;
}

const HEADING = 'Output:';

/** Adds the options that every command has. */
export function addOutputOptions(command: Command): void {
  for (const option of [
    new Option('-q, --quiet', 'print only warnings, errors, and what was removed'),
    new Option('-v, --verbose', 'also print which providers are searched, and what is found'),
    new Option('--no-color', 'print without colours, as with NO_COLOR in the environment'),
  ]) {
    command.addOption(option.helpGroup(HEADING));
  }
  command.addHelpOption(new Option('-h, --help', 'show this help').helpGroup(HEADING));
}

/** @throws {UsageError} for options that exclude each other */
export function outputOf({ quiet, verbose, color }: OutputOptions, env: Environment): Output {
  if (quiet && verbose) throw new UsageError('--quiet and --verbose exclude each other');
  const level: Level = quiet ? 'quiet' : verbose ? 'verbose' : 'normal';
  return new Output({ level, color }, env);
}
