import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PhaseReport } from '../../src/report/model';
import { ENDS_AT_SECOND_SIGTERM, HEEDS_NO_SIGTERM, HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import type { Job, JobOptions, Step } from '../support/job/job';
import { until } from '../support/until';

let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterEach(() => there.checkBystanders());
afterAll(() => there.stop());

async function postReport(job: Job): Promise<PhaseReport> {
  const { post } = (await job.report()).phases;
  if (post === null) throw new Error('the report has no post');
  return post;
}

/** A post that has sent stop signals to all of the job's containers, which use up their grace. */
async function postAmidStops(
  options: JobOptions = {},
): Promise<{ readonly job: Job; readonly session: string; readonly post: Step }> {
  const job = await there.begunJob({ ...options, inputs: { 'grace-period': '4s', ...options.inputs } });
  const session = await job.session();
  const containers = await there.leak(session, 4, ENDS_AT_SECOND_SIGTERM);
  const post = await job.startPost();
  await there.untilStopSignals(containers);
  return { job, session, post };
}

async function expectAllGone(job: Job, post: Step): Promise<void> {
  const { exitCode, output } = await post.ended;
  expect(exitCode, output).toBe(0);
  expect(output).not.toContain('::warning');
  expect(await postReport(job), output).toMatchObject({ verified: true, totals: { failed: 0, kept: 0 } });
  expect(await there.leftOf(await job.session())).toBe(0);
}

describe('an engine that', () => {
  test('is killed in the middle of the stops, and started again, loses everything', async () => {
    const { job, post } = await postAmidStops();

    await there.engine.kill();
    await there.engine.restart();

    await expectAllGone(job, post);
    expect((await postReport(job)).resources).toHaveLength(4);
  });

  test('is down when post starts, and comes back while post still asks, loses everything', async () => {
    // It asks for two minutes: a busy machine takes its time to start an engine.
    const job = await there.begunJob({ inputs: { 'retry-delay': '2s', retries: '6' } });
    await there.leak(await job.session(), 2, HONOURS_SIGTERM);
    await there.engine.kill();

    const post = await job.startPost();
    await until('post has begun to ask', () => post.output.includes('Cleanup'));
    await there.engine.restart();

    await expectAllGone(job, post);
    expect((await postReport(job)).resources).toHaveLength(2);
  });

  test('is down for the whole of post is reported when the retries are used up, long before the deadline', async () => {
    const job = await there.begunJob({ inputs: { 'fail-on-error': 'true' } });
    await there.leak(await job.session(), 1, HONOURS_SIGTERM);
    await there.engine.kill();

    const result = await job.post();

    expect(result.exitCode, result.output).toBe(1);
    expect(result.output.match(/^::(error|warning)/gm)).toEqual(['::error']);
    expect((await postReport(job)).providers).toMatchObject([
      { name: 'docker', status: 'unavailable', reason: expect.stringContaining('nothing listens there') },
      { name: 'daytona', status: 'skipped' },
      { name: 'kubernetes', status: 'skipped' },
    ]);
    await there.engine.restart();
    expect((await job.post()).exitCode).toBe(0);
    expect(await there.leftOf(await job.session())).toBe(0);
  });
});

describe('a socket that is deleted in the middle of the stops', () => {
  test('loses everything over the connections that are open', async () => {
    const { job, post } = await postAmidStops();

    await there.engine.removeSocket();
    await post.ended;
    await there.engine.restoreSocket();

    await expectAllGone(job, post);
  });

  test('with its engine leaves every container failed, in time, with the command that removes it', async () => {
    const times = { deadline: '8s', 'stop-timeout': '6s', 'kill-timeout': '1s', 'remove-timeout': '1s' };
    const { job, session, post } = await postAmidStops({ inputs: times });
    const startedAt = performance.now();

    await there.engine.removeSocket();
    await there.engine.kill();
    const { exitCode, output } = await post.ended;
    const tookMs = performance.now() - startedAt;
    await there.engine.restart();

    expect(tookMs, output).toBeLessThan(8_000 + 5_000);
    expect(exitCode, output).toBe(0);
    expect(output.match(/^::(error|warning)/gm)).toEqual(['::warning']);
    const { resources } = await postReport(job);
    for (const { id, outcome, command, error } of resources) {
      expect({ outcome, command }).toEqual({
        outcome: 'failed',
        command: `docker --host ${there.engine.url} rm --force --volumes ${id.slice(0, 12)}`,
      });
      expect(error).toContain('ENOENT');
    }
    expect(resources).toHaveLength(4);
    expect((await job.post()).exitCode).toBe(0);
    expect(await there.leftOf(session)).toBe(0);
  });
});

describe('two posts', () => {
  test.each(['success', 'failure'])('at once on the same session of a job that is a %s both end well', async (status) => {
    const job = await there.begunJob();
    job.status = status;
    await there.leak(await job.session(), 6, HEEDS_NO_SIGTERM);
    await there.leak(await job.session(), 6, HONOURS_SIGTERM);

    const posts = await Promise.all([job.post(), job.post()]);

    for (const { exitCode, output } of posts) {
      expect(exitCode, output).toBe(0);
      expect(output).not.toMatch(/^::(warning|error)/m);
      expect(output).not.toMatch(/^failed/m);
    }
    const said = (line: RegExp) => posts.filter(({ output }) => line.test(output)).length;
    expect([said(/^Everything is gone/m), said(/^Another process has cleaned up after this session/m)]).toEqual([1, 1]);
    expect((await job.report()).phases.post, 'the report of the one that cleaned').toMatchObject({ verified: true });
    expect((await job.report()).phases.post?.resources).toHaveLength(12);
    expect(await there.leftOf(await job.session())).toBe(0);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('of which the first ends in the middle by %s leave nothing', async (signal) => {
    const { job, post } = await postAmidStops();
    post.kill(signal);
    expect((await post.ended).signal).toBe(signal);

    await expectAllGone(job, await job.startPost());
  });
});

describe('a deadline', () => {
  test('shorter than anything still ends in time, with an outcome for every container', async () => {
    // Enough to list them, however busy the machine.
    const job = await there.begunJob({ inputs: { deadline: '3s', 'grace-period': '15s' } });
    await there.leak(await job.session(), 30, HEEDS_NO_SIGTERM);
    const startedAt = performance.now();

    const { exitCode, output } = await job.post();

    expect(performance.now() - startedAt, output).toBeLessThan(3_000 + 5_000);
    expect(exitCode).toBe(0);
    const { totals, resources } = await postReport(job);
    expect(resources).toHaveLength(30);
    expect(totals.killed + totals.gone + totals.failed).toBe(30);
    for (const { outcome, command } of resources) expect(command !== null).toBe(outcome === 'failed');
  });

  test('shorter than the grace period cuts it, and everything is gone', async () => {
    const times = { deadline: '8s', 'grace-period': '60s', 'kill-timeout': '2s', 'remove-timeout': '2s' };
    const job = await there.begunJob({ inputs: times });
    await there.leak(await job.session(), 5, HEEDS_NO_SIGTERM);

    await expectAllGone(job, await job.startPost());

    expect((await postReport(job)).totals.killed).toBe(5);
  });
});
