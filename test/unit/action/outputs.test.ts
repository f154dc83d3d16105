import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { appendSummary, exportVariables, setOutputs } from '../../../src/action/outputs';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'outputs-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

/** Makes a file that the runner reads, and returns its path. */
async function runnerFile(variable: string): Promise<string> {
  const path = join(directory, variable);
  await writeFile(path, '');
  vi.stubEnv(variable, path);
  return path;
}

/** The `name<<delimiter` blocks of a file that the runner reads. */
async function valuesIn(path: string): Promise<Readonly<Record<string, string>>> {
  const blocks = [...(await readFile(path, 'utf8')).matchAll(/^(.+?)<<(ghadelimiter_\S+)\n(.*?)\n\2$/gms)];
  return Object.fromEntries(blocks.map(([, name, , value]) => [name, value]));
}

describe('outputs', () => {
  it('reach the runner, numbers as text', async () => {
    const path = await runnerFile('GITHUB_OUTPUT');
    setOutputs({ 'session-id': 'gh-1-1.3f9a1c22.k3v9q0xw', removed: 3, failed: 0 });
    expect(await valuesIn(path)).toEqual({ 'session-id': 'gh-1-1.3f9a1c22.k3v9q0xw', removed: '3', failed: '0' });
  });

  it('that can’t be written are an error', () => {
    vi.stubEnv('GITHUB_OUTPUT', join(directory, 'no', 'such', 'file'));
    expect(() => setOutputs({ removed: 3 })).toThrow('Missing file');
  });
});

describe('variables', () => {
  it('reach later steps', async () => {
    const variables = { CLEANUP_SESSION_ID: 'a', CLEANUP_LABEL: 'b=a', CLEANUP_JOB_SESSIONS: 'c a', INSPECT_HELM_LABELS: 'a=b' };
    for (const name of Object.keys(variables)) vi.stubEnv(name, undefined); // Restored after the test.
    const path = await runnerFile('GITHUB_ENV');
    exportVariables(variables);
    expect(await valuesIn(path)).toEqual(variables);
  });
});

describe('the job summary', () => {
  it('is added to what the step has written', async () => {
    const path = join(directory, 'summary');
    await writeFile(path, 'Of another writer\n');
    await appendSummary('<p>Ours</p>\n', { GITHUB_STEP_SUMMARY: path });
    expect(await readFile(path, 'utf8')).toBe('Of another writer\n<p>Ours</p>\n');
  });

  it.each([{}, { GITHUB_STEP_SUMMARY: '' }])('is not written where the runner has none (%o)', async (env) => {
    await expect(appendSummary('<p>Ours</p>', env)).resolves.toBeUndefined();
  });

  it('that can’t be written is an error', async () => {
    await expect(appendSummary('<p>Ours</p>', { GITHUB_STEP_SUMMARY: directory })).rejects.toThrow('EISDIR');
  });
});
