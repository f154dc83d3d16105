import { appendFile } from 'node:fs/promises';
import { exportVariable, setOutput } from '@actions/core';
import type { OutputName } from '../config/settings';
import type { SessionVariables } from '../session/session';

export type OutputValues = Partial<Record<OutputName, string | number>>;

/** @throws what the runner's library does: the file may be on a full disk */
export function setOutputs(values: OutputValues): void {
  for (const [name, value] of Object.entries(values)) setOutput(name, value);
}

/** @throws what the runner's library does: the file may be on a full disk */
export function exportVariables(variables: SessionVariables): void {
  for (const [name, value] of Object.entries(variables)) exportVariable(name, value);
}

/** Adds to the job summary. Where the runner has none (old GitHub Enterprise Servers, other systems), nothing is written. */
export async function appendSummary(markdown: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const path = env['GITHUB_STEP_SUMMARY'];
  if (path) await appendFile(path, markdown);
}
