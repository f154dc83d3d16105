import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEntry } from '../../support/job/entry';

const SESSION = 'gh-1-1.3f9a1c22.k3v9q0xw';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'annotations-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** What an entry tells that has no engine. */
async function outputOf(
  phase: 'main' | 'post',
  inputs: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const given = Object.entries({ docker: 'false', daytona: 'false', 'grace-period': '1s', ...inputs });
  const { ended } = startEntry(phase, 'none', {
    PATH: process.env['PATH'],
    RUNNER_TEMP: directory,
    ...Object.fromEntries(given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    ...env,
  });
  return (await ended).output;
}

const annotationsIn = (output: string) => output.split('\n').filter((line) => /^::(warning|error|notice)/.test(line));
const state = (settings: object) => ({ STATE_main: JSON.stringify({ session: { id: SESSION, labels: {} }, settings }) });

describe('main', { timeout: 30_000 }, () => {
  it.each([
    ['ended with an error', { run: 'exit 3' }, 'Benchmark', 'The benchmark exited with code 3.'],
    ['could not be started', { run: 'true', shell: 'no-such-shell {0}' }, 'Main', 'shell: "no-such-shell" was not found.*'],
  ])('has one error, with the session, when the benchmark %s', async (_, inputs, title, message) => {
    const line = new RegExp(`^::error title=${title} of session gh-0-1\\.\\w+\\.\\w+::${message}$`);
    expect(annotationsIn(await outputOf('main', inputs))).toEqual([expect.stringMatching(line)]);
  });

  it('has one error, with the session, for all that must be there and is not', async () => {
    const output = await outputOf('main', { docker: 'true', daytona: 'true' }, { DOCKER_HOST: 'unix:///no/such.sock' });
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(/^::error title=Pre-cleanup of session gh-\S+::docker is set to true, .*; daytona is set to true, /),
    ]);
  });

  it('has one error for all inputs that can’t be read, and a line for each', async () => {
    const output = await outputOf('main', { retries: '-1', 'grace-period': 'soon' });
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(/^::error title=Bad input::2 problems: grace-period: "soon" .*; retries: "-1" /),
    ]);
    expect(output.match(/^Bad input: (grace-period|retries): /gm)).toHaveLength(2);
  });
});

describe('post', { timeout: 30_000 }, () => {
  it('has one warning, with the session, for all that went wrong, and a line for each', async () => {
    const settings = { docker: 'false', daytona: 'false', scope: 'job', metricsPath: '/dev/null/such.prom' };
    const output = await outputOf('post', {}, state(settings));
    expect(annotationsIn(output)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^::warning title=Cleanup of session ${SESSION}::3 problems: .*; scope: job can’t be kept: .*; The metrics could not be written`,
        ),
      ),
    ]);
    expect(output.match(/^Warning: /gm)).toHaveLength(3);
  });

  it('has none where all is well', async () => {
    expect(annotationsIn(await outputOf('post', {}, state({ docker: 'false', daytona: 'false' })))).toEqual([]);
  });
});
