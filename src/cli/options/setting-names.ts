import { BadSettings, type Problem, problemLine, type RawSettings } from '../../config/config';
import { inputName, type SettingKey, settingKeys } from '../../config/settings';
import type { Environment } from '../../config/types';
import { UsageError } from './usage-error';

/** `gracePeriod` is `--grace-period`. */
export function optionName(key: SettingKey): string {
  return `--${inputName(key)}`;
}

/** The variable that sets an option's default: `gracePeriod` is `CLEANUP_GRACE_PERIOD`. */
export function variableName(key: SettingKey): string {
  return `CLEANUP_${inputName(key).replaceAll('-', '_').toUpperCase()}`;
}

/** What was typed as options, and as variables where there was no option. */
export function withVariables(typed: RawSettings, env: Environment): RawSettings {
  return Object.fromEntries(
    settingKeys.flatMap((key) => {
      const value = typed[key] ?? env[variableName(key)];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/**
 * Reads settings, and names those that can't be read as they were typed: the option, or the variable.
 * @throws {UsageError} a line each
 */
export function asUsageErrors<T>(typed: RawSettings, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    throw new UsageError(error.problems.map((problem) => named(problem, typed)).join('\n'), { cause: error });
  }
}

/** By the option, or the variable, that it was typed as. */
function named(problem: Problem, typed: RawSettings): string {
  const { key } = problem;
  return problemLine(problem, typed[key] === undefined ? variableName(key) : optionName(key));
}
