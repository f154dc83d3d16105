import type { Environment } from '../lib/environment';
import { BadSettings, type Config, parseConfig, type RawSettings } from './config';
import { type Setting, type SettingKey, settingKeys, settings } from './settings';

/**
 * Whether post reads the setting for itself: what main can't know yet, and what may not be saved, because the runner shows state in its
 * debug log. All others come from main: the runner evaluates inputs anew for post, with the environment as it is then.
 */
function isPostsOwn(key: SettingKey): boolean {
  const { secret }: Setting<unknown> = settings[key];
  return key === 'jobStatus' || secret === true;
}

/** Selects the settings that main saves for post. They hold no secret. */
export function savable(raw: RawSettings): RawSettings {
  return pick(raw, (key) => !isPostsOwn(key));
}

/** Main's settings with post's own. A setting that main did not save, or that can't be read any more, comes from the inputs. */
export function restored(saved: RawSettings, current: RawSettings): RawSettings {
  return { ...current, ...savable(saved) };
}

/**
 * Reads settings that main has accepted, whatever has become of them: another version of the action may not know a value. For each
 * that can't be read the input counts, and the default where that can't be read either.
 */
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
