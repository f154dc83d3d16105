import type { Command, Option } from 'commander';
import { type Setting, type SettingKey, settings } from '../../config/settings';
import { path } from '../../config/types';

interface Candidate {
  readonly value: string;
  /** One line; may be empty. */
  readonly description: string;
}

export interface Candidates {
  readonly values: readonly Candidate[];
  /** Whether to offer files if there are no values. */
  readonly files: boolean;
}

const NONE: Candidates = { values: [], files: false };
const FILES: Candidates = { values: [], files: true };

/**
 * The candidates at the cursor.
 * @param words up to the cursor; the last one is incomplete
 */
export function candidates(program: Command, words: readonly string[]): Candidates {
  const { typed, current, option: assigned } = splitWords(words);
  const command = program.commands.find((one) => one.name() === typed[0]);
  if (command === undefined) return typed.length > 0 ? NONE : matching(commandsOf(program), current);
  const before = typed.slice(1);
  // Words after `--` belong to another program.
  if (before.includes('--')) return FILES;
  const last = assigned ?? before.at(-1);
  const option = last === undefined ? undefined : optionNamed(command, last);
  if (option !== undefined && (assigned !== undefined || option.required)) return valuesOf(option, current);
  if (current.startsWith('-')) return matching(optionsOf(command), current);
  const [argument] = command.registeredArguments;
  if (argument === undefined) return matching(optionsOf(command), current);
  const choices = argument.argChoices ?? [];
  return choices.length > 0 ? matching(choices.map(bare), current) : FILES;
}

interface SplitWords {
  readonly typed: readonly string[];
  readonly current: string;
  /** The option before `=`, if its value is being typed. */
  readonly option?: string;
}

/** `--sort=a` is one word in zsh and fish, and three in bash. */
function splitWords(words: readonly string[]): SplitWords {
  const typed = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const assignment = /^(--[^=]+)=(.*)$/.exec(current);
  if (assignment) return { typed, option: assignment[1] ?? '', current: assignment[2] ?? '' };
  const name = typed.at(-1) === '=' ? typed.at(-2) : current === '=' ? typed.at(-1) : undefined;
  return name === undefined ? { typed, current } : { typed, option: name, current: current === '=' ? '' : current };
}

function optionNamed(command: Command, name: string): Option | undefined {
  return command.options.find((option) => option.long === name || option.short === name);
}

function valuesOf(option: Option, current: string): Candidates {
  if (option.argChoices) return matching(option.argChoices.map(bare), current);
  const key = option.attributeName();
  if (!Object.hasOwn(settings, key)) return NONE;
  const { type }: Setting<unknown> = settings[key as SettingKey];
  return type === path ? FILES : matching((type.choices ?? []).map(bare), current);
}

function bare(value: string): Candidate {
  return { value, description: '' };
}

function commandsOf(program: Command): readonly Candidate[] {
  const commands = program.createHelp().visibleCommands(program);
  return commands.map((command) => ({ value: command.name(), description: command.description() }));
}

function optionsOf(command: Command): readonly Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ long, short, description }) =>
    [long, short].flatMap((name) => (name?.startsWith('--') ? [{ value: name, description: firstSentence(description) }] : [])),
  );
}

/** The text up to a default, an explanation or the next sentence. */
function firstSentence(description: string): string {
  return description.split(/[;:] | \(|\. |\.$/, 1)[0] ?? '';
}

function matching(all: readonly Candidate[], current: string): Candidates {
  return { values: all.filter(({ value }) => value.startsWith(current)), files: false };
}
