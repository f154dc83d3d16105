import { exportVariable, setOutput } from '@actions/core';
import type { OutputName } from '../config/settings';

export function setOutputs(values: Partial<Record<OutputName, string | number>>): void {
  for (const [name, value] of Object.entries(values)) setOutput(name, value);
}

/** What later steps, and the benchmark, label their resources with. */
export interface SessionVariables {
  readonly CLEANUP_SESSION_ID: string;
  readonly CLEANUP_LABEL: string;
  readonly CLEANUP_LABEL_FILE: string;
  /** This session and those of earlier uses of the action in the same job, separated by blanks: none of them is over. */
  readonly CLEANUP_JOB_SESSIONS: string;
}

export function exportVariables(variables: SessionVariables): void {
  for (const [name, value] of Object.entries(variables)) exportVariable(name, value);
}
