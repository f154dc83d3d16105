import { type Command, Option } from 'commander';
import type { Environment } from '../../config/types';
import { type Level, Output } from '../terminal/output';
import { UsageError } from './usage-error';

const HEADING = 'What is shown:';

/** Adds what every command has. */
export function addOutputOptions(command: Command): void {
  for (const option of [
    new Option('-q, --quiet', 'only warnings, errors, and what was done if something was'),
    new Option('-v, --verbose', 'also what is looked at, and where'),
    new Option('--no-color', 'no colours; NO_COLOR in the environment does the same'),
  ]) {
    command.addOption(option.helpGroup(HEADING));
  }
  command.addHelpOption(new Option('-h, --help', 'this').helpGroup(HEADING));
}

/** @throws {UsageError} for what can't be had together */
export function outputOf(options: Readonly<Record<string, unknown>>, env: Environment): Output {
  const { quiet, verbose, color } = options;
  if (quiet === true && verbose === true) throw new UsageError('--quiet and --verbose can’t be had together');
  const level: Level = quiet === true ? 'quiet' : verbose === true ? 'verbose' : 'normal';
  return new Output({ level, color: color !== false }, env);
}
