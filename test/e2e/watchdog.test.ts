import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { readProcStat } from '../../src/lib/proc-stat';
import { docker, removeContainer } from '../support/engine/containers';
import type { Inputs, Job } from '../support/job/job';
import { bystander, newJob } from '../support/job/jobs';
import { Worker } from '../support/job/worker';
import { until } from '../support/until';

const TRACKING = 'github_11111111-2222-3333-4444-555555555555';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function jobWith(inputs: Inputs): Promise<{ readonly job: Job; readonly worker: Worker }> {
  const worker = await Worker.start();
  cleanups.push(() => worker.kill());
  const job = await newJob({ worker, inputs, env: { RUNNER_TRACKING_ID: TRACKING } });
  return { job, worker };
}

async function begun(inputs: Inputs = {}) {
  const { job, worker } = await jobWith(inputs);
  const main = await job.main();
  expect(main.exitCode, main.output).toBe(0);
  return { job, worker, env: Object.fromEntries(await job.exported()), session: await job.session() };
}

async function containersOf(session: string): Promise<number> {
  const filters = { label: [`${labels.session}=${session}`] };
  return (await docker.listContainers({ all: true, filters })).length;
}

async function removeContainersOf(session: string): Promise<void> {
  const filters = { label: [`${labels.session}=${session}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) await removeContainer(docker.getContainer(Id));
}

/** Processes with the session's directory in their command line: its proxy and watchdog. */
async function companionsOf(job: Job): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const lines = pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') }));
  return (await Promise.all(lines))
    .filter(({ line }) => /cleanup-proxy |proxy\/index\.js/.test(line) && line.includes(job.temp))
    .map(({ pid }) => pid);
}

const isRunning = (pid: number) => readProcStat(pid)?.hasEnded === false;

async function pidIn(job: Job, name: string): Promise<number> {
  const read = async () => Number(await readFile(join(job.temp, name), 'utf8').catch(() => ''));
  await until(`${name} runs`, async () => (await read()) > 0);
  const pid = await read();
  cleanups.push(() => isRunning(pid) && process.kill(pid, 'SIGKILL'));
  return pid;
}

/** Starts containers until it is ended. */
const HARNESS = `echo $$ > "$RUNNER_TEMP/harness"
while :; do docker run -d --network none "$IMAGE" sh -c 'sleep 3600; true'; sleep 0.1; done`;

/** A container that a later step starts. */
async function startedInStep(job: Job, env: Readonly<Record<string, string>>, command: readonly string[]): Promise<void> {
  const words = ['run', '-d', '--network', 'none', inject('image'), ...command];
  const { exitCode, output } = await (await job.startStep(['docker', ...words], env)).ended;
  expect(exitCode, output).toBe(0);
}

/** What must be true some seconds after the worker was killed. */
async function expectAllGone(job: Job, session: string): Promise<void> {
  await until('post ran in the runner’s place', async () => (await job.report().catch(() => undefined))?.phases.post != null);
  expect((await job.report()).phases.post?.verified).toBe(true);
  expect(await containersOf(session)).toBe(0);
  await until('the watchdog has ended', async () => (await companionsOf(job)).length === 0);
}

describe('when the runner is killed', () => {
  test('in a later step, its harness is ended, and all it started is gone', async () => {
    const { job, worker, env, session } = await begun();
    const stranger = await bystander();
    void job.startStep(['setsid', 'bash', '-c', HARNESS], { ...env, IMAGE: inject('image') });
    const harness = await pidIn(job, 'harness');
    await until('it starts containers', async () => (await containersOf(session)) > 1);

    await worker.kill();

    await expectAllGone(job, session);
    expect(isRunning(harness)).toBe(false);
    expect((await stranger.inspect()).State.Running).toBe(true);
  });

  test('while main runs the benchmark, the benchmark is ended, and all it started is gone', async () => {
    const { job, worker } = await jobWith({ run: HARNESS.replaceAll('$IMAGE', inject('image')) });
    const stranger = await bystander();
    void job.main();
    const harness = await pidIn(job, 'harness');
    const session = await job.session();
    await until('it starts containers', async () => (await containersOf(session)) > 1);

    await worker.kill();

    await expectAllGone(job, session);
    expect(isRunning(harness)).toBe(false);
    expect((await stranger.inspect()).State.Running).toBe(true);
  });

  test('with its post in the middle of the work, the watchdog ends what post began', async () => {
    const { job, worker, env, session } = await begun({ 'grace-period': '5s' });
    await startedInStep(job, env, ['sh', '-c', 'trap true TERM; while :; do sleep 3600 & wait; done']);
    const post = await job.startPostStep();
    await until(
      'post is at work',
      async () => (await readdir(join(job.temp, 'cleanup-action', session, 'cleanups')).catch(() => [])).length > 0,
    );

    process.kill(await post.pid, 'SIGKILL');
    await worker.kill();

    await expectAllGone(job, session);
  });

  test('with watchdog: false, nothing is done', async () => {
    const { job, worker, env, session } = await begun({ watchdog: 'false' });
    await startedInStep(job, env, ['sleep', '3600']);

    await worker.kill();

    await until('the proxy has ended', async () => (await companionsOf(job)).length === 0);
    expect(await containersOf(session)).toBe(1);
    await removeContainersOf(session);
  });
});

test('without a proxy, too, the job is watched', async () => {
  const { job, worker, session } = await begun({ proxy: 'false' });
  const marked = await docker.createContainer({
    Image: inject('image'),
    Cmd: ['sleep', '3600'],
    Labels: { [labels.session]: session },
  });
  await marked.start();

  await worker.kill();

  await expectAllGone(job, session);
});

test('after post, the watchdog has ended, and no key of the job is in its command line or its environment', async () => {
  const key = 'dtn_0123456789abcdef';
  const { job } = await begun({ daytona: 'false', 'daytona-api-key': key });
  const companions = await companionsOf(job);
  expect(companions.length).toBeGreaterThan(0);
  for (const pid of companions) {
    for (const file of ['cmdline', 'environ']) expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(key);
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('RUNNER_TRACKING_ID');
  }
  expect(await readFile(join(job.temp, 'cleanup-action', await job.session(), 'state.json'), 'utf8')).not.toContain(key);

  const post = await job.post();

  expect(post.exitCode, post.output).toBe(0);
  await until('the watchdog has ended', async () => (await companionsOf(job)).length === 0);
});
