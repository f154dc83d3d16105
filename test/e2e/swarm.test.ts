import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { freePort } from '../support/free-port';
import { until } from '../support/until';

let engine: EngineToBreak;
beforeAll(async () => {
  const [engineAt, swarm, data] = [await freePort(), await freePort(), await freePort()];
  // Listening there, it has the machine's network, whose 127.0.0.1 a manager needs.
  engine = await EngineToBreak.start({ dockerdArguments: ['--host', `tcp://127.0.0.1:${engineAt}`] });
  await engine.engine.docker.swarmInit({
    AdvertiseAddr: '127.0.0.1',
    ListenAddr: `127.0.0.1:${swarm}`,
    DataPathPort: data,
  });
});
afterAll(() => engine.stop());

/** A service whose one container carries the labels, and is made anew whenever it goes. */
async function service(name: string, own: Record<string, string>): Promise<void> {
  await engine.engine.docker.createService({
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: 'cleanup-action-test:faults', Command: ['sleep', '3600'], Labels: own, StopGracePeriod: 1e9 },
      RestartPolicy: { Condition: 'any', Delay: 100_000_000 },
    },
    Mode: { Replicated: { Replicas: 1 } },
  });
  await until(`a container of ${name} runs`, async () => (await running(name)).length === 1);
}

/** Ids of the service's containers that run. */
async function running(name: string): Promise<readonly string[]> {
  const filters = { label: [`com.docker.swarm.service.name=${name}`], status: ['running'] };
  return (await engine.engine.docker.listContainers({ filters })).map(({ Id }) => Id);
}

/** A removed container is there again, as a new one. */
async function respawned(name: string): Promise<void> {
  const [before] = await running(name);
  await engine.engine.docker.getContainer(before ?? '').remove({ force: true });
  await until('it is back', async () => (await running(name)).some((id) => id !== before));
}

test('the session’s service goes with its containers, which come back when they are removed alone; another’s stays', async () => {
  const job = await engine.begunJob();
  const own = { [labels.session]: await job.session() };
  const [plain] = [await engine.start({ labels: own }), await service('web', own), await service('others', {})];
  const others = await running('others');
  await respawned('web');

  const { exitCode, output } = await job.post();

  expect(exitCode, output).toBe(0);
  const { post } = (await job.report()).phases;
  expect(post).toMatchObject({ verified: true, totals: { failed: 0, removed: 1 } });
  expect(post?.resources.map(({ kind, name }) => (kind === 'service' ? name : kind)).sort()).toEqual(
    expect.arrayContaining(['container', 'container', 'web']),
  );
  expect([await running('web'), await running('others')]).toEqual([[], others]);
  await expect(plain.inspect()).rejects.toMatchObject({ statusCode: 404 });
});

test('scope: job takes what is new in a swarm of this engine alone, and nothing else', async () => {
  const { docker } = engine.engine;
  const before = await service('before', {}).then(() => running('before'));
  const secret = await docker.createSecret({ Name: 'before', Data: 'eA==' });
  const job = await engine.begunJob({ inputs: { scope: 'job' } });
  await service('new', {});
  await docker.createConfig({ Name: 'new', Data: 'eA==' });

  const { exitCode, output } = await job.post();

  expect(exitCode, output).toBe(0);
  const { post } = (await job.report()).phases;
  expect(post?.verified).toBe(true);
  expect((await docker.listConfigs()).length).toBe(0);
  expect([await running('new'), await running('before')]).toEqual([[], before]);
  expect((await docker.listSecrets()).map(({ ID }) => ID)).toEqual([secret.id]);
});

test('without services in resources, a container of one is left alone, and told with the command that ends it', async () => {
  const job = await engine.begunJob({ inputs: { resources: 'containers' } });
  const own = { [labels.session]: await job.session() };
  await service('excluded', own);
  await respawned('excluded');
  const containers = await running('excluded');

  const { exitCode, output } = await job.post();

  expect(exitCode, output).toBe(0);
  expect(await running('excluded')).toEqual(containers);
  const { post } = (await job.report()).phases;
  expect(post).toMatchObject({ verified: false, totals: { failed: 1 } });
  const failed = post?.resources.find(({ outcome }) => outcome === 'failed');
  expect(failed?.error).toBe('it belongs to the Swarm service excluded, which replaces it when it is removed');
  expect(failed?.command).toMatch(/^docker (--host \S+ )?service rm excluded$/);
  expect(output).toMatch(/^::warning title=.*excluded/m);

  await promisify(execFile)('bash', ['-c', failed?.command ?? 'false'], {
    env: { ...process.env, DOCKER_HOST: engine.engine.url },
  });
  await until('the service is gone with its container', async () => (await running('excluded')).length === 0);
});
