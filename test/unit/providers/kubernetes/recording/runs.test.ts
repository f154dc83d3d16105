import { describe, expect, it } from 'vitest';
import { changesOf } from '../../../../../src/providers/kubernetes/recording/changes';
import { runIn, runsOf, textOfRun } from '../../../../../src/providers/kubernetes/recording/runs';

const around = { provider: 'kubernetes', labels: { of: 'us' } };
const at = (second: number) => Date.parse('2026-11-27T10:00:00Z') + second * 1000;
const iso = (second: number) => new Date(at(second)).toISOString();
const NOW = at(59);

const waiting = (reason?: string, message?: string) => ({ waiting: { reason, message } });
const running = (second: number) => ({ running: { startedAt: iso(second) } });
const ended = (exitCode: number, second: number, reason = exitCode === 0 ? 'Completed' : 'Error') => ({
  terminated: { exitCode, reason, startedAt: iso(1), finishedAt: iso(second) },
});

interface Shape {
  readonly phase?: string;
  readonly restartCount?: number;
  readonly state?: object;
  readonly lastState?: object;
  readonly status?: object;
  readonly metadata?: object;
}

/** A pod with one container, about which its node has told something if there is a state. */
function pod({ phase = 'Running', restartCount = 0, state, lastState = {}, status = {}, metadata = {} }: Shape = {}) {
  const containerStatuses = state === undefined ? [] : [{ name: 'main', restartCount, state, lastState }];
  return {
    metadata: { uid: 'u', name: 'agent', namespace: 'bench', creationTimestamp: iso(0), ...metadata },
    spec: { containers: [{ name: 'main', image: 'busybox' }] },
    status: { phase, containerStatuses, ...status },
  };
}

const look = (shape: Shape) => runsOf(pod(shape), around);
const told = (shape: Shape) => look(shape).map(({ container, phase, exitCode }) => [container.id, phase, exitCode]);

describe('the runs of a container', () => {
  it.each([
    ['nothing is known of it', {}, [['u/main#0', 'waiting', undefined]]],
    ['it is being made', { state: waiting('ContainerCreating') }, [['u/main#0', 'waiting', undefined]]],
    ['it runs', { state: running(1) }, [['u/main#0', 'running', undefined]]],
    ['it has ended', { state: ended(3, 5) }, [['u/main#0', 'ended', 3]]],
    ['it waits to be started again', { state: waiting('CrashLoopBackOff'), lastState: ended(3, 5) }, [['u/main#0', 'ended', 3]]],
    [
      'it runs for the third time',
      { restartCount: 2, state: running(9), lastState: ended(4, 7) },
      [
        ['u/main#1', 'ended', 4],
        ['u/main#2', 'running', undefined],
      ],
    ],
    [
      'it has ended twice',
      { restartCount: 1, state: ended(0, 9), lastState: ended(4, 7) },
      [
        ['u/main#0', 'ended', 4],
        ['u/main#1', 'ended', 0],
      ],
    ],
  ])('are told when %s', (_, shape, runs) => {
    expect(told(shape)).toEqual(runs);
  });

  it.each(['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'CreateContainerConfigError'])(
    'are none that ever began, for %s',
    (reason) => {
      expect(look({ phase: 'Pending', state: waiting(reason, 'no such image') })).toMatchObject([
        { phase: 'never started', reason, error: `${reason}: no such image` },
      ]);
    },
  );

  it.each(['ContainerCreating', 'PodInitializing', 'ErrImagePull', undefined])('may still begin, for %s', (reason) => {
    expect(look({ phase: 'Pending', state: waiting(reason) })).toMatchObject([{ phase: 'waiting' }]);
  });

  it('have the times, the image and the labels of their pod', () => {
    expect(look({ state: ended(3, 5) })).toEqual([
      {
        container: {
          ...{ provider: 'kubernetes', kind: 'pod', id: 'u/main#0', name: 'agent', namespace: 'bench', image: 'busybox' },
          ...{ state: 'Running', running: false, labels: { of: 'us' }, createdAt: at(0) },
        },
        ...{ phase: 'ended', startedAt: at(1), endedAt: at(5), exitCode: 3, oomKilled: false, autoRemove: false },
      },
    ]);
  });

  it.each([
    ['memory ran out', { state: ended(137, 5, 'OOMKilled') }, { reason: 'OOMKilled', oomKilled: true, exitCode: 137 }],
    [
      'it could not be started',
      {
        state: {
          terminated: {
            ...{ exitCode: 128, reason: 'StartError', message: 'no such file' },
            ...{ startedAt: '1970-01-01T00:00:00Z', finishedAt: iso(5) },
          },
        },
      },
      { phase: 'never started', reason: 'StartError', exitCode: 128, endedAt: at(5), error: 'StartError: no such file' },
    ],
    [
      'its pod was evicted',
      { phase: 'Failed', state: ended(137, 5), status: { reason: 'Evicted' } },
      { reason: 'Evicted', phase: 'ended' },
    ],
    [
      'its pod was evicted before it began',
      { phase: 'Failed', status: { reason: 'Evicted', message: 'no memory' } },
      { reason: 'Evicted', phase: 'never started', error: 'Evicted: no memory' },
    ],
    [
      'its pod made room',
      {
        state: ended(143, 5),
        status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
      },
      { reason: 'PreemptionByScheduler', exitCode: 143 },
    ],
  ])('say why they ended: %s', (_, shape, status) => {
    expect(look(shape)).toMatchObject([status]);
  });

  it('say no reason where the exit code says all', () => {
    expect(look({ state: ended(1, 5) })[0]).not.toHaveProperty('reason');
    expect(look({ state: ended(0, 5) })[0]).not.toHaveProperty('reason');
  });

  it('have the names of both where a pod has several containers', () => {
    const spec = { initContainers: [{ name: 'prepare' }], containers: [{ name: 'agent' }, { name: 'proxy' }] };
    const names = runsOf({ ...pod(), spec }, around).map(({ container }) => container.name);

    expect(names).toEqual(['agent/prepare', 'agent/agent', 'agent/proxy']);
  });

  it.each([{}, { metadata: { name: 'a' } }, { metadata: null, spec: 7 }])('of what is no pod are none: %j', (item) => {
    expect(runsOf(item, around)).toEqual([]);
  });

  it('survive a status of any shape', () => {
    const odd = { ...pod(), status: { phase: 3, containerStatuses: [null, { name: 'main', restartCount: 'x', state: [] }] } };

    expect(runsOf(odd, around)).toMatchObject([{ phase: 'waiting', container: { id: 'u/main#0' } }]);
  });
});

describe('a pod in deletion', () => {
  const metadata = { deletionTimestamp: iso(30), deletionGracePeriodSeconds: 20 };

  it('was asked to end at its request, not at its end', () => {
    expect(look({ state: running(1), metadata })[0]?.askedAt).toBe(at(10));
  });

  it('was not asked if it was evicted', () => {
    const status = { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] };

    expect(look({ state: running(1), metadata, status })[0]?.askedAt).toBeUndefined();
  });
});

describe('what the pod does not live for', () => {
  const sidecar = { name: 'proxy', restartPolicy: 'Always' };
  const helped = (restartPolicy: string, main: object, proxy: object) =>
    runsOf(
      {
        ...pod(),
        spec: { restartPolicy, initContainers: [sidecar], containers: [{ name: 'main' }] },
        status: {
          initContainerStatuses: [{ name: 'proxy', restartCount: 0, state: proxy }],
          containerStatuses: [{ name: 'main', restartCount: 0, state: main }],
        },
      },
      around,
    ).map(({ container, askedAt }) => [container.name, askedAt]);

  it.each([
    ['Never', ended(3, 5)],
    ['OnFailure', ended(0, 5)],
  ])('was asked to end when the rest had ended, with restartPolicy %s', (policy, main) => {
    expect(helped(policy, main, ended(143, 6))).toEqual([
      ['agent/proxy', at(5)],
      ['agent', undefined],
    ]);
    expect(helped(policy, main, running(1))[0]).toEqual(['agent/proxy', at(5)]);
  });

  it.each([
    ['ended before the rest', 'Never', ended(3, 5), ended(1, 4)],
    ['ended while the rest ran', 'Never', running(1), ended(1, 4)],
    ['ended while the rest was to be started again', 'OnFailure', ended(3, 5), ended(1, 6)],
    ['ended in a pod without an end', 'Always', ended(0, 5), ended(1, 6)],
  ])('was not asked if it %s', (_, policy, main, proxy) => {
    expect(helped(policy, main, proxy)[0]).toEqual(['agent/proxy', undefined]);
  });
});

describe('the id of a run', () => {
  it('is read as it was written', () => {
    const run = { uid: '8c3f-1', container: 'main', run: 12 };

    expect(runIn(textOfRun(run))).toEqual(run);
  });

  it.each(['', 'abc', 'a/b', 'a/b#', 'a/b#x', 'a/b/c#1', '0123456789ab'.repeat(5)])('is none in %j', (id) => {
    expect(runIn(id)).toBeUndefined();
  });
});

describe('what happened between two looks', () => {
  const kinds = (before: Shape | undefined, after: Shape | undefined) =>
    changesOf(before && look(before), after && look(after), NOW).map(({ kind, container: { id } }) => `${kind} ${id}`);

  it.each([
    ['it came', undefined, { state: waiting() }, ['created u/main#0']],
    ['it came, and runs', undefined, { state: running(1) }, ['created u/main#0', 'started u/main#0']],
    ['it began', { state: waiting() }, { state: running(1) }, ['started u/main#0']],
    ['nothing', { state: running(1) }, { state: running(1) }, []],
    ['it ended', { state: running(1) }, { state: ended(3, 5) }, ['died u/main#0']],
    ['it began and ended', { state: waiting() }, { state: ended(3, 5) }, ['started u/main#0', 'died u/main#0']],
    ['memory ran out', { state: running(1) }, { state: ended(137, 5, 'OOMKilled') }, ['oom u/main#0', 'died u/main#0']],
    [
      'it ended and was started again',
      { state: running(1) },
      { restartCount: 1, state: running(9), lastState: ended(3, 5) },
      ['died u/main#0', 'created u/main#1', 'started u/main#1'],
    ],
    [
      'it was started again twice',
      { state: running(1) },
      { restartCount: 2, state: running(9), lastState: ended(3, 5) },
      ['created u/main#1', 'started u/main#1', 'died u/main#1', 'created u/main#2', 'started u/main#2', 'removed u/main#0'],
    ],
    ['it went', { state: running(1) }, undefined, ['removed u/main#0']],
    ['its image can’t be had', { state: waiting() }, { state: waiting('ImagePullBackOff') }, []],
    ['it began after all', { state: waiting('ImagePullBackOff') }, { state: running(5) }, ['started u/main#0']],
    [
      'it was asked to end, and did',
      { state: running(1) },
      { state: ended(143, 5), metadata: { deletionTimestamp: iso(4) } },
      ['asked u/main#0', 'died u/main#0'],
    ],
    [
      'it ended, and was deleted then',
      { state: running(1) },
      { state: ended(3, 5), metadata: { deletionTimestamp: iso(6) } },
      ['died u/main#0'],
    ],
    ['its start failed', { state: waiting() }, { state: ended(128, 5, 'StartError') }, ['died u/main#0']],
    ['it was deleted after its end', { state: ended(3, 5) }, { state: ended(3, 5), metadata: { deletionTimestamp: iso(9) } }, []],
    [
      'it was asked before',
      { state: running(1), metadata: { deletionTimestamp: iso(9) } },
      { state: running(1), metadata: { deletionTimestamp: iso(9) } },
      [],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(kinds(before, after)).toEqual(expected);
  });

  it('has times, the exit code and the reason', () => {
    const before = look({ state: running(1) });
    const after = look({ state: ended(137, 5), status: { reason: 'Evicted' } });

    expect(changesOf(before, after, NOW)).toMatchObject([{ kind: 'died', at: at(5), exitCode: 137, reason: 'Evicted' }]);
    expect(changesOf(before, [], NOW)).toMatchObject([{ kind: 'removed', at: NOW }]);
  });
});
