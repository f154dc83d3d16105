import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/report/model';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { newSession, sweepSession } from '../support/engine/sweeping';
import type { Job, StepResult } from '../support/job/job';
import { until } from '../support/until';

const execute = promisify(execFile);

let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterEach(async () => {
  await there.engine.thaw();
  await there.checkBystanders();
});
afterAll(() => there.stop());

/** Milliseconds that post may take longer than its deadline. */
const MAX_OVER_MS = 5_000;

interface TimedResult extends StepResult {
  readonly tookMs: number;
}

async function timedPost(job: Job): Promise<TimedResult> {
  const startedAt = performance.now();
  const result = await job.post();
  return { ...result, tookMs: performance.now() - startedAt };
}

const annotations = ({ output }: StepResult) => output.split('\n').filter((line) => /^::(warning|error)/.test(line));

function postOf({ phases: { post } }: Report) {
  if (post === null) throw new Error('the report has no post');
  return post;
}

/** Waits until the frozen engine has that many connections more than now. */
async function untilAskedAgain(times: number): Promise<void> {
  const before = await there.engine.connections();
  await until(`the frozen engine is asked ${times} times`, async () => (await there.engine.connections()) >= before + times);
}

describe('an engine that is frozen', () => {
  test('when post starts, and thaws when post has given up its first question, loses everything', async () => {
    const job = await there.begunJob({ inputs: { 'grace-period': '10s' } });
    await there.leak(await job.session(), 3, HONOURS_SIGTERM);
    await there.engine.freeze();

    const post = await job.startPost();
    // The first one waits for 10 s.
    await untilAskedAgain(2);
    await there.engine.thaw();
    const result = await post.ended;

    expect(result.exitCode, result.output).toBe(0);
    expect(annotations(result)).toEqual([]);
    expect(postOf(await job.report())).toMatchObject({ verified: true, totals: { graceful: 3, failed: 0 } });
    expect(await there.leftOf(await job.session())).toBe(0);
  });

  test('when it is listed, and thaws, loses everything', async () => {
    const { session } = newSession();
    await there.leak(session, 3, HONOURS_SIGTERM);
    let frozenFor = 0;

    const result = await sweepSession(session, {
      url: there.engine.url,
      change: (provider) => ({
        ...provider,
        async list(kind, signal) {
          if (kind !== 'container' || frozenFor > 0) return provider.list(kind, signal);
          await there.engine.freeze();
          const startedAt = performance.now();
          const listing = provider.list(kind, signal);
          // Nothing shows that a question on an open connection waits: half a second is a hundred times what an answer takes.
          await until('the listing has waited', () => performance.now() - startedAt > 500);
          frozenFor = performance.now() - startedAt;
          await there.engine.thaw();
          return listing;
        },
      }),
    });

    expect(result.settlements.map(({ outcome }) => outcome)).toEqual(['graceful', 'graceful', 'graceful']);
    expect(result.verified).toBe(true);
  });

  test('in the middle of the stops, and thaws when it has been asked to kill, loses everything', async () => {
    const times = { 'grace-period': '5s', 'stop-timeout': '6s', 'kill-timeout': '1s', 'remove-timeout': '1s' };
    const job = await there.begunJob({ inputs: times });
    const session = await job.session();
    const containers = await there.leak(session, 5, HEEDS_NO_SIGTERM);

    const post = await job.startPost();
    await there.untilStopSignals(containers);
    await there.engine.freeze();
    // For each container: a look, after the stop's time is over, and a kill.
    await untilAskedAgain(5 * 2);
    await there.engine.thaw();
    const result = await post.ended;

    expect(result.exitCode, result.output).toBe(0);
    expect(annotations(result)).toEqual([]);
    const { verified, totals, resources } = postOf(await job.report());
    expect({ verified, killed: totals.killed }).toEqual({ verified: true, killed: 5 });
    expect(resources.map(({ steps }) => steps[0]?.result)).toEqual(Array.from({ length: 5 }, () => 'timeout'));
    expect(await there.leftOf(session)).toBe(0);
  });

  test('for the whole of post lets it end in time, and say so; the command that it names, or the next post, removes everything', async () => {
    const jobs = await Promise.all([
      there.begunJob({ inputs: { deadline: '4s' } }),
      there.begunJob({ inputs: { deadline: '4s', 'fail-on-error': 'true' } }),
    ]);
    for (const job of jobs) await there.leak(await job.session(), 1, HONOURS_SIGTERM);
    await there.engine.freeze();

    const results = await Promise.all(jobs.map(timedPost));

    for (const [index, result] of results.entries()) {
      expect(result.tookMs, result.output).toBeLessThan(4_000 + MAX_OVER_MS);
      expect(result.exitCode, result.output).toBe(index);
      expect(annotations(result)).toEqual([
        expect.stringMatching(/^::(warning|error) title=Cleanup of session gh-\S+::Not cleaned up: docker can’t be reached/),
      ]);
    }
    for (const job of jobs) {
      const { verified, providers, resources } = postOf(await job.report());
      expect({ verified, resources }).toEqual({ verified: false, resources: [] });
      const reason = `no Docker engine at ${there.engine.url} (DOCKER_HOST): the deadline of 4 s has passed`;
      expect(providers.find(({ name }) => name === 'docker')).toMatchObject({ status: 'unavailable', reason });
      expect(await job.summary()).toContain('Not cleaned up: docker can’t be reached');
    }
    await there.engine.thaw();
    const [first, second] = jobs;
    await execute('bash', [
      '-c',
      postOf(await first.report()).providers.find(({ name }) => name === 'docker')?.command ?? 'false',
    ]);
    expect((await second.post()).exitCode).toBe(0);
    expect(await Promise.all(jobs.map(async (job) => there.leftOf(await job.session())))).toEqual([0, 0]);
  });

  test('from the first stop to the end of post leaves every container failed, with the command that removes it', async () => {
    // The engine must be frozen before the grace is over.
    const times = { deadline: '10s', 'grace-period': '5s', 'stop-timeout': '6s', 'kill-timeout': '1s', 'remove-timeout': '1s' };
    const job = await there.begunJob({ inputs: times });
    const session = await job.session();
    const containers = await there.leak(session, 3, HEEDS_NO_SIGTERM);
    const startedAt = performance.now();

    const post = await job.startPost();
    await there.untilStopSignals(containers);
    await there.engine.freeze();
    const result = await post.ended;

    expect(performance.now() - startedAt, result.output).toBeLessThan(10_000 + MAX_OVER_MS);
    expect(result.exitCode).toBe(0);
    expect(annotations(result)).toHaveLength(1);
    expect(annotations(result)[0]).toContain('3 containers are left behind: action needed');
    const { resources } = postOf(await job.report());
    const ends = resources.map(({ id, outcome, command }) => ({ id, outcome, command }));
    const expected = containers.map(({ id }) => ({
      id,
      outcome: 'failed',
      command: `docker --host ${there.engine.url} rm --force --volumes ${id.slice(0, 12)}`,
    }));
    expect(ends).toHaveLength(3);
    expect(ends).toEqual(expect.arrayContaining(expected));
    for (const { command } of expected) expect(result.output).toContain(command);
    for (const { steps } of resources) expect(steps.map(({ action }) => action)).toEqual(['stop', 'kill', 'remove']);
  });

  test('while main cleans does not hold up the job, and post finds it thawed', async () => {
    const job = await there.job({ inputs: { deadline: '2s', run: 'echo started' } });
    await there.engine.freeze();

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(main.output).toContain('started');
    expect(main.output).toContain('docker: unavailable: no Docker engine at');
    expect(annotations(main)).toEqual([expect.stringMatching(/^::warning .*docker can’t be reached/)]);
    await there.engine.thaw();
    await there.leak(await job.session(), 1, HONOURS_SIGTERM);
    const post = await job.post();
    expect(post.exitCode, post.output).toBe(0);
    expect(await there.leftOf(await job.session())).toBe(0);
  });
});
