import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { annotationsIn, entryEnvironment, startEntry } from '../../support/job/entry';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'main-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function outputOf(inputs: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { ended } = startEntry('main', 'none', { ...entryEnvironment(directory, inputs), ...env });
  return (await ended).output;
}

describe('main', { timeout: 30_000 }, () => {
  it.each([
    ['ended with an error', { run: 'exit 3' }, 'Benchmark', 'The benchmark exited with code 3.'],
    ['could not be started', { run: 'true', shell: 'no-such-shell {0}' }, 'Main', 'shell: "no-such-shell" was not found.*'],
  ])('has one error, with the session, when the benchmark %s', async (_, inputs, title, message) => {
    const line = new RegExp(`^::error title=${title} of session gh-0-1\\.\\w+\\.\\w+::${message}$`);
    expect(annotationsIn(await outputOf(inputs))).toEqual([expect.stringMatching(line)]);
  });

  it('has one error, with the session, for all that must be there and is not', async () => {
    const output = await outputOf({ docker: 'true', daytona: 'true' }, { DOCKER_HOST: 'unix:///no/such.sock' });
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(/^::error title=Pre-cleanup of session gh-\S+::docker is set to true, .*; daytona is set to true, /),
    ]);
  });

  it('has one error for all inputs that can’t be read, and a line for each', async () => {
    const output = await outputOf({ retries: '-1', 'grace-period': 'soon' });
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(/^::error title=Bad input::2 problems: grace-period: "soon" .*; retries: "-1" /),
    ]);
    expect(output.match(/^Bad input: (grace-period|retries): /gm)).toHaveLength(2);
  });
});
