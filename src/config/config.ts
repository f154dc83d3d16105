import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import type { RetryPolicy } from '../reaper/retry';
import { inputName, type Setting, type SettingKey, settingKeys, settings } from './settings';
import type { SettingType } from './types';

type ValueOf<S> = S extends { readonly type: SettingType<infer T>; readonly optional: infer O }
  ? O extends true
    ? T | undefined
    : T
  : never;

/** All settings, read and checked. Durations are milliseconds. */
export type Config = { readonly [K in SettingKey]: ValueOf<(typeof settings)[K]> };

/** The user's text for each setting. Absent or blank: the default. */
export type RawSettings = { readonly [K in SettingKey]?: string };

/** A setting that can't be read. */
export interface Problem {
  readonly key: SettingKey;
  /** The value, and what is accepted. */
  readonly text: string;
}

/** Has one line for each bad setting: name, value, what is accepted. */
export class BadSettings extends Error {
  override readonly name = 'BadSettings';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => problemLine(problem)).join('\n'));
    this.problems = problems;
  }
}

/** @param name as the user knows it; default: the input's name */
export function problemLine({ key, text }: Problem, name = inputName(key)): string {
  return `${name}: ${text}`;
}

/** Characters shown of a value, and of its problem. */
const MAX_SHOWN = 80;
const MAX_DETAIL = 200;

/**
 * Reads and checks all settings at once.
 * @throws {BadSettings} with every bad setting
 */
export function parseConfig(raw: RawSettings, env: Environment): Config {
  const problems: Problem[] = [];
  const values = settingKeys.map((key) => {
    const setting: Setting<unknown> = settings[key];
    const given = raw[key]?.trim() ?? '';
    const typed = given === '' ? setting.default : given;
    if (typed === '') return [key, undefined];
    try {
      const value = setting.type.parse(typed, env);
      if (value !== undefined) return [key, value];
      problems.push({ key, text: problemWith(setting, typed) });
    } catch (error) {
      problems.push({ key, text: problemWith(setting, typed, asError(error).message) });
    }
    return [key, undefined];
  });
  if (problems.length > 0) throw new BadSettings(problems);
  return withRoomToStop(Object.fromEntries(values) as Config);
}

function problemWith(setting: Setting<unknown>, typed: string, detail?: string): string {
  const what = setting.secret ? 'its value' : JSON.stringify(shown(typed));
  const why = detail && !setting.secret ? `${shown(detail, MAX_DETAIL)} (in ${what})` : `${what} can’t be read`;
  return `${why}; use ${setting.type.accepts}`;
}

/** Hides an address's password, and its query, which may hold a token. */
function shown(text: string, max = MAX_SHOWN): string {
  const safe = text.replace(/:\/\/\S*@/g, '://***@').replace(/(:\/\/[^\s?#]*)[?#]\S*/g, '$1?***');
  return safe.length > max ? `${safe.slice(0, max)}…` : safe;
}

/** An engine answers a stop after the grace period, and may need 10 s more to kill. */
function withRoomToStop(config: Config): Config {
  const { stopTimeout, gracePeriod } = config;
  return stopTimeout > gracePeriod ? config : { ...config, stopTimeout: gracePeriod + 10_000 };
}

export type RetrySettings = Pick<Config, 'retries' | 'retryDelay' | 'retryFactor'>;

export function retryPolicy({ retries, retryDelay, retryFactor }: RetrySettings): RetryPolicy {
  return { retries, delayMs: retryDelay, factor: retryFactor };
}
