import { appendFile } from 'node:fs/promises';

/** Adds to the job summary. Where the runner has none (old GitHub Enterprise Servers, other systems), nothing is written. */
export async function appendSummary(markdown: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const path = env['GITHUB_STEP_SUMMARY'];
  if (path) await appendFile(path, markdown);
}
