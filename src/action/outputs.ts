import { exportVariable, setOutput } from '@actions/core';
import type { OutputName } from '../config/settings';
import type { SessionVariables } from '../session/session';

export function setOutputs(values: Partial<Record<OutputName, string | number>>): void {
  for (const [name, value] of Object.entries(values)) setOutput(name, value);
}

export function exportVariables(variables: SessionVariables): void {
  for (const [name, value] of Object.entries(variables)) exportVariable(name, value);
}
