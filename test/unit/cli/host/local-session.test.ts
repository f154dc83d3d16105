import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionOrigin } from '../../../../src/action/runner';
import { localSession } from '../../../../src/cli/host/local-session';
import { runnerOf } from '../../../../src/core/labels';
import type { Environment } from '../../../../src/lib/environment';
import { newSession } from '../../../../src/session/session';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'origin-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const runner = async (stateDirectory: string, env: Environment = {}) => runnerOf((await localSession(env, stateDirectory)).id);

it.each(['', '.', '..', '.hidden', 'a/b', 'a b', 'x'.repeat(129)])(
  '%j is no id for a session: no lease could have its name',
  async (id) => {
    await expect(localSession({}, directory, id)).rejects.toThrow(/is not a session’s id; use 1 to 128 .* no dot first/);
  },
);

it('a session has the id that was chosen', async () => {
  const { id, labels } = await localSession({}, directory, 'nightly.7_a-b');
  expect([id, Object.values(labels).includes(id)]).toEqual(['nightly.7_a-b', true]);
});

describe('the runner of a session of the command line', () => {
  it('is the same for all processes that see each other', async () => {
    const [one, other] = [await runner(directory), await runner(directory)];
    expect(one).toBeDefined();
    expect(other).toBe(one);
  });

  it('is another one where processes do not see each other: a container with a home of its own and the host’s name', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'origin-'));
    try {
      expect(await runner(elsewhere)).not.toBe(await runner(directory));
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it('is unknown where nothing can be written down', async () => {
    expect(await runner(join(directory, 'not there'))).toBeUndefined();
  });

  it('is that of the action in a job of GitHub’s', async () => {
    const env = { RUNNER_NAME: 'bench-1', RUNNER_TEMP: '/runner/_work/_temp' };
    expect(await runner(directory, env)).toBe(runnerOf(newSession(sessionOrigin(env, hostname())).id));
  });

  it('is not that of a runner of GitHub’s by a name alone', async () => {
    expect(await runner(directory, { RUNNER_NAME: 'bench-1' })).toBe(await runner(directory));
  });
});
