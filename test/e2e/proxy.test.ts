import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daytona } from '@daytona/sdk';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { start } from '../support/daytona/asking';
import { docker } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import type { Job } from '../support/job/job';
import { bystander, newJob } from '../support/job/jobs';
import { until } from '../support/until';

const execute = promisify(execFile);
const image = inject('image');

/** A later step: a program in the environment that main left. */
async function step(job: Job, program: string, ...args: readonly string[]): Promise<string> {
  const exported = Object.fromEntries(await job.exported());
  const { stdout } = await execute(program, args, { env: { ...process.env, ...exported, DOCKER_BUILDKIT: '0' } });
  return stdout.trim();
}

async function begun(options: Parameters<typeof newJob>[0] = {}): Promise<Job> {
  const job = await newJob(options);
  const main = await job.main();
  expect(main.exitCode, main.output).toBe(0);
  return job;
}

/** What `docker compose up` asks of an engine, for one service. */
async function composeUp(job: Job, project: string): Promise<void> {
  const labels = (kind: string, name: string) => [`com.docker.compose.project=${project}`, `com.docker.compose.${kind}=${name}`];
  const options = (kind: string, name: string) => labels(kind, name).flatMap((label) => ['--label', label]);
  await step(job, 'docker', 'network', 'create', '--internal', ...options('network', 'default'), `${project}_default`);
  await step(job, 'docker', 'volume', 'create', ...options('volume', 'data'), `${project}_data`);
  const service = [
    ...options('service', 'main'),
    ...options('container-number', '1'),
    '--name',
    `${project}-main-1`,
    '--network',
    `${project}_default`,
  ];
  await step(job, 'docker', 'run', '-d', ...service, '-v', `${project}_data:/data`, image, 'sleep', '3600');
}

async function namesWith(part: string): Promise<readonly string[]> {
  const filters = { name: [part] };
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  return [...containers.flatMap(({ Names }) => Names), ...networks.map(({ Name }) => Name), ...Volumes.map(({ Name }) => Name)];
}

describe('a job that labels nothing', () => {
  test('leaves no anonymous volume of a container that it removed itself; another’s stays', async () => {
    const job = await begun({ inputs: { 'grace-period': '0s' } });
    const volumeOf = async (id: string) => (await docker.getContainer(id).inspect()).Mounts[0]?.Name ?? '';
    const own = await step(job, 'docker', 'run', '-d', '--network', 'none', '-v', '/data', image, 'sleep', '3600');
    const past = await docker.createContainer({ Image: image, Cmd: ['true'], Volumes: { '/data': {} } });
    const volumes = [await volumeOf(own), await volumeOf(past.id)];
    onTestFinished(() => docker.getVolume(volumes[1] ?? '').remove());
    for (const id of [own, past.id]) await step(job, 'docker', 'rm', '-f', id);

    await job.post();

    const { Volumes } = await docker.listVolumes();
    expect(volumes.map((name) => Volumes.some(({ Name }) => Name === name))).toEqual([false, true]);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { removed: 1, failed: 0 } });
  });

  test('leaves nothing of what it made on the engine and on Daytona; what was made past the proxy stays', async () => {
    const server = await start();
    const daytona = { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey };
    const job = await begun({ inputs: { 'grace-period': '0s' }, env: daytona });
    const id = randomUUID().slice(0, 8);
    await bystander({ name: `past-${id}` });
    const theirs = server.add({ name: `past-${id}` });
    const network = await docker.createNetwork({ Name: `past-${id}`, Internal: true });
    onTestFinished(() => network.remove());

    await composeUp(job, `harness-${id}`);
    await step(
      job,
      'docker',
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      `plain-${id}`,
      '-v',
      `cache-${id}:/c`,
      image,
      'sleep',
      '3600',
    );
    const context = await mkdtemp(join(tmpdir(), 'proxy-context-'));
    onTestFinished(() => rm(context, { recursive: true }));
    await writeFile(join(context, 'Dockerfile'), `FROM ${image}\nENV BUILT=${id}\n`);
    await step(job, 'docker', 'build', '-q', '-t', `built-${id}`, context);
    onTestFinished(() => docker.getImage(`built-${id}`).remove({ force: true }));
    await step(job, 'docker', 'create', '--network', 'none', '--name', `from-build-${id}`, `built-${id}`, 'sleep', '1');
    const apiUrl = (await job.exported()).get('DAYTONA_API_URL') ?? '';
    const client = new Daytona({ apiKey: server.apiKey, apiUrl, target: 'us', useDeprecatedPolling: true });
    const sandbox = await client.create({ labels: { task: 'one' } });

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect((await namesWith(id)).toSorted()).toEqual([`/past-${id}`, `past-${id}`]);
    await until(
      'the sandbox is gone',
      () => server.get(sandbox.id) === undefined || server.get(sandbox.id)?.state === 'destroyed',
    );
    expect(server.get(theirs.id)?.state).toBe('started');
    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });

  test('leaves no sandbox of the OpenHands SDK, of which this makes the calls; another job’s of the same kind stays', async () => {
    const job = await begun({ inputs: { 'grace-period': '0s' } });
    const [own, theirs] = [randomUUID(), randomUUID()];
    await bystander({ name: `agent-server-${theirs}`, hostConfig: { AutoRemove: true } });
    const options = ['-d', '--rm', '--network', 'none', '--name', `agent-server-${own}`, '-e', 'PORT=8000'];
    await step(job, 'docker', 'run', ...options, image, 'sh', '-c', 'sleep 3600; true');

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect([await namesWith(own), await namesWith(theirs)]).toEqual([[], [`/agent-server-${theirs}`]]);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });

  test('the labelled kinds are reported in one line', async () => {
    const job = await newJob();
    expect((await job.main()).output).toContain(
      'Containers, networks and volumes that later steps create are labelled: DOCKER_HOST leads through a proxy.',
    );
  });

  test('has its benchmark’s containers labelled, too', async () => {
    const id = randomUUID().slice(0, 8);
    const job = await begun({
      inputs: { run: `docker run -d --network none --name bench-${id} ${image} sleep 3600`, 'grace-period': '0s' },
    });
    const { Labels } = (await docker.getContainer(`bench-${id}`).inspect()).Config;
    expect(Object.values(Labels)).toContain(await job.session());
    const post = await job.post();
    expect(post.exitCode, post.output).toBe(0);
    expect(await namesWith(id)).toEqual([]);
  });
});

describe('post', () => {
  test('ends the proxy, and leads what follows where main found the engine', async () => {
    const job = await begun();
    const exported = await job.exported();
    const socket = exported.get('DOCKER_HOST')?.replace('unix://', '') ?? '';
    expect(existsSync(socket)).toBe(true);
    // As the runner does: what main exported is in post's environment.
    const post = await job.post(Object.fromEntries(exported));
    expect(post.exitCode, post.output).toBe(0);
    expect((await job.exported()).get('DOCKER_HOST')).toBe(dockerHost);
    await until('the socket is gone', () => !existsSync(socket));
  });

  test('does without the proxy', async () => {
    const job = await begun();
    const id = randomUUID().slice(0, 8);
    await step(job, 'docker', 'run', '-d', '--network', 'none', '--name', `left-${id}`, image, 'sleep', '3600');
    const socket = (await job.exported()).get('DOCKER_HOST')?.replace('unix://', '') ?? '';
    await rm(socket);
    const post = await job.post({ DOCKER_HOST: `unix://${socket}` });
    expect(post.exitCode, post.output).toBe(0);
    expect(await namesWith(id)).toEqual([]);
  });
});

describe('proxy', () => {
  test('false exports nothing but the session', async () => {
    const job = await begun({ inputs: { proxy: 'false' } });
    expect([...(await job.exported()).keys()].filter((name) => !name.startsWith('CLEANUP_'))).toEqual(['INSPECT_HELM_LABELS']);
  });

  test('true fails main where there is nothing to stand before', async () => {
    const job = await newJob({ inputs: { proxy: 'true', docker: 'false', daytona: 'false' } });
    const { exitCode, output } = await job.main();
    expect(exitCode).toBe(1);
    expect(output).toContain('proxy is true, and there is no one engine');
  });

  test('auto stays away where steps use another engine than the action', async () => {
    const job = await begun({ inputs: { 'docker-host': dockerHost }, env: { DOCKER_HOST: undefined } });
    expect((await job.exported()).has('DOCKER_HOST')).toBe(false);
  });
});
