import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { labels } from '../../../../../src/core/labels';
import type { Kind, Resource } from '../../../../../src/core/resource';
import { firstThere, guesses, protectionOn } from '../../../../../src/providers/docker/resources/protection';

const ofSession = { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' };
const own = { id: 'own', networks: ['net'] };
const resource = (kind: Kind, id: string, labels: Record<string, string> = {}): Resource => ({
  provider: 'docker',
  kind,
  id,
  name: id,
  state: '',
  running: false,
  labels,
});

describe('protected is', () => {
  it.each([
    ['the container that this process runs in', resource('container', 'own'), /runs in it/],
    ['a network that it is on', resource('network', 'net'), /is on it/],
    ['what the runner made for the job', resource('container', 'service', { '7cd52f': '' }), /GitHub runner/],
    [
      'with a session’s label, too, the container that this process runs in',
      resource('container', 'own', ofSession),
      /runs in it/,
    ],
    ['with a session’s label, too, a network that it is on', resource('network', 'net', ofSession), /is on it/],
  ])('%s', (_, candidate, reason) => {
    expect(protectionOn(candidate, own)).toMatch(reason);
  });

  it.each([
    ['another container', resource('container', 'other')],
    ['a volume that is called like the container', resource('volume', 'own')],
    ['a label of six hex digits that has a value', resource('container', 'other', { decade: 'true' })],
    ['a session’s container, whose label outranks such a key', resource('container', 'other', { ...ofSession, '7cd52f': '' })],
    ['a session’s network', resource('network', 'other', { ...ofSession, facade: '' })],
    ['a session’s volume', resource('volume', 'other', { ...ofSession, decade: '' })],
  ])('not %s', (_, candidate) => {
    expect(protectionOn(candidate, own)).toBeUndefined();
  });

  it('nothing but the runner’s where this process runs in no container', () => {
    expect(protectionOn(resource('container', 'own'), undefined)).toBeUndefined();
  });
});

describe('of the guesses', () => {
  const { signal } = new AbortController();
  const gone = { statusCode: 404, json: { message: 'No such container: b' } };
  const docker = (answers: Readonly<Record<string, object>>) => {
    const inspect = async (id: string) => {
      const answer = answers[id] ?? {};
      if ('statusCode' in answer) throw Object.assign(new Error('refused'), answer);
      return { Id: id, NetworkSettings: { Networks: { bridge: { NetworkID: 'net' } } } };
    };
    return { getContainer: (id: string) => ({ inspect: () => inspect(id) }) } as unknown as Docker;
  };

  it('the first counts that the engine has', async () => {
    expect(await firstThere(docker({ b: gone }), ['b', 'a'], signal)).toEqual({ id: 'a', networks: ['net'] });
    expect(await firstThere(docker({ b: gone }), ['b'], signal)).toBeUndefined();
  });

  it('none is ruled out by a proxy’s 404: this process may run in it', async () => {
    const notFound = { statusCode: 404, json: '<html>404 Not Found</html>' };
    await expect(firstThere(docker({ b: notFound }), ['b', 'a'], signal)).rejects.toMatchObject(notFound);
  });
});

const ID = 'a1'.repeat(32);
const HOST_MOUNT = `612 600 254:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw - ext4 /dev/vda rw`;
const PODMAN_MOUNT = `70 60 0:25 /containers/overlay-containers/${ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw`;
const MACHINES_MOUNT = `90 24 0:60 / /var/lib/containers/storage/overlay-containers/${ID}/userdata/shm rw - tmpfs shm rw`;

describe('the container that this process runs in is guessed', () => {
  it.each([
    ['from cgroup v1', `9:name=systemd:/docker/${ID}\n8:pids:/docker/${ID}`, '', 'runner', [ID]],
    ['from cgroup v2 with systemd', `0::/system.slice/docker-${ID}.scope`, '', 'runner', [ID]],
    ['from Podman’s cgroup', `0::/machine.slice/libpod-${ID}.scope`, '', 'runner', [ID]],
    ['from its mounts, where the cgroup says nothing', '0::/', HOST_MOUNT, 'runner', [ID]],
    ['from its host name', '0::/', '', 'a1a1a1a1a1a1', ['a1a1a1a1a1a1']],
    ['once, where several say the same', `0::/docker/${ID}`, HOST_MOUNT, 'runner', [ID]],
    ['from Podman’s mounts', '0::/', PODMAN_MOUNT, 'runner', [ID]],
    ['not from the mounts of a machine on which containers run', '0::/', MACHINES_MOUNT, 'build-42', []],
    ['not at all on a plain machine', '0::/user.slice/session-1.scope', '24 1 254:1 / / rw - ext4 /dev/vda rw', 'build-42', []],
  ])('%s', (_, cgroup, mounts, host, expected) => {
    expect(guesses(cgroup, mounts, host)).toEqual(expected);
  });
});
