import { describe, expect, it } from 'vitest';
import { labels } from '../../../src/core/labels';
import type { Settlement } from '../../../src/core/outcome';
import type { Resource } from '../../../src/core/resource';
import { providerReport, removedIn, resourceReport, totalsOf } from '../../../src/report/model';
import { failed, phase, resource } from '../../support/report/sample';

const seen: Resource = {
  provider: 'docker',
  kind: 'container',
  id: 'a',
  name: 'task',
  state: 'running',
  running: true,
  labels: {},
};
const settlement: Settlement = { resource: seen, outcome: 'killed', durationMs: 12.6, steps: [] };

describe('a resource’s report', () => {
  it('says null for what is not known', () => {
    expect(resourceReport(settlement)).toEqual({
      provider: 'docker',
      kind: 'container',
      id: 'a',
      name: 'task',
      image: null,
      state: 'running',
      createdAt: null,
      session: null,
      runUrl: null,
      outcome: 'killed',
      durationMs: 13,
      steps: [],
      error: null,
      reason: null,
      command: null,
    });
  });

  it('holds what is known, in words that a reader understands', () => {
    const startedAt = Date.UTC(2030, 0, 1);
    const steps = [{ action: 'stop', attempts: 1, startedAt, durationMs: 0.4, result: 'done' }] as const;
    const known = {
      ...seen,
      image: 'busybox',
      createdAt: Date.UTC(2030, 0, 1),
      labels: { [labels.session]: 'gh-1', [labels.runUrl]: 'https://ghe/run' },
    };
    const error = new Error('permission denied');
    expect(resourceReport({ ...settlement, resource: known, steps, error, command: 'docker rm a' })).toMatchObject({
      image: 'busybox',
      createdAt: '2030-01-01T00:00:00.000Z',
      session: 'gh-1',
      runUrl: 'https://ghe/run',
      steps: [{ startedAt: '2030-01-01T00:00:00.000Z', durationMs: 0 }],
      error: 'permission denied',
      command: 'docker rm a',
    });
  });

  it('survives a time of creation that is none', () => {
    expect(resourceReport({ ...settlement, resource: { ...seen, createdAt: Number.NaN } }).createdAt).toBeNull();
  });
});

describe('a provider’s report', () => {
  it('says why there is none', () => {
    const connection = { name: 'docker', status: 'skipped', reason: 'docker is false' } as const;
    expect(providerReport(connection)).toEqual({ ...connection, command: null });
  });
});

describe('the totals', () => {
  it('have every outcome', () => {
    expect(totalsOf([resource(), resource(), failed()])).toEqual({
      graceful: 2,
      killed: 0,
      removed: 0,
      gone: 0,
      planned: 0,
      kept: 0,
      failed: 1,
    });
  });

  it('count as removed what is gone by us', () => {
    const all = ['graceful', 'killed', 'removed', 'gone', 'planned', 'kept', 'failed'] as const;
    expect(removedIn(phase(all.map((outcome) => resource({ outcome }))))).toBe(3);
  });
});
