import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LiveSessions } from '../../../../src/cli/host/live-sessions';

let directory: string;
let live: LiveSessions;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-live-'));
  live = new LiveSessions(directory);
});

afterEach(() => rm(directory, { recursive: true, force: true }));

it('knows a session from its registration on', async () => {
  await live.register('mine');
  expect(live.has('mine')).toBe(true);
});

it('knows none before the first one', () => {
  expect(live.ids()).toEqual([]);
});

it('says that live sessions are not known without a state directory', () => {
  expect([live.areKnown, new LiveSessions(undefined).areKnown]).toEqual([true, false]);
});

it('registers nothing without a state directory, and stops nothing', async () => {
  const unknown = new LiveSessions(undefined);
  await expect(unknown.register('mine')).resolves.toHaveProperty('release');
  expect(unknown.ids()).toEqual([]);
});
