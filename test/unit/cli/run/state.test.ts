import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunState, readState, statePath, writeState } from '../../../../src/cli/run/state';

const STATE: RunState = {
  sessionId: 'cli-me.0badcafe.aaaaaaaa',
  settings: { gracePeriod: '2s' },
  workingDirectory: '/work',
  startedAt: 1_700_000_000_000,
  command: 'make bench',
  found: { docker: { url: 'unix:///run/docker.sock', from: 'DOCKER_HOST' } },
  group: 4711,
  jobStatus: 'cancelled',
};

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'state-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('run’s state', () => {
  it('comes back as it was saved, the last one', () => {
    writeState(directory, { ...STATE, group: undefined });
    writeState(directory, STATE);
    expect(readState(directory)).toEqual(STATE);
  });

  it('is only for its user', () => {
    writeState(directory, STATE);
    expect(statSync(statePath(directory)).mode & 0o077).toBe(0);
  });

  it.each([1, 0, -1, 1.5, '4711', null])('has no process group %j, with which kill would mean others', (group) => {
    writeFileSync(statePath(directory), JSON.stringify({ ...STATE, group }));
    expect(readState(directory).group).toBeUndefined();
  });

  it.each(['', '{"sessionId":7}', '{"sessionId":"'])('is refused without a session: %j', (text) => {
    writeFileSync(statePath(directory), text);
    expect(() => readState(directory)).toThrow('no session');
  });

  it('loses what another version wrote differently', () => {
    writeFileSync(statePath(directory), JSON.stringify({ sessionId: 'mine', settings: 'none', found: [], startedAt: 'today' }));
    expect(readState(directory)).toMatchObject({ sessionId: 'mine', settings: {}, found: {}, jobStatus: 'cancelled' });
  });
});
