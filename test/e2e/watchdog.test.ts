import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { jsonFilesIn } from '../../src/lib/small-file';
import { start } from '../support/daytona/asking';
import { whenReady } from '../support/engine/container-habits';
import { docker, HEEDS_NO_SIGTERM, removeContainer } from '../support/engine/containers';
import type { Job } from '../support/job/job';
import { bystander } from '../support/job/jobs';
import { begunWatchedJob, companionsOf, isRunning, pidIn, watchedJob } from '../support/job/watched-job';
import { textsIn } from '../support/texts-in';
import { until } from '../support/until';

async function containersOf(session: string): Promise<number> {
  const filters = { label: [`${labels.session}=${session}`] };
  return (await docker.listContainers({ all: true, filters })).length;
}

async function removeContainersOf(session: string): Promise<void> {
  const filters = { label: [`${labels.session}=${session}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) await removeContainer(docker.getContainer(Id));
}

/** Starts containers until it is ended. */
const HARNESS = `echo $$ > "$RUNNER_TEMP/harness"
while :; do docker run -d --network none "$IMAGE" sh -c 'sleep 3600; true'; sleep 0.1; done`;

/** A container that a later step starts; it is ready. */
async function startedInStep(job: Job, env: Readonly<Record<string, string>>, command: readonly string[]): Promise<void> {
  const words = ['run', '-d', '--network', 'none', inject('image'), ...command];
  const { exitCode, output } = await (await job.startStep(['docker', ...words], env)).ended;
  expect(exitCode, output).toBe(0);
  await whenReady(docker.getContainer(/^[0-9a-f]{64}$/m.exec(output)?.[0] ?? ''), command);
}

/** The file by which a post says that it is at work. */
function claimOf(job: Job, session: string): string | undefined {
  return jsonFilesIn(join(job.temp, 'cleanup-action', session, 'cleanups'))[0];
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
    const { job, worker, env, session } = await begunWatchedJob();
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
    const { job, worker } = await watchedJob({ run: HARNESS.replaceAll('$IMAGE', inject('image')) });
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
    const { job, worker, env, session } = await begunWatchedJob({ 'grace-period': '5s' });
    await startedInStep(job, env, HEEDS_NO_SIGTERM);
    const post = await job.startPostStep();
    await until('post is at work', () => claimOf(job, session) !== undefined);

    process.kill(await post.pid, 'SIGKILL');
    await worker.kill();

    await expectAllGone(job, session);
  });

  test('with watchdog: false, nothing is done', async () => {
    const { job, worker, env, session } = await begunWatchedJob({ watchdog: 'false' });
    await startedInStep(job, env, ['sleep', '3600']);

    await worker.kill();

    await until('the proxy has ended', async () => (await companionsOf(job)).length === 0);
    expect(await containersOf(session)).toBe(1);
    await removeContainersOf(session);
  });
});

test('what only the filters match stays: the runner’s next job may have made it', async () => {
  const prefix = `harness-${randomUUID().slice(0, 8)}`;
  const { job, worker, env, session } = await begunWatchedJob({ 'name-prefixes': `${prefix}-`, delay: '1h', scope: 'job' });
  await startedInStep(job, env, ['sleep', '3600']);
  await bystander({ name: `${prefix}-of-the-next-job` });

  await worker.kill();

  await expectAllGone(job, session);
});

test('of two uses of the action in a job, each cleans up after itself', async () => {
  const first = await begunWatchedJob();
  const { worker } = first;
  // The runner hands what the first exported to the second, whose engine is the first's proxy.
  const second = await begunWatchedJob({ 'grace-period': '4s' }, { worker, beside: first.job, env: first.env });
  expect((await second.job.stateFile()).includes(first.env['DOCKER_HOST'] ?? ''), 'the first’s proxy').toBe(true);
  await startedInStep(first.job, first.env, ['sleep', '3600']);
  // The first has ended its cleanup long before that.
  await startedInStep(second.job, second.env, HEEDS_NO_SIGTERM);

  await worker.kill();

  for (const { session } of [first, second]) {
    await until('nothing of it is left', async () => (await containersOf(session)) === 0);
  }
  await until('the watchdogs have ended', async () => (await companionsOf(first.job)).length === 0);
});

test('a watchdog’s post that is killed is started again', async () => {
  const { job, worker, env, session } = await begunWatchedJob({ 'grace-period': '5s' });
  await startedInStep(job, env, HEEDS_NO_SIGTERM);

  await worker.kill();
  await until('its post is at work', () => claimOf(job, session) !== undefined);
  const { process: post } = JSON.parse(await readFile(claimOf(job, session) ?? '', 'utf8'));
  process.kill(post.pid, 'SIGKILL');

  await expectAllGone(job, session);
});

test('without a proxy, too, the job is watched', async () => {
  const { job, worker, session } = await begunWatchedJob({ proxy: 'false' });
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
  const { job } = await begunWatchedJob({ daytona: 'false', 'daytona-api-key': key });
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

test('a key is in no file when a watchdog has cleaned up with it', async () => {
  const server = await start();
  const { job, worker, session } = await begunWatchedJob(
    {},
    { env: { DAYTONA_API_KEY: server.apiKey, DAYTONA_API_URL: server.url } },
  );
  const own = server.add({ labels: { [labels.session]: session } });
  const theirs = server.add({});

  await worker.kill();

  await expectAllGone(job, session);
  expect([server.get(own.id)?.state ?? 'destroyed', server.get(theirs.id)?.state]).toEqual(['destroyed', 'started']);
  const texts = await textsIn(job.directory);
  expect(texts.size).toBeGreaterThan(3);
  for (const [path, text] of texts) expect(text, path).not.toContain(server.apiKey);
});
