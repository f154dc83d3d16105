import type { RawSettings } from './config';
import { type Setting, type SettingKey, settingKeys, settings } from './settings';

/**
 * Settings that post reads for itself: what main can't know yet, and what may not be saved, because the runner shows state in its
 * debug log. All others come from main: the runner evaluates inputs anew for post, with the environment as it is then.
 */
function isPostsOwn(key: SettingKey): boolean {
  const { secret }: Setting<unknown> = settings[key];
  return key === 'jobStatus' || secret === true;
}

/** What main saves for post. Holds no secret. */
export function savable(raw: RawSettings): RawSettings {
  return pick(raw, (key) => !isPostsOwn(key));
}

/** Main's settings with post's own. */
export function restored(saved: RawSettings, current: RawSettings): RawSettings {
  return { ...pick(saved, (key) => !isPostsOwn(key)), ...pick(current, isPostsOwn) };
}

function pick(raw: RawSettings, wanted: (key: SettingKey) => boolean): RawSettings {
  return Object.fromEntries(settingKeys.filter((key) => wanted(key) && raw[key] !== undefined).map((key) => [key, raw[key]]));
}
