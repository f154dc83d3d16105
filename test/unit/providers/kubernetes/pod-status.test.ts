import { describe, expect, it } from 'vitest';
import { graceOf, podStatusOf } from '../../../../src/providers/kubernetes/pod-status';

const running = { state: { running: { startedAt: '2026-11-27T10:00:00Z' } } };
const waiting = { state: { waiting: { reason: 'ImagePullBackOff' } } };
const ended = (exitCode: number, finishedAt = '2026-11-27T10:00:00Z') => ({ state: { terminated: { exitCode, finishedAt } } });

const pod = (phase: string, containerStatuses: readonly object[] = [], { node = 'n', spec = {}, status = {} } = {}) => ({
  spec: { nodeName: node, ...spec },
  status: { phase, containerStatuses, ...status },
});

describe('a pod', () => {
  it.each([
    ['a container of it runs', pod('Running', [running, ended(0)]), true],
    ['only its init container runs', pod('Pending', [waiting], { status: { initContainerStatuses: [running] } }), true],
    ['it has a node that has said nothing yet', pod('Pending'), true],
    ['its node does not answer', pod('Unknown', [waiting]), true],
    ['no node has it', pod('Pending', [], { node: '' }), false],
    ['its image can’t be had', pod('Pending', [waiting]), false],
    ['its containers have ended', pod('Succeeded', [ended(0)]), false],
    ['it was evicted, and has no containers', pod('Failed'), false],
  ])('runs, or may, when %s: %#', (_, item, isRunning) => {
    expect(podStatusOf(item).isRunning).toBe(isRunning);
  });

  it('ended when its last container did', () => {
    const item = pod('Failed', [ended(0, '2026-11-27T10:00:05Z'), ended(1, '2026-11-27T10:00:09Z')]);
    expect(podStatusOf(item).endedAt).toBe(Date.parse('2026-11-27T10:00:09Z'));
    expect(podStatusOf(pod('Running', [running])).endedAt).toBeUndefined();
    expect(podStatusOf(pod('Failed', [ended(0, 'never')])).endedAt).toBeUndefined();
  });

  it.each([
    ['graceful', [ended(0), ended(143)]],
    ['killed', [ended(0), ended(137)]],
    [undefined, [ended(0), running]],
    [undefined, [waiting]],
  ])('has ended %s', (ending, containers) => {
    expect(podStatusOf(pod('Running', containers)).ending).toBe(ending);
  });

  it('names its claims', () => {
    const volumes = [{ persistentVolumeClaim: { claimName: 'data' } }, { emptyDir: {} }, { persistentVolumeClaim: null }];
    expect(podStatusOf(pod('Running', [], { spec: { volumes } })).claims).toEqual(['data']);
  });

  it('has the grace period that it asks for, also none; else Kubernetes’ own', () => {
    expect(graceOf({ terminationGracePeriodSeconds: 5 })).toBe(5_000);
    expect(graceOf({ terminationGracePeriodSeconds: 0 })).toBe(0);
    expect(graceOf({})).toBe(30_000);
  });

  it.each([{}, { spec: null, status: 'x' }, { status: { phase: 1, containerStatuses: [null, 7, { state: [] }] } }])(
    'that says nothing sensible may still run: %j',
    (item) => {
      expect(podStatusOf(item)).toMatchObject({ phase: 'Unknown', isRunning: true, node: '', claims: [] });
      expect(podStatusOf(item).ending).toBeUndefined();
    },
  );
});
