import { type Command, Option } from 'commander';
import { type Config, parseConfig, type RawSettings } from '../../config/config';
import { inputName, type Setting, type SettingKey, settingKeys, settings } from '../../config/settings';
import type { Environment } from '../../config/types';
import {
  boolean,
  duration,
  endpoints,
  integer,
  labelFilters,
  lines,
  number,
  path,
  positiveDuration,
  size,
} from '../../config/types';
import { asUsageErrors, optionName, withVariables } from './setting-names';
import { UsageError } from './usage-error';
import { NO_DEFAULT, WORDING } from './wording';

/** Settings that belong together, under one heading of the help. */
export interface SettingGroup {
  readonly heading: string;
  readonly keys: readonly SettingKey[];
}

export const PROVIDERS: SettingGroup = {
  heading: 'Where to look:',
  keys: ['docker', 'dockerHost', 'daytona', 'daytonaApiUrl', 'daytonaOrganizationId'],
};

export const REMOVAL: SettingGroup = {
  heading: 'How things are removed:',
  keys: [
    'gracePeriod',
    'deadline',
    'stopTimeout',
    'killTimeout',
    'removeTimeout',
    'retries',
    'retryDelay',
    'retryFactor',
    'skipGraceWhenDeaf',
    'concurrency',
    'failFast',
  ],
};

/** Where several can be typed: an option each, which the setting has as a line each. */
const LISTS: ReadonlySet<SettingKey> = new Set<SettingKey>(['labels', 'namePrefixes', 'dockerHost', 'resources']);

/** A shorter name where an option is typed once an item. */
const SINGULARS: { readonly [key in SettingKey]?: string } = { labels: '--label', namePrefixes: '--name-prefix' };

/** What stands for the value in the help. Types that are made for one setting have a word of their own. */
const PLACEHOLDERS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [duration, 'time'],
  [positiveDuration, 'time'],
  [size, 'size'],
  [path, 'path'],
  [endpoints, 'url'],
  [labelFilters, 'filter'],
  [lines, 'text'],
]);

/** Adds the options, which all take what the action's inputs take. */
export function addSettings(command: Command, { heading, keys }: SettingGroup): void {
  for (const key of keys) command.addOption(settingOption(key).helpGroup(heading));
}

function settingOption(key: SettingKey): Option {
  const setting: Setting<unknown> = settings[key];
  const option = new Option(flags(key, setting), describe(key, setting));
  return LISTS.has(key) ? option.argParser(oneMore) : option;
}

function flags(key: SettingKey, { type }: Setting<unknown>): string {
  const names = [SINGULARS[key], optionName(key)].filter((name) => name !== undefined).join(', ');
  // Without a value it is true.
  return type === boolean ? `${names} [true|false]` : `${names} <${placeholder(type)}>`;
}

/** Characters. What a longer one would say, the description says. */
const MAX_PLACEHOLDER = 16;

function placeholder(type: Setting<unknown>['type']): string {
  const known = PLACEHOLDERS.get(type);
  if (known !== undefined) return known;
  const words = acceptedWords(type).join('|');
  if (words !== '') return words.length <= MAX_PLACEHOLDER ? words : 'mode';
  return NUMBERS.has(type.accepts.split(' from ')[0] ?? '') ? 'number' : 'text';
}

/** How the types of numbers say what they take, whatever the least is. */
const NUMBERS: ReadonlySet<string> = new Set([integer(0), number(0)].map(({ accepts }) => accepts.split(' from ')[0] ?? ''));

function oneMore(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before}\n${value}`;
}

/** What the setting means, as plain text with the options' names for the inputs'; and its default. */
function describe(key: SettingKey, { description, default: byDefault }: Setting<unknown>): string {
  const text = (WORDING[key] ?? description).replace(/`([^`]+)`/g, (_, code: string) => (isOption(code) ? `--${code}` : code));
  return byDefault === '' || NO_DEFAULT.has(key) ? text : `${text.replace(/\.$/, '')} (default: ${byDefault})`;
}

/** Those of the action alone are none. */
const NO_OPTIONS: ReadonlySet<string> = new Set(['run', 'shell', 'summary', 'job-status']);

function isOption(name: string): boolean {
  return !NO_OPTIONS.has(name) && !isSecret(name) && settingKeys.some((key) => inputName(key) === name);
}

function isSecret(name: string): boolean {
  return settingKeys.some((key) => inputName(key) === name && (settings[key] as Setting<unknown>).secret === true);
}

/**
 * What a type names in its own words and takes: `session` and `job` of `one of session, job`. None where it takes any text.
 */
export function acceptedWords(type: Setting<unknown>['type']): readonly string[] {
  const takes = (text: string): boolean => {
    try {
      return type.parse(text, {}) !== undefined;
    } catch {
      return false;
    }
  };
  if (takes('no such word')) return [];
  return (type.accepts.match(/[a-z]\w*/g) ?? []).filter(takes);
}

/** Whoever types a secret has it in the list of processes, in the shell's history and in the log. */
export function refuseSecrets(command: Command): void {
  const secrets = settingKeys.filter((key) => isSecret(inputName(key)));
  for (const key of secrets) {
    command.addOption(new Option(`${optionName(key)} [secret]`).hideHelp());
    command.on(`option:${inputName(key)}`, () => {
      throw new UsageError(
        `${optionName(key)} is no option: everybody on this machine could read it. Set DAYTONA_API_KEY in the environment.`,
      );
    });
  }
}

/** All settings, from a command's options and the environment. */
export function readSettings(
  options: Readonly<Record<string, unknown>>,
  env: Environment,
): { readonly config: Config; readonly raw: RawSettings } {
  const typed: RawSettings = Object.fromEntries(
    settingKeys.flatMap((key) => {
      const value = options[key];
      // A switch without a value is true.
      return typeof value === 'string' || value === true ? [[key, String(value)]] : [];
    }),
  );
  const raw = withVariables(typed, env);
  return { config: asUsageErrors(typed, () => parseConfig(raw, env)), raw };
}
