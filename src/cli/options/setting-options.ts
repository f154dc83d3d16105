import { type Command, Option } from 'commander';
import { BadSettings, type Config, type Problem, parseConfig, problemLine, type RawSettings } from '../../config/config';
import { inputName, type OptionGroup, type Setting, type SettingKey, settingKeys, settings } from '../../config/settings';
import { boolean } from '../../config/types';
import type { Environment } from '../../lib/environment';
import { UsageError } from '../exit';

/** As commander reads the options for settings. A switch without a value is `true`. */
export type SettingOptions = { readonly [K in SettingKey]?: string | true };

/** The help's heading for each group of settings. */
const HEADINGS: Readonly<Record<OptionGroup, string>> = {
  benchmark: 'The command:',
  ownership: 'Ownership:',
  timing: 'When to clean up:',
  removal: 'Removal:',
  providers: 'Providers:',
  files: 'The workspace, logs and reports:',
};

/** Adds an option for each setting of a group. */
export function addSettingGroup(command: Command, group: OptionGroup): void {
  const keys = settingKeys.filter((key) => settingOf(key).option?.group === group);
  addSettings(command, HEADINGS[group], keys);
}

/** Adds options for settings under a heading of the help. */
export function addSettings(command: Command, heading: string, keys: readonly SettingKey[]): void {
  for (const key of keys) command.addOption(settingOption(key).helpGroup(heading));
}

/** `gracePeriod` is `--grace-period`. */
export function optionName(key: SettingKey): string {
  return `--${inputName(key)}`;
}

/** The variable that sets an option's default: `gracePeriod` is `CLEANUP_GRACE_PERIOD`. */
export function variableName(key: SettingKey): string {
  return `CLEANUP_${inputName(key).replaceAll('-', '_').toUpperCase()}`;
}

function settingOf(key: SettingKey): Setting<unknown> {
  return settings[key];
}

function settingOption(key: SettingKey): Option {
  const { type } = settingOf(key);
  const option = new Option(flagsOf(key), descriptionOf(key));
  return type.isList ? option.argParser(appendLine) : option;
}

function flagsOf(key: SettingKey): string {
  const { type, option } = settingOf(key);
  const names = [option?.singular, optionName(key)].filter((name) => name !== undefined).join(', ');
  // A switch needs no value.
  return `${names} ${type === boolean ? `[${type.placeholder}]` : `<${type.placeholder}>`}`;
}

/** Settings take the items of a list one a line. */
function appendLine(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before}\n${value}`;
}

/** The setting's meaning and default as plain text, naming options instead of inputs. */
function descriptionOf(key: SettingKey): string {
  const { description, default: byDefault, option } = settingOf(key);
  const text = (option?.help ?? description).replace(/`([^`]+)`/g, (_, code: string) => (isOption(code) ? `--${code}` : code));
  return byDefault === '' || option?.hidesDefault ? text : `${text.replace(/\.$/, '')} (default: ${byDefault})`;
}

function isOption(name: string): boolean {
  return settingKeys.some((key) => inputName(key) === name && settingOf(key).option !== undefined);
}

export function isSecret(key: SettingKey): boolean {
  return settingOf(key).secret === true;
}

/** Refuses secrets as options: process lists, the shell's history and logs would show them. */
export function refuseSecrets(command: Command): void {
  for (const key of settingKeys.filter(isSecret)) {
    command.addOption(new Option(`${optionName(key)} [secret]`).hideHelp());
    command.on(`option:${inputName(key)}`, () => {
      throw new UsageError(
        `${optionName(key)} would be visible to every user of this machine; set ${variableName(key)} in the environment instead`,
      );
    });
  }
}

/** Settings as parsed, and as typed. */
export interface TypedSettings {
  readonly config: Config;
  readonly raw: RawSettings;
}

/**
 * Reads all settings from options, or else from variables.
 * @throws {UsageError} with a line for each option or variable that can't be read
 */
export function readSettings(options: SettingOptions, env: Environment): TypedSettings {
  const raw = rawSettings(options, env);
  try {
    return { config: parseConfig(raw, env), raw };
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    throw new UsageError(error.problems.map((problem) => usageLine(problem, options)).join('\n'), { cause: error });
  }
}

/** The settings that variables alone say, as typed. Secrets are among them. */
export function settingsFromVariables(env: Environment): RawSettings {
  return rawSettings({}, env);
}

function rawSettings(options: SettingOptions, env: Environment): RawSettings {
  return Object.fromEntries(
    settingKeys.flatMap((key) => {
      const value = options[key] ?? env[variableName(key)];
      return value === undefined ? [] : [[key, String(value)]];
    }),
  );
}

/** Names the setting by the option or variable that was typed. */
function usageLine(problem: Problem, options: SettingOptions): string {
  const { key } = problem;
  return problemLine(problem, options[key] === undefined ? variableName(key) : optionName(key));
}
