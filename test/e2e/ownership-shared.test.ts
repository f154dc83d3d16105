import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { stateOf } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { until } from '../support/until';

let engine: EngineToBreak;
beforeAll(async () => {
  engine = await EngineToBreak.start();
});
afterAll(() => engine.stop());

describe('two runners with the same filters on one engine', () => {
  test.each([
    [
      'name-prefixes',
      (prefix: string) => ({ inputs: { 'name-prefixes': prefix }, container: { name: `${prefix}-${randomUUID()}` } }),
    ],
    ['labels', (team: string) => ({ inputs: { labels: `team=${team}` }, container: { labels: { team } } })],
  ])(
    'the post of one leaves alone what began while the other is at work, and the last one removes it (%s)',
    async (_, having) => {
      const { inputs, container } = having(`bench-${randomUUID().slice(0, 8)}`);
      const first = await engine.begunJob({ inputs });
      const early = await engine.start(container);
      await until('the second job is younger by more than clocks differ', async () => {
        return Date.now() - Date.parse((await early.inspect()).Created) > 4_000;
      });
      const second = await engine.begunJob({ inputs });
      const late = await engine.start({ ...container, ...('name' in container ? { name: `${container.name}-2` } : {}) });

      const { exitCode, output } = await first.post();

      expect(exitCode, output).toBe(0);
      expect([await stateOf(early), await stateOf(late)]).toEqual(['gone', 'running']);
      expect((await first.report()).phases.post).toMatchObject({
        spared: [{ kind: 'container', count: 1, why: 'live-session' }],
      });

      await second.post();

      expect(await stateOf(late)).toBe('gone');
      expect((await second.report()).phases.post).toMatchObject({ verified: true, spared: [] });
    },
  );

  test('a job whose runner’s directory was emptied is over', async () => {
    const prefix = `bench-${randomUUID().slice(0, 8)}`;
    const inputs = { 'name-prefixes': prefix };
    const [first, second] = [await engine.begunJob({ inputs }), await engine.begunJob({ inputs })];
    const container = await engine.start({ name: `${prefix}-1` });
    await second.remove();

    await first.post();

    expect(await stateOf(container)).toBe('gone');
  });

  test('a job with other filters has no say', async () => {
    const prefix = `bench-${randomUUID().slice(0, 8)}`;
    const first = await engine.begunJob({ inputs: { 'name-prefixes': prefix } });
    const second = await engine.begunJob({ inputs: { 'name-prefixes': 'other-' } });
    const container = await engine.start({ name: `${prefix}-1` });

    await first.post();

    expect(await stateOf(container)).toBe('gone');
    await second.post();
  });
});

describe('after a killed job with filters', () => {
  const prefix = `killed-${randomUUID().slice(0, 8)}`;

  test('the next pre-cleanup names what it keeps for its age, and `all` removes it', async () => {
    const killed = await engine.begunJob({ inputs: { 'name-prefixes': prefix } });
    const leftover = await engine.start({ name: `${prefix}-1` });
    const stranger = await engine.start({ name: `stranger-${prefix}` });
    await killed.remove();

    const next = await engine.begunJob({ inputs: { 'name-prefixes': prefix, 'post-cleanup': 'never' } });
    expect((await next.report()).phases.pre?.spared).toEqual([
      { provider: 'docker', kind: 'container', count: 1, why: 'age', names: [`${prefix}-1`] },
    ]);
    expect(await stateOf(leftover)).toBe('running');

    const last = await engine.begunJob({ inputs: { 'name-prefixes': prefix, 'pre-cleanup': 'all', 'grace-period': '10s' } });
    expect((await last.report()).phases.pre).toMatchObject({ totals: { graceful: 1 }, spared: [] });
    expect([await stateOf(leftover), await stateOf(stranger)]).toEqual(['gone', 'running']);
  });
});

test('what carries a session’s label is not reported for its age: that session may be at work', async () => {
  const container = await engine.start({ labels: { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' } });

  const job = await engine.begunJob();

  expect((await job.report()).phases.pre).toMatchObject({ resources: [], spared: [] });
  expect(await stateOf(container)).toBe('running');
});
