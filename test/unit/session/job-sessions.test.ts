import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionDirectory, sessionsOfJob } from '../../../src/session/job-sessions';

const ID = 'gh-1-1.0badcafe.aaaaaaaa';
const clock = { now: () => Date.now() };

let temp: string;
beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'job-sessions-'));
});
afterEach(() => rm(temp, { recursive: true, force: true }));

const sessions = (more: Readonly<Record<string, string>> = {}) => sessionsOfJob({ RUNNER_TEMP: temp, ...more }, clock);

describe('a session of this job', () => {
  it('is one that was announced', () => {
    const live = sessions({ CLEANUP_JOB_SESSIONS: `hook.1.host.runner ${ID}` });
    expect([live.has(ID), live.has('hook.1.host.runner'), live.has('gh-1-1.0badcafe.bbbbbbbb')]).toEqual([true, true, false]);
  });

  it('is one that has a directory, from the moment it is made', async () => {
    const live = sessions();
    expect(live.has(ID)).toBe(false);
    await mkdir(sessionDirectory({ RUNNER_TEMP: temp }, ID), { recursive: true });
    expect(live.has(ID)).toBe(true);
  });

  it('is not a file', async () => {
    await mkdir(join(temp, 'cleanup-action'));
    await writeFile(join(temp, 'cleanup-action', ID), '');
    expect(sessions().has(ID)).toBe(false);
  });

  it('is not one whose directory is older than any job', async () => {
    const directory = sessionDirectory({ RUNNER_TEMP: temp }, ID);
    await mkdir(directory, { recursive: true });
    const sixDaysAgo = Date.now() / 1000 - 6 * 24 * 3600;
    await utimes(directory, sixDaysAgo, sixDaysAgo);
    expect(sessions().has(ID)).toBe(false);
  });

  it.each(['.', '..', '../..', '', '/', 'a/../..', 'a\0b', 'x'.repeat(5_000)])(
    'is never found by a label that is the path of another directory: %j',
    (id) => {
      expect(sessions().has(id)).toBe(false);
    },
  );

  it('has no directory where the system’s temporary directory stands in for the runner’s: nothing empties it', async () => {
    const id = `test-${process.pid}.0badcafe.aaaaaaaa`;
    const directory = sessionDirectory({}, id);
    await mkdir(directory, { recursive: true });
    try {
      expect(sessionsOfJob({}, clock).has(id)).toBe(false);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
