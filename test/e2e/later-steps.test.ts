import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { docker } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import type { Inputs, Job } from '../support/job/job';
import { bystander } from '../support/job/jobs';
import { begunWatchedJob, isRunning, pidIn, TRACKING } from '../support/job/watched-job';
import { until } from '../support/until';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A job whose main has run; its later steps go through the proxy. */
async function begun(inputs: Inputs = {}) {
  const watched = await begunWatchedJob(inputs);
  expect(watched.env['DOCKER_HOST'], 'the proxy').not.toBe(dockerHost);
  return watched;
}

async function containersOf(session: string): Promise<number> {
  const filters = { label: [`${labels.session}=${session}`] };
  return (await docker.listContainers({ all: true, filters })).length;
}

/** Starts containers until it is ended. */
const HARNESS = `setsid bash -c 'echo $$ > "$RUNNER_TEMP/harness"
  while :; do docker run -d --network none "$IMAGE" sleep 3600; sleep 0.1; done' > /dev/null 2>&1 &
wait`;

/** A step whose harness is orphaned: the step is killed. */
async function orphanedHarness(job: Job, env: Readonly<Record<string, string>>): Promise<number> {
  const step = await job.startStep(['bash', '-c', HARNESS], { ...env, IMAGE: inject('image') });
  const harness = await pidIn(job, 'harness');
  process.kill(await step.pid, 'SIGKILL');
  const session = await job.session();
  const before = await containersOf(session);
  await until('it goes on', async () => (await containersOf(session)) > before + 1);
  return harness;
}

/** A process of its own session, as far from the job as its environment says. */
async function living(env: Readonly<Record<string, string | undefined>>): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['1000'], { env: { PATH: process.env['PATH'], ...env }, detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  cleanups.push(() => child.kill('SIGKILL'));
  return Object.assign(child, { pid: child.pid ?? 0 });
}

describe('a harness that outlives its step, and goes on starting containers', () => {
  test.each(['cancelled', 'failure'])(
    'is ended by post when the job’s status is %s, and all it started is gone',
    async (status) => {
      const { job, worker, env } = await begun();
      const stranger = await bystander();
      const harness = await orphanedHarness(job, env);
      const session = await job.session();
      const mark = { CLEANUP_SESSION_ID: session, RUNNER_TRACKING_ID: TRACKING };
      const others = await Promise.all([
        living({ ...mark, CLEANUP_SESSION_ID: 'gh-1-1.0badcafe.bystande' }),
        living({ ...mark, CLEANUP_SESSION_ID: `${session}1` }),
        living({ ...mark, CLEANUP_SESSION_ID: undefined }),
        living({ ...mark, RUNNER_TRACKING_ID: '' }),
      ]);
      job.status = status;

      const { exitCode, output } = await job.post();

      expect(exitCode, output).toBe(0);
      expect(output).toMatch(new RegExp(`Ending what later steps left running: .*bash \\(${harness}\\)`));
      expect(output).toMatch(new RegExp(`to outlive it: sleep \\(${others[3]?.pid}\\)\\.`));
      expect([isRunning(harness), await containersOf(session)]).toEqual([false, 0]);
      expect((await job.report()).phases.post?.verified).toBe(true);
      expect([...others.map(({ pid }) => pid), worker.pid ?? 0].map(isRunning)).toEqual([true, true, true, true, true]);
      expect((await stranger.inspect()).State.Running).toBe(true);
    },
  );
});

describe('processes of later steps are named, and go on', () => {
  test.each<[string, string, Inputs]>([
    ['after a success', 'success', {}],
    ['where post keeps everything', 'failure', { 'post-cleanup': 'never' }],
    ['in a dry run', 'cancelled', { 'dry-run': 'true' }],
  ])('%s', async (_, status, inputs) => {
    const { job, env } = await begun(inputs);
    const { pid } = await living({ ...env, RUNNER_TRACKING_ID: TRACKING });
    job.status = status;

    const { exitCode, output } = await job.post();

    expect(exitCode, output).toBe(0);
    expect(output).toMatch(new RegExp(`::warning.*later steps still run.*sleep \\(${pid}\\).*env -u CLEANUP_SESSION_ID`));
    expect(isRunning(pid)).toBe(true);
  });

  test('with names that can’t forge a command of the log', async () => {
    const { job, env } = await begun();
    const directory = await mkdtemp(join(tmpdir(), 'later-steps-'));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const program = join(directory, 'x\n::error::y');
    await symlink('/bin/sleep', program);
    const child = spawn(program, ['1000'], { env: { ...env, RUNNER_TRACKING_ID: TRACKING }, detached: true, stdio: 'ignore' });
    await once(child, 'spawn');
    cleanups.push(() => child.kill('SIGKILL'));

    const { output } = await job.post();

    expect(output).toContain(`(${child.pid})`);
    expect(output).not.toMatch(/^::error::y/m);
  });

  test('and nothing is said where nothing runs: of post itself, of its parents, of the proxy', async () => {
    const { job } = await begun();
    job.status = 'failure';
    const { output } = await job.post();
    expect(output).not.toMatch(/later steps|outlive/);
  });
});
