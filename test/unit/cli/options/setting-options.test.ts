import { Command } from 'commander';
import { expect, it } from 'vitest';
import {
  addSettingGroup,
  optionName,
  readSettings,
  type SettingOptions,
  variableName,
} from '../../../../src/cli/options/setting-options';
import { type Setting, settingKeys, settings } from '../../../../src/config/settings';

const GROUPS = ['benchmark', 'ownership', 'timing', 'removal', 'providers', 'files'] as const;

/** What commander makes of the words. */
function typed(...words: readonly string[]): SettingOptions {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  for (const group of GROUPS) addSettingGroup(command, group);
  return command.parse([...words], { from: 'user' }).opts();
}

function config(words: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof readSettings>['config'] {
  return readSettings(typed(...words), env).config;
}

it('names options and variables after the inputs', () => {
  expect([optionName('skipGraceWhenDeaf'), variableName('skipGraceWhenDeaf')]).toEqual([
    '--skip-grace-when-deaf',
    'CLEANUP_SKIP_GRACE_WHEN_DEAF',
  ]);
});

it('takes the table’s defaults where nothing was said', () => {
  expect(config([])).toMatchObject({ gracePeriod: 5_000, retries: 3, dryRun: false });
});

it('takes a variable before the default', () => {
  expect(config([], { CLEANUP_GRACE_PERIOD: '7s' }).gracePeriod).toBe(7_000);
});

it('takes an option before the variable', () => {
  expect(config(['--grace-period', '9s'], { CLEANUP_GRACE_PERIOD: '7s' }).gracePeriod).toBe(9_000);
});

it('takes an empty variable for none', () => {
  expect(config([], { CLEANUP_GRACE_PERIOD: '' }).gracePeriod).toBe(5_000);
});

it('takes a switch without a value for true', () => {
  expect(config(['--dry-run']).dryRun).toBe(true);
});

it('takes a switch’s value', () => {
  expect(config(['--dry-run=false'], { CLEANUP_DRY_RUN: 'true' }).dryRun).toBe(false);
});

it('takes a list’s items one by one', () => {
  expect(config(['--docker-host', 'tcp://a:1', '--docker-host', 'tcp://b:2']).dockerHost).toEqual(['tcp://a:1', 'tcp://b:2']);
});

it('takes a list’s singular for the same', () => {
  expect(config(['--name-prefix', 'a', '--name-prefixes', 'b']).namePrefixes).toEqual(['a', 'b']);
});

it('names what can’t be read as it was typed, all of it', () => {
  expect(() => config(['--grace-period', 'x'], { CLEANUP_RETRIES: 'y' })).toThrow(
    /^--grace-period: "x".*\nCLEANUP_RETRIES: "y"/s,
  );
});

it('offers the words that a setting takes', () => {
  const choices = [settings.postCleanup, settings.docker, settings.dryRun].map(({ type }) => type.choices);
  expect(choices).toEqual([
    ['always', 'success', 'failure', 'never'],
    ['auto', 'true', 'false'],
    ['true', 'false'],
  ]);
});

it('has every word that a setting offers parsed by its type', () => {
  for (const key of settingKeys) {
    const { type }: Setting<unknown> = settings[key];
    for (const word of type.choices ?? []) expect(type.parse(word, {}), `${key}: ${word}`).not.toBeUndefined();
  }
});

it('describes every option in words of the command line', () => {
  const command = new Command();
  for (const group of GROUPS) addSettingGroup(command, group);
  for (const { description } of command.options) expect(description).not.toMatch(/`|\bmain\b|\bpost\b(?!-)|\bstep\b|\bjob’s\b/);
});

it('tells each option’s default', () => {
  const command = new Command();
  addSettingGroup(command, 'removal');
  for (const { description } of command.options) expect(description).toMatch(/\(default: .+\)$/);
});
