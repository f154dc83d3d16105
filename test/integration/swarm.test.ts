import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { RESOURCE_WORDS } from '../../src/core/resource';
import { createdSince, ownedBy } from '../../src/core/selector';
import type { SweepResult } from '../../src/reaper/sweep';
import { HEEDS_NO_SIGTERM } from '../support/engine/container-habits';
import { exists } from '../support/engine/containers';
import type { PrivateEngine } from '../support/engine/engine';
import { TestSwarm } from '../support/engine/swarm';
import { newSession, only, provider, type SweepSettings, sweepSession, sweepWith } from '../support/engine/sweeping';
import { until } from '../support/until';

const NO_FILTERS = { labels: [], namePrefixes: [] };
const KINDS = (['containers', 'networks', 'volumes', 'services'] as const).flatMap((word) => [...RESOURCE_WORDS[word]]);

let swarm: TestSwarm;
let bystanders: Awaited<ReturnType<typeof makeBystanders>>;

beforeAll(async () => {
  swarm = await TestSwarm.start();
  bystanders = await makeBystanders();
});
afterAll(() => swarm?.stop());
afterEach(async () => expect(await bystanders.untouched()).toEqual(true));

/** What others have: something of each kind, and a service of a session that lives. */
async function makeBystanders() {
  const { docker } = swarm.manager;
  const theirs = newSession().labelled.labels;
  const network = await overlay('others', {});
  const [secret, config] = await Promise.all([makeSecret('others', {}), makeConfig('others', {})]);
  const volume = await docker.createVolume({ Name: 'others' });
  const services = [
    await swarm.service('others', {
      on: 'manager',
      networks: [network.id],
      spec: uses({ others: secret.id }, { others: config.id }),
    }),
    await swarm.service('theirs', { on: 'manager', replicas: 2, labels: theirs, containerLabels: theirs }),
  ];
  const tasks = async () => [...(await swarm.tasks('others', 'running')), ...(await swarm.tasks('theirs', 'running'))].sort();
  const before = await tasks();
  expect(before).toHaveLength(3);
  return {
    async untouched(): Promise<boolean> {
      const things = [network, secret, config, volume, ...services.map((id) => docker.getService(id))];
      const there = await Promise.all(things.map((thing) => exists(thing.inspect())));
      return there.every(Boolean) && JSON.stringify(await tasks()) === JSON.stringify(before);
    },
  };
}

const overlay = (Name: string, Labels: Record<string, string>) =>
  swarm.manager.docker.createNetwork({ Name, Labels, Driver: 'overlay', Attachable: true });
const makeSecret = async (Name: string, Labels: Record<string, string>): Promise<Docker.Secret> =>
  swarm.manager.docker.getSecret((await swarm.manager.docker.createSecret({ Name, Labels, Data: 'eA==' })).id);
const makeConfig = async (Name: string, Labels: Record<string, string>): Promise<Docker.Config> =>
  swarm.manager.docker.getConfig((await swarm.manager.docker.createConfig({ Name, Labels, Data: 'eA==' })).id);

/** By name and id. */
function uses(secrets: Record<string, string>, configs: Record<string, string> = {}): Partial<Docker.ContainerSpec> {
  const File = (Name: string) => ({ Name, UID: '0', GID: '0', Mode: 0o444 });
  return {
    Secrets: Object.entries(secrets).map(([name, id]) => ({ SecretName: name, SecretID: id, File: File(name) })),
    Configs: Object.entries(configs).map(([name, id]) => ({ ConfigName: name, ConfigID: id, File: File(`/${name}`) })),
  } as unknown as Partial<Docker.ContainerSpec>;
}

function volumeMount(Source: string, Labels: Record<string, string>): Partial<Docker.ContainerSpec> {
  return { Mounts: [{ Type: 'volume', Source, Target: '/data', VolumeOptions: { Labels } }] } as Partial<Docker.ContainerSpec>;
}

/** Unless it is gone. */
const remove = (service: string) =>
  swarm.manager.docker
    .getService(service)
    .remove()
    .catch(() => undefined);

function sweep(session: string, settings: SweepSettings = {}): Promise<SweepResult> {
  return sweepSession(session, { url: swarm.manager.url, kinds: KINDS, ...settings });
}

/** `['service removed', 'container graceful']`, in order. */
function outcomes({ settlements }: SweepResult): readonly string[] {
  return settlements.map(({ resource, outcome }) => `${resource.kind} ${outcome}`).sort();
}

const name = (what: string) => `${what}-${randomUUID().slice(0, 8)}`;

describe('on a manager', () => {
  test('a service goes with its containers, then the network, secret, config and volume that it used', async () => {
    const { session, labelled } = newSession();
    const network = await overlay(name('net'), labelled.labels);
    const [secretName, configName] = [name('secret'), name('config')];
    const [secret, config] = [await makeSecret(secretName, labelled.labels), await makeConfig(configName, labelled.labels)];
    const web = name('web');
    const id = await swarm.service(web, {
      labels: labelled.labels,
      containerLabels: labelled.labels,
      on: 'manager',
      replicas: 3,
      networks: [network.id],
      spec: { ...uses({ [secretName]: secret.id }, { [configName]: config.id }), ...volumeMount(name('vol'), labelled.labels) },
    });

    const result = await sweep(session);

    expect(outcomes(result)).toEqual([
      'config removed',
      ...Array(3).fill('container graceful'),
      'network removed',
      'secret removed',
      'service removed',
      'volume removed',
    ]);
    expect(result.verified).toBe(true);
    expect(await swarm.tasks(web)).toEqual([]);
    expect(await exists(swarm.manager.docker.getService(id).inspect())).toBe(false);
  });

  test.each([
    ['only the service', true, false],
    ['only its containers', false, true],
  ])('a service whose label is on %s goes whole', async (_, onService, onContainers) => {
    const { session, labelled } = newSession();
    const web = name('web');
    await swarm.service(web, {
      on: 'manager',
      ...(onService ? { labels: labelled.labels } : {}),
      ...(onContainers ? { containerLabels: labelled.labels } : {}),
    });

    const result = await sweep(session);

    expect(outcomes(result)).toEqual(['container graceful', 'service removed']);
    expect(result.verified).toBe(true);
    expect(await swarm.tasks(web)).toEqual([]);
  });

  test('containers that ignore their signal are killed after our grace period, not after the service’s', async () => {
    const { session, labelled } = newSession();
    const web = name('web');
    await swarm.service(web, { on: 'manager', labels: labelled.labels, command: HEEDS_NO_SIGTERM, stopSeconds: 60 });

    const result = await sweep(session, { graceMs: 1_000, deadlineMs: 20_000 });

    expect(outcomes(result)).toEqual(['container killed', 'service removed']);
    expect(result.verified).toBe(true);
    expect(await swarm.tasks(web)).toEqual([]);
  });

  test('the ended container of a job goes, too, though Swarm leaves it', async () => {
    const { session, labelled } = newSession();
    const job = name('job');
    await swarm.service(job, { on: 'manager', labels: labelled.labels, isJob: true, command: ['true'] });

    const result = await sweep(session);

    expect(outcomes(result)).toEqual(['container removed', 'service removed']);
    expect(await swarm.tasks(job)).toEqual([]);
  });

  test('a stack goes by the label that each of its parts has', async () => {
    const stack = name('stack');
    const own = { 'com.docker.stack.namespace': stack };
    await overlay(`${stack}_net`, own);
    await makeSecret(`${stack}_secret`, own);
    await swarm.service(`${stack}_web`, { on: 'manager', labels: own, containerLabels: own });
    const filters = { labels: [[{ key: 'com.docker.stack.namespace', value: `${stack.slice(0, 9)}*` }]], namePrefixes: [] };

    const result = await sweepWith(ownedBy(newSession().session, filters), { url: swarm.manager.url, kinds: KINDS });

    expect(outcomes(result)).toEqual(['container graceful', 'network removed', 'secret removed', 'service removed']);
    expect(result.verified).toBe(true);
  });

  test('a service goes by its name, and by the label by which Swarm names it on containers', async () => {
    const prefix = name('bench');
    await swarm.service(`${prefix}-a`, { on: 'manager' });
    await swarm.service(`${prefix}-b`, { on: 'manager' });
    const settings = { url: swarm.manager.url, kinds: KINDS };

    const byName = await sweepWith(ownedBy(undefined, { labels: [], namePrefixes: [`${prefix}-a`] }), settings);
    expect(outcomes(byName)).toEqual(['container graceful', 'service removed']);
    const key = 'com.docker.swarm.service.name';
    const byLabel = await sweepWith(
      ownedBy(undefined, { labels: [[{ key, value: `${prefix}-b` }]], namePrefixes: [] }),
      settings,
    );
    expect(outcomes(byLabel)).toEqual(['container graceful', 'service removed']);
  });

  test('what another’s service uses is kept from going, and the service is named', async () => {
    const { session, labelled } = newSession();
    const network = await overlay(name('net'), labelled.labels);
    const secretName = name('secret');
    const secret = await makeSecret(secretName, labelled.labels);
    const other = name('other');
    const id = await swarm.service(other, { on: 'manager', networks: [network.id], spec: uses({ [secretName]: secret.id }) });
    onTestFinished(() => remove(id));

    const result = await sweep(session);

    expect(outcomes(result)).toEqual(['network failed', 'secret failed']);
    const [ofNetwork, ofSecret] = ['network', 'secret'].map((kind) =>
      result.settlements.find(({ resource }) => resource.kind === kind),
    );
    expect(ofSecret?.error?.message).toBe(`it is in use by the Swarm service ${other}`);
    expect(ofSecret?.heldBy).toEqual([
      { kind: 'service', name: other, command: `docker --host ${swarm.manager.url} service rm ${other}` },
    ]);
    expect(ofNetwork?.error?.message).toMatch(/^it is in use by the container other-/);
    expect(ofNetwork?.heldBy).toMatchObject([{ kind: 'container', command: ofSecret?.heldBy?.[0]?.command }]);
    expect((await swarm.tasks(other, 'running')).length).toBe(1);
    await remove(id);
    await until('its container is gone', async () => (await swarm.tasks(other)).length === 0);
    expect(outcomes(await sweep(session))).toEqual(['network removed', 'secret removed']);
  });

  test('a service that is to be kept stays, with its containers', async () => {
    const { session, labelled } = newSession();
    const web = name('web');
    const id = await swarm.service(web, {
      on: 'manager',
      labels: { ...labelled.labels, 'io.github.cleanup-action.keep': 'true' },
      containerLabels: labelled.labels,
    });
    onTestFinished(() => swarm.manager.docker.getService(id).remove());

    const result = await sweep(session);

    expect(outcomes(result)).toEqual(['container kept', 'service kept']);
    expect((await swarm.tasks(web, 'running')).length).toBe(1);
  });

  test('nothing is new in a swarm of several nodes: others may have made it', async () => {
    const web = name('web');
    const id = await swarm.service(web, { on: 'manager', spec: volumeMount(name('vol'), {}) });
    onTestFinished(() => swarm.manager.docker.getService(id).remove());
    const plain = await swarm.manager.docker.createVolume({ Name: name('plain') });
    onTestFinished(() => plain.remove());
    const had = () => false;
    const before = { startedAt: 0, had, hadTag: () => false };

    const all = createdSince(ownedBy('nobody', NO_FILTERS, before), before);
    const result = await sweepWith(all, { url: swarm.manager.url, kinds: KINDS, mode: { kind: 'plan' } });

    expect(outcomes(result).filter((outcome) => outcome.endsWith('planned'))).toEqual([]);
  });
});

describe('containers on other nodes', () => {
  test('end before the service counts as gone, and what stays there is told with the command', async () => {
    const { session, labelled } = newSession();
    const [web, volume] = [name('web'), name('vol')];
    const id = await swarm.service(web, { on: 'worker', labels: labelled.labels, replicas: 2, spec: volumeMount(volume, {}) });
    const docker = await provider({ kinds: KINDS }, swarm.manager.url);

    const result = await sweep(session, { change: () => docker });

    expect(outcomes(result)).toEqual(['service removed']);
    expect(await swarm.tasks(web, 'running')).toEqual([]);
    await until('its containers are gone', async () => (await swarm.tasks(web)).length === 0);
    const [line, ...more] = docker.leftElsewhere?.() ?? [];
    expect(more).toEqual([]);
    expect(line).toMatch(
      /^volumes of the Swarm service web-\S+ stay on other nodes: run there \(\S+ \(\S{12}\)\): docker volume rm vol-\S+$/,
    );
    expect(await exists(swarm.manager.docker.getService(id).inspect())).toBe(false);
    expect(await exists(swarm.worker.docker.getVolume(volume).inspect())).toBe(true);
    await promisify(execFile)('bash', ['-c', line?.replace(/^.*: (?=docker)/, '') ?? 'false'], { env: dockerHost(swarm.worker) });
    expect(await exists(swarm.worker.docker.getVolume(volume).inspect())).toBe(false);
  });

  test('of a job are told, and go by the command', async () => {
    const { session, labelled } = newSession();
    const job = name('job');
    await swarm.service(job, { on: 'worker', labels: labelled.labels, isJob: true, command: ['true'] });
    const docker = await provider({ kinds: KINDS }, swarm.manager.url);

    expect(outcomes(await sweep(session, { change: () => docker }))).toEqual(['service removed']);

    const [line] = docker.leftElsewhere?.() ?? [];
    expect(line).toContain('ended containers of the Swarm service');
    expect((await swarm.tasks(job)).length).toBe(1);
    await promisify(execFile)('bash', ['-c', line?.replace(/^.*: (?=docker)/, '') ?? 'false'], { env: dockerHost(swarm.worker) });
    expect(await swarm.tasks(job)).toEqual([]);
  });

  test('of a frozen node are told: Swarm ends them when it is back', async () => {
    const { session, labelled } = newSession();
    const web = name('web');
    await swarm.service(web, { on: 'worker', labels: labelled.labels, stopSeconds: 1 });
    await swarm.worker.freeze();
    let result: SweepResult;
    try {
      result = await sweep(session, { removeMs: 2_000, deadlineMs: 90_000 });
    } finally {
      await swarm.worker.thaw();
    }
    const { resource, outcome, error } = only(result);
    expect([resource.kind, outcome, result.verified]).toEqual(['service', 'failed', false]);
    expect(error?.message).toMatch(
      /^its tasks are on \S+ \(\S{12}\), which does not answer: Swarm ends them there when it does again$/,
    );
    await until('its containers are gone', async () => (await swarm.tasks(web)).length === 0);
    await until('the node is back', async () =>
      (await swarm.manager.docker.listNodes()).every(({ Status }) => (Status as { State?: string }).State === 'ready'),
    );
  }, 120_000);
});

describe('on a worker', () => {
  test('a container of the session’s service is told, with the command for a manager', async () => {
    const { session, labelled } = newSession();
    const web = name('web');
    await swarm.service(web, { on: 'worker', labels: labelled.labels, containerLabels: labelled.labels });

    const result = await sweep(session, { url: swarm.worker.url });

    const { outcome, error, command } = only(result);
    expect([outcome, error?.message, command]).toEqual([
      'failed',
      `it belongs to the Swarm service ${web}, which replaces it when it is removed: run the command on a manager of the swarm (10.66.0.1)`,
      `docker service rm ${web}`,
    ]);
    expect((await swarm.tasks(web, 'running')).length).toBe(1);
    await promisify(execFile)('bash', ['-c', command ?? 'false'], { env: dockerHost(swarm.manager) });
    expect(outcomes(await sweep(session))).toEqual([]);
    await until('its container is gone', async () => (await swarm.tasks(web)).length === 0);
  });

  test('a network of the swarm is told, too', async () => {
    const { session, labelled } = newSession();
    const network = await overlay(name('net'), labelled.labels);
    const [user] = [await swarm.service(name('user'), { on: 'worker', networks: [network.id] })];

    const [settled] = (await sweep(session, { url: swarm.worker.url })).settlements;

    expect([settled?.resource.kind, settled?.outcome]).toEqual(['network', 'failed']);
    await swarm.manager.docker.getService(user).remove();
    await until('it can go', async () => (await sweep(session)).verified);
  });
});

function dockerHost({ url }: PrivateEngine): NodeJS.ProcessEnv {
  return { ...process.env, DOCKER_HOST: url };
}
