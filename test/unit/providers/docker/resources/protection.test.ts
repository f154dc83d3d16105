import { describe, expect, it } from 'vitest';
import type { Kind, Resource } from '../../../../../src/core/resource';
import { protectionOn } from '../../../../../src/providers/docker/resources/protection';

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
  ])('%s', (_, candidate, reason) => {
    expect(protectionOn(candidate, own)).toMatch(reason);
  });

  it.each([
    ['another container', resource('container', 'other')],
    ['a volume that is called like the container', resource('volume', 'own')],
    ['a label of six hex digits that has a value', resource('container', 'other', { decade: 'true' })],
  ])('not %s', (_, candidate) => {
    expect(protectionOn(candidate, own)).toBeUndefined();
  });

  it('nothing but the runner’s where this process runs in no container', () => {
    expect(protectionOn(resource('container', 'own'), undefined)).toBeUndefined();
  });
});
