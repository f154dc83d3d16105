import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/core/resource';
import { excess } from '../../../src/reaper/quota';

const container = (name: string, running: boolean, createdAt?: number): Resource => ({
  provider: 'docker',
  kind: 'container',
  id: name,
  name,
  state: running ? 'running' : 'exited',
  running,
  labels: {},
  ...(createdAt === undefined ? {} : { createdAt }),
});

const resources = [
  container('young and running', true, 30),
  container('old and running', true, 10),
  container('young and stopped', false, 40),
  container('old and stopped', false, 20),
  container('stopped at an unknown age', false),
];

const names = (max: number, removable: (resource: Resource) => boolean = () => true) =>
  excess(resources, max, removable).map(({ name }) => name);

describe('what is more than the quota', () => {
  it('goes stopped first, then oldest', () => {
    expect(names(0)).toEqual([
      'old and stopped',
      'young and stopped',
      'stopped at an unknown age',
      'old and running',
      'young and running',
    ]);
  });

  it('is as many as there are too many', () => {
    expect(names(3)).toEqual(['old and stopped', 'young and stopped']);
  });

  it('is nothing when there are no more than allowed', () => {
    expect(names(5)).toEqual([]);
  });

  it('does not include what may not go, though that counts', () => {
    expect(names(4, ({ running }) => running)).toEqual(['old and running']);
  });
});
