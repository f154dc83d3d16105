import type { Environment } from '../lib/environment';
import { BadSettings, type Config, parseConfig, type RawSettings } from './config';
import { type Setting, type SettingKey, settingKeys, settings } from './settings';

/**
 * Whether post reads the setting itself: secrets, because the runner's debug log shows state, and
 * what main can't know. All others come from main, because the runner evaluates inputs anew for
 * post.
 */
function isPostsOwn(key: SettingKey): boolean {
  const { secret }: Setting<unknown> = settings[key];
  return key === 'jobStatus' || secret === true;
}

/** Selects the settings that main saves for post. They contain no secret. */
export function savable(raw: RawSettings): RawSettings {
  return pick(raw, (key) => !isPostsOwn(key));
}

/** Main's settings, with the inputs for post's own and for what main did not save. */
export function restored(saved: RawSettings, current: RawSettings): RawSettings {
  return { ...current, ...savable(saved) };
}

/** Reads settings that main accepted. Replaces an unreadable value by the input, or the default. */
export function parseAccepted(saved: RawSettings, current: RawSettings, env: Environment): Config {
  let raw = restored(saved, current);
  for (const instead of [current, {}] satisfies readonly RawSettings[]) {
    try {
      return parseConfig(raw, env);
    } catch (error) {
      if (!(error instanceof BadSettings)) throw error;
      raw = { ...raw, ...Object.fromEntries(error.problems.map(({ key }) => [key, instead[key] ?? ''])) };
    }
  }
  return parseConfig(raw, env);
}

function pick(raw: RawSettings, wanted: (key: SettingKey) => boolean): RawSettings {
  return Object.fromEntries(settingKeys.filter((key) => wanted(key) && raw[key] !== undefined).map((key) => [key, raw[key]]));
}
