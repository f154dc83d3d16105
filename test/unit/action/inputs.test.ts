import { afterEach, expect, it, vi } from 'vitest';
import { readInputs } from '../../../src/action/inputs';
import { inputName, settingKeys } from '../../../src/config/settings';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('reads an input for every setting, under the name that action.yml has', () => {
  for (const key of settingKeys) vi.stubEnv(`INPUT_${inputName(key).toUpperCase()}`, `of ${key}`);
  expect(readInputs()).toEqual(Object.fromEntries(settingKeys.map((key) => [key, `of ${key}`])));
});

it('leaves an input that was not typed empty, so that the default holds', () => {
  vi.stubEnv('INPUT_GRACE-PERIOD', '  10s ');
  const { gracePeriod, ...others } = readInputs();
  expect(gracePeriod).toBe('10s');
  expect(new Set(Object.values(others))).toEqual(new Set(['']));
});

it('keeps the lines of a list', () => {
  vi.stubEnv('INPUT_LABELS', 'team=a\nteam=b,keep\n');
  expect(readInputs().labels).toBe('team=a\nteam=b,keep');
});
