import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { docker, HONOURS_SIGTERM, removeContainer, startContainer, stateOf } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { bystander, leak, newJob } from '../support/job/jobs';
import { until } from '../support/until';

describe('scope: job', () => {
  test('removes what was created since main’s start, unless another session owns it', async () => {
    await bystander();
    const job = await newJob({ inputs: { scope: 'job', 'grace-period': '0s' } });
    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    const fresh = await startContainer(HONOURS_SIGTERM);
    await bystander({ labels: { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' } });

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(fresh)).toBe('gone');
  });

  test('removes only the session’s own when main left no list of what was there', async () => {
    const job = await newJob({
      inputs: { scope: 'job', docker: 'true', retries: '0' },
      env: { DOCKER_HOST: 'unix:///no/such.sock' },
    });
    await job.main();
    await bystander();

    const post = await job.post({ DOCKER_HOST: dockerHost });

    expect(post.output.split('\n').filter((line) => /^::(warning|error)/.test(line))).toEqual([
      expect.stringMatching(/^::warning title=Cleanup of session gh-\S+::.*scope: job can’t be applied/),
    ]);
  });
});

test('a * in labels and name-prefixes is a wildcard: what it matches goes, and nothing else', async () => {
  const run = randomUUID();
  const project = 'com.docker.compose.project';
  const job = await newJob({ inputs: { labels: `${project}=bench-*-${run}`, 'name-prefixes': `sweb.eval.*.${run}` } });
  await job.main();
  await bystander({ labels: { [project]: `prod-1-${run}` } });
  await bystander({ name: `sweb.eval.django.other-${run}` });
  const owned = [
    await startContainer(HONOURS_SIGTERM, { labels: { [project]: `bench-1-${run}` } }),
    await startContainer(HONOURS_SIGTERM, { name: `sweb.eval.django.${run}` }),
  ];

  await job.post();

  expect(await Promise.all(owned.map(stateOf))).toEqual(['gone', 'gone']);
});

test('the rest of an owned container’s Compose project goes with it; a project that was there before stays', async () => {
  const [run, joined] = [`run-${randomUUID()}`, `joined-${randomUUID()}`];
  const project = 'com.docker.compose.project';
  const part = (of: string) => ({ [project]: of, 'com.docker.compose.container-number': '1' });
  const prod = await bystander({ labels: part(joined) });
  const job = await newJob();
  await job.main();
  const label = { [labels.session]: await job.session() };
  await startContainer(HONOURS_SIGTERM, { labels: { ...label, ...part(run) } });
  await startContainer(HONOURS_SIGTERM, { labels: { ...label, ...part(joined) } });
  const redeployed = await bystander({ labels: part(joined) });
  await startContainer(HONOURS_SIGTERM, { labels: part(run), name: `${run}-unlabelled` });
  await docker.createNetwork({ Name: `${run}_default`, Labels: { [project]: run } });
  await docker.createVolume({ Name: `${run}_data`, Labels: { [project]: run } });
  await bystander({ labels: { [project]: `${run}-of-others` } });

  const post = await job.post();

  expect(post.exitCode, post.output).toBe(0);
  expect((await docker.listNetworks({ filters: { label: [`${project}=${run}`] } })).length).toBe(0);
  expect((await docker.listVolumes({ filters: { label: [`${project}=${run}`] } })).Volumes).toEqual([]);
  const left = await docker.listContainers({ all: true, filters: { label: [project] } });
  expect(left.map(({ Labels }) => Labels[project]).toSorted()).toEqual([joined, joined, `${run}-of-others`].toSorted());
  const joinedIds = left.filter(({ Labels }) => Labels[project] === joined).map(({ Id }) => Id);
  expect(joinedIds.toSorted()).toEqual([prod.id, redeployed.id].toSorted());
});

describe('max-containers', () => {
  test('removes stopped ones, then the oldest, until so many are left', async () => {
    const prefix = `quota-${randomUUID()}`;
    const oldest = await startContainer(HONOURS_SIGTERM, { name: `${prefix}-1` });
    const stopped = await startContainer(['true'], { name: `${prefix}-2` });
    await until('it has exited', async () => (await stateOf(stopped)) === 'exited');
    await until('a second has passed: the engine tells whole seconds', async () => {
      return Date.now() - Date.parse((await stopped.inspect()).Created) > 1_100;
    });
    await bystander({ name: `${prefix}-3` });
    const job = await newJob({ inputs: { 'name-prefixes': prefix, 'max-containers': '1' } });

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect([await stateOf(oldest), await stateOf(stopped)]).toEqual(['gone', 'gone']);
  });
});

describe('the container that the action runs in', () => {
  /** What this machine's Node needs to run in a container that has nothing but busybox. */
  const libraries = ['/usr', '/lib', '/lib64'].map((path) => `${path}:${path}:ro`);

  test('is kept, though it carries the session’s label', async () => {
    const job = await newJob();
    await job.main();
    const leaked = await leak(job, HONOURS_SIGTERM);
    const { node, bundle, env } = await job.postProcess();
    const socket = dockerHost.replace('unix://', '');
    const own = await leak(job, [node, bundle], {
      create: { Env: Object.entries(env).map(([name, value]) => `${name}=${value}`) },
      hostConfig: {
        Binds: [...libraries, ...[dirname(node), dirname(bundle), job.directory, socket].map((path) => `${path}:${path}`)],
      },
    });

    const { StatusCode } = await own.wait();

    const log = String(await own.logs({ stdout: true, stderr: true }));
    const state = await stateOf(own);
    await removeContainer(own);
    expect(StatusCode, log).toBe(0);
    expect(state).toBe('exited');
    expect(await stateOf(leaked)).toBe('gone');
    const kept = (await job.report()).phases.post?.resources.filter(({ outcome }) => outcome === 'kept');
    expect(kept).toMatchObject([{ id: own.id, reason: 'this action runs in it' }]);
  });
});

describe('exited-ttl', () => {
  test('removes the session’s containers some time after their exit, while the benchmark runs', async () => {
    const job = await newJob({
      inputs: {
        run: 'echo started; while [ ! -e "$RUNNER_TEMP/enough" ]; do sleep 0.1; done',
        'exited-ttl': '1s',
        'grace-period': '10s',
      },
    });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const [exited, running] = [await leak(job, ['true']), await leak(job, HONOURS_SIGTERM)];

    await until('the exited one is gone', async () => (await stateOf(exited)) === 'gone');
    const state = await stateOf(running);
    await job.touch('enough');
    const { exitCode, output } = await main.ended;
    await job.post();

    expect(exitCode, output).toBe(0);
    expect(state).toBe('running');
    const report = await job.report();
    expect(report.phases.run?.resources).toMatchObject([{ id: exited.id, outcome: 'removed' }]);
    expect(report.phases.post?.resources).toMatchObject([{ id: running.id, outcome: 'graceful' }]);
  });
});

describe('delay', () => {
  test('is waited for before post cleans', async () => {
    const job = await newJob({ inputs: { delay: '2s' } });
    await job.main();
    const container = await leak(job, HONOURS_SIGTERM);
    const startedAt = performance.now();

    const post = await job.startPost();
    await until('it is asked to end', async () => (await stateOf(container)) !== 'running');

    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2_000);
    const { exitCode, output } = await post.ended;
    expect(exitCode).toBe(0);
    expect(output).toContain('Waiting 2s');
    expect(await stateOf(container)).toBe('gone');
  });
});
