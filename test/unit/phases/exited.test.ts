import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../../src/config/config';
import { labels } from '../../../src/core/labels';
import { ofSession } from '../../../src/core/selector';
import { systemClock } from '../../../src/lib/clock';
import { sweepExited } from '../../../src/phases/exited';
import type { PhaseReport } from '../../../src/report/model';
import { FakeError, FakeProvider } from '../../support/fake-provider';

const SESSION = 'gh-1-1.aaaaaaaa.11111111';
const ours = { labels: { [labels.session]: SESSION } };
const exited = { ...ours, state: 'exited', running: false };

let provider: FakeProvider;
let benchmark: AbortController;
let held: Set<string>;

beforeEach(() => {
  vi.useFakeTimers();
  provider = new FakeProvider();
  benchmark = new AbortController();
  held = new Set();
});
afterEach(() => vi.useRealTimers());

/** Sweeps with a time to live of 60 s while `during` lets time pass; the benchmark ends with it. */
async function swept(during: () => Promise<unknown>): Promise<PhaseReport> {
  const connection = { name: 'fake', status: 'ready', provider, description: 'a fake', found: {} } as const;
  const phase = sweepExited({
    connections: [connection],
    config: parseConfig({}, {}),
    owned: ofSession(SESSION),
    canRemove: (container) => !held.has(container.id),
    ttlMs: 60_000,
    clock: systemClock,
    log: () => undefined,
    benchmark: benchmark.signal,
  });
  await during();
  benchmark.abort();
  await vi.advanceTimersByTimeAsync(0);
  return phase;
}

const idsOf = ({ resources }: PhaseReport) => resources.map(({ id }) => id);
const minutes = (number: number) => vi.advanceTimersByTimeAsync(number * 60_000);

describe('while the benchmark runs', () => {
  it('what has exited is removed when its time to live is over', async () => {
    provider.add({ ...exited, id: 'a' });
    expect(idsOf(await swept(() => minutes(2)))).toEqual(['a']);
  });

  it('what has exited stays until then', async () => {
    provider.add({ ...exited, id: 'a' });
    expect(idsOf(await swept(() => vi.advanceTimersByTimeAsync(55_000)))).toEqual([]);
  });

  it('what has exited stays until its log is kept', async () => {
    provider.add({ ...exited, id: 'a' });
    held.add('a');
    const phase = await swept(async () => {
      await minutes(3);
      expect(provider.count('remove')).toBe(0);
      held.clear();
      await minutes(1);
    });
    expect(idsOf(phase)).toEqual(['a']);
  });

  it('what runs, what has never run, and what is another session’s stays', async () => {
    provider.add({ ...ours, id: 'running' });
    provider.add({ ...ours, id: 'created', state: 'created', running: false });
    provider.add({ ...exited, id: 'theirs', labels: { [labels.session]: 'gh-9-1.bbbbbbbb.22222222' } });
    expect(idsOf(await swept(() => minutes(5)))).toEqual([]);
  });

  it('what can’t be removed is reported once, and left to post', async () => {
    provider.add({ ...exited, id: 'a' });
    provider.fail('remove', new FakeError('permanent'));
    expect((await swept(() => minutes(30))).totals).toMatchObject({ failed: 1, removed: 0 });
  });

  it('what is protected is not even listed', async () => {
    provider.add({ ...exited, id: 'a', protection: 'this action runs in it' });
    expect(idsOf(await swept(() => minutes(5)))).toEqual([]);
  });

  it('what is started again has its whole time to live when it exits again', async () => {
    const container = provider.add({ ...exited, id: 'a' });
    const phase = await swept(async () => {
      await vi.advanceTimersByTimeAsync(45_000);
      provider.change(container, { state: 'running', running: true });
      await vi.advanceTimersByTimeAsync(15_000);
      provider.change(container, { state: 'exited', running: false });
      await vi.advanceTimersByTimeAsync(50_000);
    });
    expect(idsOf(phase)).toEqual([]);
  });

  it('the end of the benchmark ends the sweep at once, even when the provider hangs', async () => {
    provider.add({ ...exited, id: 'a' });
    provider.fail('list', 'hang for ever');
    await expect(swept(() => minutes(1))).resolves.toMatchObject({ resources: [] });
  });
});
