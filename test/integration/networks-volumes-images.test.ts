import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { Settlement } from '../../src/core/outcome';
import type { Kind } from '../../src/core/resource';
import { ownedBy } from '../../src/core/selector';
import type { SweepResult } from '../../src/reaper/sweep';
import {
  type ContainerOptions,
  createContainer,
  docker,
  exists,
  HONOURS_SIGTERM,
  hasImage,
  removeContainer,
  startContainer,
} from '../support/engine/containers';
import { busyboxImage } from '../support/engine/image';
import { newSession, only, provider, stepsOf, sweepSession, sweepWith } from '../support/engine/sweeping';
import { removedLater, unique } from '../support/made';

/** What has no owner, and must outlive its test. */
const bystanders = removedLater(afterAll);

async function network(labels: Record<string, string> = {}, name = unique('net')): Promise<Docker.Network> {
  const made: Docker.Network = await docker.createNetwork({ Name: name, Labels: labels });
  bystanders.push(() => made.remove());
  return made;
}

/** @returns its name */
async function volume(labels: Record<string, string> = {}, name = unique('data')): Promise<string> {
  await docker.createVolume({ Name: name, Labels: labels });
  bystanders.push(() => docker.getVolume(name).remove());
  return name;
}

/** An image of the test's own: the shared one is used by other tests' containers. */
async function image(name = `${unique('own')}:1`): Promise<string> {
  const made = await busyboxImage(docker, name);
  bystanders.push(() => docker.getImage(made).remove({ force: true }));
  return made;
}

async function bystander(options: ContainerOptions): Promise<Docker.Container> {
  const container = await startContainer(HONOURS_SIGTERM, { name: unique('bystander'), ...options });
  bystanders.push(() => removeContainer(container));
  return container;
}

const hasNetwork = (which: Docker.Network) => exists(which.inspect());
const hasVolume = (name: string) => exists(docker.getVolume(name).inspect());
const networksOf = async (container: Docker.Container) => Object.keys((await container.inspect()).NetworkSettings.Networks);
const nameOf = async (container: Docker.Container) => (await container.inspect()).Name.replace('/', '');

function settlementOf({ settlements }: SweepResult, kind: Kind): Settlement {
  return only({ settlements: settlements.filter(({ resource }) => resource.kind === kind), listed: [], verified: true });
}

/** `['container graceful', 'network removed']` */
const outcomes = ({ settlements }: SweepResult) =>
  settlements.map(({ resource, outcome }) => `${resource.kind} ${outcome}`).sort();

/** Types a command as a person does. */
async function typed(command: string): Promise<void> {
  await promisify(execFile)('bash', ['-c', command]);
}

const ALL: readonly Kind[] = ['container', 'network', 'volume', 'image'];

describe('a session’s networks and volumes', () => {
  test('go with its containers, and those without an owner stay', async () => {
    const { session, labelled } = newSession();
    const [net, data] = [await network(labelled.labels), await volume(labelled.labels)];
    const [otherNet, otherData] = [await network(), await volume()];
    await startContainer(HONOURS_SIGTERM, { ...labelled, hostConfig: { NetworkMode: net.id, Binds: [`${data}:/data`] } });

    const result = await sweepSession(session);

    expect(outcomes(result)).toEqual(['container graceful', 'network removed', 'volume removed']);
    expect(result.verified).toBe(true);
    expect([await hasNetwork(net), await hasVolume(data)]).toEqual([false, false]);
    expect([await hasNetwork(otherNet), await hasVolume(otherData)]).toEqual([true, true]);
  });

  test('are planned in a dry run, and stay', async () => {
    const { session, labelled } = newSession();
    const [net, data] = [await network(labelled.labels), await volume(labelled.labels)];

    const result = await sweepSession(session, { mode: { kind: 'plan' } });

    expect(outcomes(result)).toEqual(['network planned', 'volume planned']);
    expect([await hasNetwork(net), await hasVolume(data)]).toEqual([true, true]);
  });

  test('stay where resources does not name them', async () => {
    const { session, labelled } = newSession();
    const [net, data] = [await network(labelled.labels), await volume(labelled.labels)];

    const result = await sweepSession(session, { kinds: ['container', 'sandbox'] });

    expect(result).toMatchObject({ settlements: [], verified: true });
    expect([await hasNetwork(net), await hasVolume(data)]).toEqual([true, true]);
  });

  test('are found by their label without any container', async () => {
    const { session, labelled } = newSession();
    await network(labelled.labels);
    await volume(labelled.labels);

    expect(outcomes(await sweepSession(session))).toEqual(['network removed', 'volume removed']);
  });

  test('are found by their name', async () => {
    const prefix = unique('task');
    await network({}, `${prefix}-net`);
    await volume({}, `${prefix}-data`);

    const result = await sweepWith(ownedBy('none', { labels: [], namePrefixes: [prefix] }));

    expect(outcomes(result)).toEqual(['network removed', 'volume removed']);
    expect(result.verified).toBe(true);
  });
});

describe('a network that another owner’s container is on', () => {
  test('ends the sweep with fail-fast: what would have come after it is kept, and says why', async () => {
    const { session, labelled } = newSession();
    const net = await network(labelled.labels);
    await bystander({ hostConfig: { NetworkMode: net.id } });
    const own = await image();
    const container = await startContainer(HONOURS_SIGTERM, { ...labelled, create: { Image: own } });

    const result = await sweepSession(session, { failFast: true, kinds: ['container', 'network', 'image'] });

    expect(outcomes(result)).toEqual(['container graceful', 'image kept', 'network failed']);
    const kept = result.settlements.find(({ outcome }) => outcome === 'kept');
    expect(kept?.reason).toMatch(/^fail-fast: .+ could not be removed$/);
    expect(result.verified).toBe(false);
    expect(await exists(container.inspect())).toBe(false);
    expect(await exists(docker.getImage(own).inspect())).toBe(true);
  });

  test('has failed at once, with the container’s name and the command that removes it', async () => {
    const { session, labelled } = newSession();
    const net = await network(labelled.labels);
    const foreign = await bystander({ hostConfig: { NetworkMode: net.id } });

    const result = await sweepSession(session);

    const settlement = only(result);
    expect(settlement).toMatchObject({ outcome: 'failed', resource: { kind: 'network' } });
    expect(settlement.error?.message).toBe(`it is in use by the container ${await nameOf(foreign)}`);
    expect(settlement.heldBy).toMatchObject([{ kind: 'container', name: await nameOf(foreign) }]);
    expect(stepsOf(settlement)).toEqual(['remove error']);
    expect(result.verified).toBe(false);
    expect(await networksOf(foreign)).toEqual([(await net.inspect()).Name]);
  });

  test('is removed by the command that is reported, when it is typed; the container stays, without it', async () => {
    const { session, labelled } = newSession();
    const net = await network(labelled.labels);
    const foreign = await bystander({ hostConfig: { NetworkMode: net.id } });
    const { command = 'false' } = only(await sweepSession(session));

    await typed(command);

    expect(await hasNetwork(net)).toBe(false);
    expect(await networksOf(foreign)).toEqual([]);
    expect((await foreign.inspect()).State.Running).toBe(true);
  });

  test('is removed by that command, too, where nothing on it runs: one has exited, and one was never started', async () => {
    const { session, labelled } = newSession();
    const net = await network(labelled.labels);
    const create = async () => {
      const container = await createContainer(HONOURS_SIGTERM, { hostConfig: { NetworkMode: net.id } });
      bystanders.push(() => removeContainer(container));
      return container;
    };
    const [exited, created] = [await create(), await create()];
    await exited.start();
    await exited.kill();
    const { command = 'false' } = only(await sweepSession(session));

    await typed(command);

    expect(await hasNetwork(net)).toBe(false);
    expect([await exists(exited.inspect()), await exists(created.inspect())]).toEqual([true, true]);
  });

  test.each([
    ['has exited', async (container: Docker.Container) => void (await container.kill())],
    ['was never started', async () => undefined],
  ])('stays, too, when that container %s: it could not start any more', async (_, end) => {
    const { session, labelled } = newSession();
    const net = await network(labelled.labels);
    const options = { name: unique('bystander'), hostConfig: { NetworkMode: (await net.inspect()).Name } };
    const foreign = await createContainer(HONOURS_SIGTERM, options);
    bystanders.push(() => removeContainer(foreign));
    if (_ === 'has exited') await foreign.start();
    await end(foreign);

    const settlement = only(await sweepSession(session));

    expect(settlement).toMatchObject({ outcome: 'failed', heldBy: [{ name: options.name }] });
    await foreign.start();
    await foreign.kill();
    await typed(settlement.heldBy?.[0]?.command ?? 'false');
    expect(outcomes(await sweepSession(session))).toEqual(['network removed']);
  });

  test('stays on purpose where that container is kept: that is no failure', async () => {
    const { session, labelled } = newSession();
    const [net, data] = [await network(labelled.labels), await volume(labelled.labels)];
    const keep = { [labels.keep]: 'true', ...labelled.labels };
    const kept = await bystander({ labels: keep, hostConfig: { NetworkMode: net.id, Binds: [`${data}:/data`] } });
    const free = await network(labelled.labels);

    const result = await sweepSession(session);

    expect(outcomes(result)).toEqual(['container kept', 'network kept', 'network removed', 'volume kept']);
    const reason = `it is in use by the container ${await nameOf(kept)}, which stays: it carries ${labels.keep}=true`;
    expect(settlementOf(result, 'volume').reason).toBe(reason);
    expect(result.verified).toBe(true);
    expect([await hasNetwork(net), await hasNetwork(free), await hasVolume(data)]).toEqual([true, false, true]);
  });

  test('holds up nothing else', async () => {
    const { session, labelled } = newSession();
    const [held, free, data] = [await network(labelled.labels), await network(labelled.labels), await volume(labelled.labels)];
    await bystander({ hostConfig: { NetworkMode: held.id } });
    await startContainer(HONOURS_SIGTERM, { ...labelled, hostConfig: { NetworkMode: held.id } });

    const result = await sweepSession(session);

    expect(outcomes(result)).toEqual(['container graceful', 'network failed', 'network removed', 'volume removed']);
    expect([await hasNetwork(free), await hasVolume(data)]).toEqual([false, false]);
  });
});

describe('a volume that another owner’s container uses', () => {
  test('is removed by the command that is reported, when it is typed', async () => {
    const { session, labelled } = newSession();
    const data = await volume(labelled.labels);
    await bystander({ hostConfig: { Binds: [`${data}:/data`] } });

    await typed(only(await sweepSession(session)).command ?? 'false');

    expect(await hasVolume(data)).toBe(false);
  });

  test('has failed at once, with the container’s name and the command that removes it', async () => {
    const { session, labelled } = newSession();
    const data = await volume(labelled.labels);
    const foreign = await bystander({ hostConfig: { Binds: [`${data}:/data`] } });

    const result = await sweepSession(session);

    const settlement = only(result);
    expect(settlement).toMatchObject({ outcome: 'failed', resource: { kind: 'volume', id: data } });
    expect(settlement.error?.message).toBe(`it is in use by the container ${await nameOf(foreign)}`);
    expect(settlement.heldBy).toMatchObject([{ kind: 'container', name: await nameOf(foreign) }]);
    expect(stepsOf(settlement)).toEqual(['remove error']);
  });

  test('has failed, too, when that container does not run', async () => {
    const { session, labelled } = newSession();
    const data = await volume(labelled.labels);
    const foreign = await createContainer(['true'], { hostConfig: { Binds: [`${data}:/data`] } });
    bystanders.push(() => removeContainer(foreign));

    expect(only(await sweepSession(session)).error?.message).toContain(await nameOf(foreign));
  });
});

test('an anonymous volume that its container left has no owner', async () => {
  const container = await createContainer(['true'], { create: { Volumes: { '/data': {} } } });
  const name = (await container.inspect()).Mounts[0]?.Name ?? '';
  await container.remove({ v: false });
  bystanders.push(() => docker.getVolume(name).remove());

  const listed = await (await provider()).list('volume', AbortSignal.timeout(10_000));

  expect(listed.map(({ id }) => id)).not.toContain(name);
});

test('a volume made without a name but with the session’s label is the session’s', async () => {
  const { session, labelled } = newSession();
  await docker.createVolume({ Labels: labelled.labels });

  expect(outcomes(await sweepSession(session))).toEqual(['volume removed']);
});

test('the engine’s own networks are protected', async () => {
  const listed = await (await provider()).list('network', AbortSignal.timeout(10_000));

  const own = listed.filter(({ kind, protection }) => kind === 'network' && protection === 'it is the engine’s own');
  const names = own.map(({ name }) => name);
  // Podman has one, and calls it differently in its versions.
  expect(names).toEqual(
    names.length > 1 ? expect.arrayContaining(['bridge', 'host', 'none']) : [expect.stringMatching(/^(bridge|podman)$/)],
  );
});

test('a Compose project goes whole by its label', async () => {
  const project = unique('bench');
  const labels = { 'com.docker.compose.project': project };
  const [net, data] = [await network(labels, `${project}_default`), await volume(labels, `${project}_data`)];
  const service = (name: string) =>
    startContainer(HONOURS_SIGTERM, {
      name: `${project}-${name}-1`,
      labels: { ...labels, 'com.docker.compose.service': name },
      hostConfig: { NetworkMode: net.id, Binds: [`${data}:/data`] },
    });
  await Promise.all([service('web'), service('db')]);
  const other = await network({ 'com.docker.compose.project': unique('other') });

  const filters = { labels: [[{ key: 'com.docker.compose.project', value: project }]], namePrefixes: [] };
  const result = await sweepWith(ownedBy('none', filters));

  expect(outcomes(result)).toEqual(['container graceful', 'container graceful', 'network removed', 'volume removed']);
  expect(result.verified).toBe(true);
  expect(await hasNetwork(other)).toBe(true);
});

describe('an image', () => {
  /** What a container or an image gets from its image, it must be given anew to be another owner's. */
  const asIfOf = (session: string, labels: Record<string, string>) =>
    Object.fromEntries(Object.keys(labels).map((key) => [key, session]));
  const from = (name: string, options: ContainerOptions = {}): ContainerOptions => ({ ...options, create: { Image: name } });

  test('that removed containers left goes with them, if images are wanted', async () => {
    const { session, labelled } = newSession();
    const name = await image();
    await startContainer(HONOURS_SIGTERM, from(name, labelled));

    const result = await sweepSession(session, { kinds: ALL });

    expect(outcomes(result)).toEqual(['container graceful', 'image removed']);
    // Podman puts a registry in front.
    expect(settlementOf(result, 'image').resource.name).toContain(name);
    expect(result.verified).toBe(true);
    expect(await hasImage(name)).toBe(false);
  });

  test('stays where images are not wanted', async () => {
    const { session, labelled } = newSession();
    const name = await image();
    await startContainer(HONOURS_SIGTERM, from(name, labelled));

    expect(outcomes(await sweepSession(session))).toEqual(['container graceful']);
    expect(await hasImage(name)).toBe(true);
  });

  test('is planned in a dry run, and stays', async () => {
    const { session, labelled } = newSession();
    const name = await image();
    const container = await startContainer(HONOURS_SIGTERM, from(name, labelled));
    bystanders.push(() => removeContainer(container));

    const result = await sweepSession(session, { kinds: ALL, mode: { kind: 'plan' } });

    expect(outcomes(result)).toEqual(['container planned', 'image planned']);
    expect(await hasImage(name)).toBe(true);
  });

  test('that another owner’s container uses as well is not the session’s', async () => {
    const { session, labelled } = newSession();
    const name = await image();
    await bystander(from(name));
    await startContainer(HONOURS_SIGTERM, from(name, labelled));

    const result = await sweepSession(session, { kinds: ALL });

    expect(outcomes(result)).toEqual(['container graceful']);
    expect(result.verified).toBe(true);
    expect(await hasImage(name)).toBe(true);
  });

  test('with several tags, in several repositories, goes with all of them', async () => {
    const { session, labelled } = newSession();
    const name = await image();
    const others = [unique('other'), unique('another')];
    for (const repo of others) await docker.getImage(name).tag({ repo, tag: 'x' });
    await docker.getImage(name).tag({ repo: name.split(':')[0] ?? '', tag: '2' });
    await startContainer(HONOURS_SIGTERM, from(name, labelled));

    const result = await sweepSession(session, { kinds: ALL });

    expect(outcomes(result)).toEqual(['container graceful', 'image removed']);
    expect(await Promise.all([name, ...others.map((repo) => `${repo}:x`)].map(hasImage))).toEqual([false, false, false]);
  });

  /** An image that carries the labels, as `docker build --label` makes it. */
  async function built(labels: Record<string, string>, parent?: string): Promise<string> {
    const container = await createContainer(['true'], parent === undefined ? {} : from(parent));
    const repo = unique('built');
    const { Id } = await container.commit({
      repo,
      tag: '1',
      changes: Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`),
    });
    await container.remove();
    bystanders.push(() => docker.getImage(Id).remove({ force: true }));
    return Id.startsWith('sha256:') ? Id : `sha256:${Id}`;
  }

  test('built with the session’s label is the session’s, though no container used it', async () => {
    const { session, labelled } = newSession();
    const id = await built(labelled.labels);

    expect(outcomes(await sweepSession(session, { kinds: ALL }))).toEqual(['image removed']);
    expect([await hasImage(id), await hasImage(inject('image'))]).toEqual([false, true]);
  });

  test('of the session goes after those that were made from it', async () => {
    const { session, labelled } = newSession();
    const parent = await built(labelled.labels);
    const child = await built(labelled.labels, parent);
    await built(labelled.labels, child);

    const result = await sweepSession(session, { kinds: ALL });

    expect(outcomes(result)).toEqual(['image removed', 'image removed', 'image removed']);
    expect(result.settlements.flatMap(stepsOf)).toEqual(['remove done', 'remove done', 'remove done']);
  });

  test('of the session from which something else made another stays with all its tags, and has failed with the other one’s name', async () => {
    const { session, labelled } = newSession();
    const parent = await built(labelled.labels);
    const child = await built(asIfOf('other', labelled.labels), parent);
    const repo = unique('second');
    await docker.getImage(parent).tag({ repo, tag: 'x' });
    bystanders.push(() => docker.getImage(`${repo}:x`).remove());

    const { outcome, resource, error, steps } = only(await sweepSession(session, { kinds: ALL }));

    expect(resource).toMatchObject({ kind: 'image', id: parent });
    expect(await hasImage(child)).toBe(true);
    const [name] = (await docker.getImage(child).inspect()).RepoTags;
    // Engines with containerd’s image store know no parents, and remove it: what it shares with the other one stays all the same.
    const refusal = { outcome: 'failed', message: `other images were made from it: ${name}`, attempts: [1] };
    const removal = { outcome: 'removed', message: undefined, attempts: [1] };
    const end = { outcome, message: error?.message, attempts: steps.map(({ attempts }) => attempts) };
    const stays = await hasImage(parent);
    expect(end).toEqual(stays ? refusal : removal);
    expect(await hasImage(`${repo}:x`)).toBe(stays);
  });

  test('of the session that another owner’s container uses has failed, and keeps its tags', async () => {
    const { session, labelled } = newSession();
    const id = await built(labelled.labels);
    await docker.getImage(id).tag({ repo: unique('second'), tag: '1' });
    const foreign = await bystander({
      ...from(id),
      labels: asIfOf('other', labelled.labels),
    });

    const settlement = only(await sweepSession(session, { kinds: ALL }));

    expect(settlement).toMatchObject({ outcome: 'failed', resource: { kind: 'image' } });
    expect(settlement.error?.message).toBe(`it is in use by the container ${await nameOf(foreign)}`);
    expect(settlement.command).toMatch(/^docker (--host \S+ )?image rm [0-9a-f]{12}$/);
    expect((await docker.getImage(id).inspect()).RepoTags).toHaveLength(2);
  });
});
