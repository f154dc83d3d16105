import type Docker from 'dockerode';
import { afterAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/session/leases';
import {
  type ContainerOptions,
  docker,
  HONOURS_SIGTERM,
  removeContainer,
  startContainer,
  stateOf,
  statesOf,
} from '../support/engine/containers';
import { loadImage } from '../support/engine/image';
import { removedLater, unique } from '../support/made';
import { begun, names } from '../support/session/begun';
import { ofSession } from '../support/session/of-session';

const made = removedLater(afterAll);

async function start(options: ContainerOptions = {}, image?: string): Promise<Docker.Container> {
  const container = await startContainer(HONOURS_SIGTERM, { ...options, ...(image ? { create: { Image: image } } : {}) });
  made.push(() => removeContainer(container));
  return container;
}

async function hasVolume(name: string): Promise<boolean> {
  return docker
    .getVolume(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** `docker build --label`, or `docker load` where there is no label. */
async function image(label: Record<string, string> = {}): Promise<string> {
  const name = `${unique('image')}:1`;
  await loadImage(docker, { name, labels: label });
  made.push(() => docker.getImage(name).remove({ force: true }));
  return name;
}

describe('a container that has the session’s label from its image', () => {
  test('is removed by the session’s own post', async () => {
    const session = await begun();
    const [built, other] = [await image(ofSession(session.id)), await image(ofSession('gh-1-1.0badcafe.aaaaaaaa'))];
    const repeated = { labels: ofSession(session.id) };
    const containers = [await start({}, built), await start(repeated, built), await start(repeated, other)];
    const stranger = await start({}, other);

    const post = await session.post();

    expect(await statesOf([...containers, stranger])).toEqual(['gone', 'gone', 'gone', 'running']);
    expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });

  test('is left alone by a later run on the same runner, and named', async () => {
    const later = await begun();
    const earlier = later.id.replace(/\w{8}$/, 'eeeeeeee');
    const source = await start({ labels: ofSession(earlier) });
    const repo = unique('committed');
    await source.commit({ repo, tag: '1' });
    made.push(() => docker.getImage(`${repo}:1`).remove({ force: true }));
    const built = await image(ofSession(earlier));
    const name = unique('production');
    const production = [
      await start({ name }, built),
      await start({ name: `${name}-2` }, `${repo}:1`),
      await start({ name: `${name}-3`, labels: ofSession(earlier) }, built),
    ];

    const pre = await later.pre();

    expect(await statesOf([...production, source])).toEqual(['running', 'running', 'running', 'gone']);
    expect(names(pre, 'inherited-label')).toEqual([name, `${name}-2`, `${name}-3`]);
  });
});

describe('with the same filter, what began while another session lives', () => {
  test('stays, and goes with that session’s post', async () => {
    const namePrefixes = unique('bench');
    const [first, second] = [await begun({ namePrefixes }), await begun({ namePrefixes })];
    const container = await start({ name: `${namePrefixes}-1` });
    const lease = (session: { readonly id: string; readonly startedAt: number }): Lease => ({
      session: session.id,
      since: session.startedAt,
      engines: [first.engine ?? ''],
      filters: { labels: [], namePrefixes: [namePrefixes] },
    });

    const report = await first.post([lease(first), lease(second)]);

    expect(await stateOf(container)).toBe('running');
    expect(names(report, 'live-session')).toEqual([`${namePrefixes}-1`]);
    await second.post([lease(second)]);
    expect(await stateOf(container)).toBe('gone');
  });

  test('stays, too, where only a container with that session’s label shows it', async () => {
    const namePrefixes = unique('bench');
    const session = await begun({ namePrefixes });
    const theirs = await start({ name: `${namePrefixes}-1`, labels: ofSession('gh-1-1.0badcafe.aaaaaaaa') });
    const unlabelled = await start({ name: `${namePrefixes}-2` });

    const report = await session.post();

    expect(await statesOf([theirs, unlabelled])).toEqual(['running', 'running']);
    expect(names(report, 'live-session')).toEqual([`${namePrefixes}-2`]);
  });
});

describe('what appeared while a session ran, and has no owner', () => {
  test('is counted, and stays', async () => {
    const session = await begun();
    const [name, network] = [unique('harness'), unique('net')];
    const container = await start({ name, hostConfig: { Binds: [`${name}-data:/data`] } });
    await docker.createNetwork({ Name: network });
    made.push(
      () => docker.getVolume(`${name}-data`).remove(),
      () => docker.getNetwork(network).remove(),
    );
    await image();
    await start({ labels: ofSession('gh-1-1.0badcafe.aaaaaaaa') });

    const { unowned = [], verified, resources } = await session.post();

    expect(await stateOf(container)).toBe('running');
    expect({ verified, resources }).toEqual({ verified: true, resources: [] });
    expect(unowned.map(({ kind, count }) => [kind, count])).toEqual([
      ['container', 1],
      ['network', 1],
      ['volume', 1],
      ['image', 1],
    ]);
  });

  test('goes with scope job, with its anonymous volumes; what was there before stays', async () => {
    const anonymous = { create: { Volumes: { '/data': {} } } };
    const before = await startContainer(HONOURS_SIGTERM, anonymous);
    made.push(() => removeContainer(before));
    const session = await begun({ scope: 'job' });
    const container = await startContainer(HONOURS_SIGTERM, anonymous);
    const gone = await startContainer(HONOURS_SIGTERM, anonymous);
    const volumeOf = async (one: Docker.Container) => (await one.inspect()).Mounts[0]?.Name ?? '';
    const volumes = [await volumeOf(container), await volumeOf(gone), await volumeOf(before)];
    await gone.remove({ force: true }); // Leaves its volume.

    const { verified, totals } = await session.post();

    expect(await statesOf([container, gone, before])).toEqual(['gone', 'gone', 'running']);
    expect(await Promise.all(volumes.map(hasVolume))).toEqual([false, false, true]);
    expect({ verified, failed: totals.failed }).toEqual({ verified: true, failed: 0 });
  });
});

describe('a label whose key looks like the runner’s', () => {
  const likeRunners = { facade: '' };

  test('does not protect what carries the session’s label: all of it goes', async () => {
    const session = await begun({ gracePeriod: '10s' });
    const options = { labels: { ...ofSession(session.id), ...likeRunners } };
    const container = await start(options);
    const network = await docker.createNetwork({ Name: unique('net'), Labels: options.labels });
    made.push(() => network.remove());
    await docker.createVolume({ Name: unique('data'), Labels: options.labels });

    const post = await session.post();

    expect(await stateOf(container)).toBe('gone');
    expect(post).toMatchObject({ verified: true, totals: { graceful: 1, removed: 2, kept: 0, failed: 0 } });
  });

  test('protects what only a filter matches', async () => {
    const namePrefixes = unique('service');
    const session = await begun({ namePrefixes });
    const container = await start({ name: `${namePrefixes}-1`, labels: likeRunners });

    const post = await session.post();

    expect(await stateOf(container)).toBe('running');
    expect(post.resources).toMatchObject([{ outcome: 'kept', reason: 'it belongs to the GitHub runner' }]);
  });
});
