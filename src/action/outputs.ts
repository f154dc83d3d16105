import { appendFile } from 'node:fs/promises';
import { exportVariable, setOutput } from '@actions/core';
import type { OutputName } from '../config/settings';
import type { SessionVariables } from '../session/session';

export type OutputValues = Partial<Record<OutputName, string | number>>;

/** @throws the library's errors: the file may be on a full disk */
export function setOutputs(values: OutputValues): void {
  for (const [name, value] of Object.entries(values)) setOutput(name, value);
}

/** @throws the library's errors: the file may be on a full disk */
export function exportVariables(variables: SessionVariables): void {
  for (const [name, value] of Object.entries(variables)) exportVariable(name, value);
}

/** Adds to the job summary. Does nothing if the runner has none, such as an old GitHub server. */
export async function appendSummary(markdown: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const path = env['GITHUB_STEP_SUMMARY'];
  if (path) await appendFile(path, markdown);
}
