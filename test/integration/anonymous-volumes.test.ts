import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { type ContainerOptions, createContainer, docker, removeContainer } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { removedLater } from '../support/made';
import { ProxiedEngine } from '../support/proxy/proxied-engine';
import { ownershipOf } from '../support/proxy/proxy-process';
import { begun } from '../support/session/begun';

const isPodman = inject('product') === 'podman';

const made = removedLater();

const ofSession = (session: string) => ({ labels: { [labels.session]: session } });
const ANONYMOUS = { create: { Volumes: { '/data': {} } } };

const volumesOf = async (container: Docker.Container) => (await container.inspect()).Mounts.flatMap(({ Name }) => Name ?? []);

/** A container that has run and has been removed without its volumes. @returns their names */
async function removed(options: ContainerOptions = {}, client = docker): Promise<readonly string[]> {
  const container = await createContainer(['true'], { ...ANONYMOUS, ...options });
  made.push(() => removeContainer(container));
  await container.start();
  await container.wait();
  const volumes = await volumesOf(container);
  made.push(...volumes.map((name) => () => docker.getVolume(name).remove()));
  await client.getContainer(container.id).remove({ v: false });
  return volumes;
}

const exist = (names: readonly string[]) =>
  Promise.all(
    names.map((name) =>
      docker
        .getVolume(name)
        .inspect()
        .then(
          () => true,
          () => false,
        ),
    ),
  );

test.skipIf(isPodman)('go where the engine remembers that only the session’s containers had them; all others stay', async () => {
  const before = await removed();
  const session = await begun();
  const own = await removed(ofSession(session.id));
  const strangers = await removed();
  const others = await removed(ofSession('gh-1-1.0badcafe.aaaaaaaa'));
  const keeper = await createContainer(['true'], { ...ANONYMOUS, ...ofSession(session.id) });
  made.push(() => removeContainer(keeper));
  const [shared = ''] = await volumesOf(keeper);
  const second = await createContainer(['true'], { hostConfig: { VolumesFrom: [keeper.id] } });
  made.push(() => removeContainer(second));

  const post = await session.post();

  expect(await exist([...own, ...before, ...strangers, ...others, shared])).toEqual([false, true, true, true, true]);
  expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
});

test.skipIf(isPodman)(
  'stay where the engine has forgotten by now that they were made: someone else may have had them',
  async () => {
    const session = await begun();
    const own = await removed(ofSession(session.id));
    for (let round = 0; round < 13; round += 1) {
      const names = Array.from({ length: 10 }, () => `noise-${randomUUID()}`);
      await Promise.all(names.map((Name) => docker.createVolume({ Name })));
      await Promise.all(names.map((name) => docker.getVolume(name).remove())); // Two events each.
    }

    const post = await session.post();

    expect(await exist(own)).toEqual([true]);
    expect(post).toMatchObject({ verified: true, resources: [] });
  },
);

describe('what the proxy saw before a removal', () => {
  const volumesFile = ({ directory }: ProxiedEngine) => join(directory, 'volumes.txt');
  const proxiedFor = (session: string) => ProxiedEngine.start(dockerHost, { ownership: ownershipOf(session) });

  test('goes, however many events came since; not what another container had', async () => {
    const session = await begun();
    const proxied = await proxiedFor(session.id);
    const own = await removed(ofSession(session.id), proxied.docker);
    const strangers = await removed({}, proxied.docker);

    const noted = (await readFile(volumesFile(proxied), 'utf8')).trim().split('\n');
    const post = await session.post([], new Set(noted));

    expect(noted).toEqual(own);
    expect(await exist([...own, ...strangers])).toEqual([false, true]);
    expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });

  test('is not noted where it came from another container, or has a name', async () => {
    const session = await begun();
    const proxied = await proxiedFor(session.id);
    const stranger = await createContainer(['true'], ANONYMOUS);
    made.push(() => removeContainer(stranger));
    const name = `data-${randomUUID().slice(0, 8)}`;
    made.push(() => docker.getVolume(name).remove());
    const named = { create: {}, hostConfig: { Binds: [`${name}:/data`] } };

    await removed({ create: {}, hostConfig: { VolumesFrom: [stranger.id] }, ...ofSession(session.id) }, proxied.docker);
    await removed({ ...named, ...ofSession(session.id) }, proxied.docker);

    await expect(readFile(volumesFile(proxied), 'utf8')).rejects.toThrow('ENOENT');
    expect(await exist([...(await volumesOf(stranger)), name])).toEqual([true, true]);
  });
});
