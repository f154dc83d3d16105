import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../../../src/core/resource';
import { isOfSwarm, onlyOnManagers, swarmNodeIn, taskOf } from '../../../../../src/providers/docker/resources/swarm';

const RemoteManagers = [{ NodeID: 'a', Addr: '10.66.0.1:2377' }];

describe('the place of an engine in a swarm', () => {
  it.each([
    ['none where there is no swarm', { LocalNodeState: 'inactive' }, 'none', false],
    ['none where the state is empty', { LocalNodeState: '' }, 'none', false],
    ['unknown where it does not say', undefined, 'unknown', false],
    ['a manager alone', { LocalNodeState: 'active', ControlAvailable: true, Nodes: 1 }, 'manager', false],
    ['a manager of several nodes', { LocalNodeState: 'active', ControlAvailable: true, Nodes: 2 }, 'manager', true],
    ['a worker, which has others for certain', { LocalNodeState: 'active', ControlAvailable: false }, 'worker', true],
    ['no manager while it is locked', { LocalNodeState: 'locked', ControlAvailable: false }, 'worker', true],
  ])('is %s', (_, Swarm, role, isOneOfMany) => {
    expect(swarmNodeIn(Swarm ? { Swarm } : {})).toMatchObject({ role, isOneOfMany });
  });

  it('names managers without their ports', () => {
    const { managers } = swarmNodeIn({ Swarm: { LocalNodeState: 'active', RemoteManagers } });
    expect(managers).toEqual(['10.66.0.1']);
  });
});

function resource(kind: Resource['kind'], changes: Partial<Resource> = {}): Resource {
  return { provider: 'docker', kind, id: 'i', name: 'n', state: 'present', running: false, labels: {}, ...changes };
}

const labels = {
  'com.docker.swarm.task.id': 'task',
  'com.docker.swarm.service.id': 'id',
  'com.docker.swarm.service.name': 'web',
};

describe('the service of a container', () => {
  it.each([
    ['is in its labels', 'web.1.task', labels, { service: 'web', serviceId: 'id' }],
    ['is unknown where only an image handed the labels on', 'copy', labels, undefined],
    ['is none without labels', 'web.1.task', {}, undefined],
  ])('%s', (_, name, own, task) => {
    expect(taskOf(resource('container', { name, labels: own }))).toEqual(task);
  });
});

it.each([
  ['a service', resource('service'), true],
  ['a secret', resource('secret'), true],
  ['a task’s container', resource('container', { service: 'id' }), true],
  ['another container', resource('container'), false],
  ['an overlay network', resource('network', { shared: true }), true],
  ['a bridge', resource('network'), false],
  ['a named volume, which a task may have made', resource('volume'), true],
  ['an anonymous volume, whose container is known', resource('volume', { anonymous: true }), false],
])('%s may come from the swarm: %s', (_, one, is) => {
  expect(isOfSwarm(one)).toBe(is);
});

it('a command for a manager names no host, and is quoted', () => {
  const { message, command } = onlyOnManagers('no', ['service', 'rm', 'a;b'], { managers: ['10.66.0.1'] });
  expect([message, command]).toEqual(['no: run the command on a manager of the swarm (10.66.0.1)', "docker service rm 'a;b'"]);
});
