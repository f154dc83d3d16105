import { getInput } from '@actions/core';
import type { RawSettings } from '../config/config';
import { inputName, settingKeys } from '../config/settings';

/** The action's inputs, as typed. */
export function readInputs(): RawSettings {
  return Object.fromEntries(settingKeys.map((key) => [key, getInput(inputName(key))]));
}
