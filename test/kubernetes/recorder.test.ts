import { describe, expect, it } from 'vitest';
import type { ContainerSource } from '../../src/core/container-source';
import { systemClock as clock } from '../../src/lib/clock';
import { withDeadline } from '../../src/lib/deadline';
import { recordEnded } from '../../src/recorder/ended';
import { logOf, place, type RecordingSettings, TestRecording } from '../support/engine/recording';
import { ENDS_AT_SIGTERM, type KubernetesObject } from '../support/kubernetes/cluster';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { ROLE } from '../support/kubernetes/role';
import { connectTo } from '../support/kubernetes/session';
import { until } from '../support/until';

/** The containers of the pods in namespaces, for the user of a kubeconfig. */
async function sourceIn(namespaces: readonly string[], kubeconfig?: string): Promise<ContainerSource> {
  const found = await withDeadline(20_000, { clock }, (deadline) =>
    connectTo({ kubernetesNamespaces: namespaces.join('\n') }, kubeconfig === undefined ? {} : { kubeconfig }, deadline),
  );
  if (found.status !== 'ready' || found.containers === undefined) throw new Error('the cluster is not ready');
  return found.containers;
}

async function recordingIn(namespace: string, settings: RecordingSettings = {}): Promise<TestRecording> {
  return TestRecording.start({ source: await sourceIn([namespace]), ...settings });
}

const script = (text: string) => ['sh', '-c', text];

/** A container of a pod with several. */
const container = (name: string, text: string, more = {}) => ({
  name,
  image: cluster.image,
  imagePullPolicy: 'IfNotPresent',
  command: script(text),
  ...more,
});

/** A command of a container's, which goes on when it is let go. */
const WAITS = 'while [ ! -e /go ]; do sleep 0.1; done';

async function letGo({ metadata: { name, namespace } }: KubernetesObject): Promise<void> {
  await cluster.kubectl('exec', name, `--namespace=${namespace}`, '--', 'touch', '/go');
}

async function deletePod({ metadata: { name, namespace } }: KubernetesObject): Promise<void> {
  await cluster.kubectl('delete', 'pod', name, `--namespace=${namespace}`);
}

describe('a pod that fails while it is recorded', () => {
  it('is a death with its exit code, and its log in a file; another’s pod is not', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    await cluster.pod({ namespace, command: script('echo another; exit 4'), until: 'Failed' });
    const pod = await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script('echo out; echo err >&2; printf unfinished; exit 3'),
      until: 'Failed',
    });
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([
      {
        container: { name: pod.metadata.name, namespace },
        exitCode: 3,
        oomKilled: false,
        asked: false,
        log: { status: 'kept', reason: null },
      },
    ]);
    expect((await logOf(deaths[0])).split('\n').toSorted()).toEqual(['', 'err', 'out', 'unfinished']);
    expect(deaths[0]?.livedMs).toBeGreaterThanOrEqual(0);
    expect(deaths[0]).not.toHaveProperty('reason');
  });

  it('tells of each of its containers, by the names of both', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace, { logs: 'all' });
    const spec = {
      initContainers: [container('prepare', 'echo prepared')],
      containers: [container('agent', 'echo agent; exit 5'), container('helper', 'echo helper; sleep 1')],
    };
    const { metadata } = await cluster.pod({ namespace, ...recording.labelled, spec, until: 'Failed' });
    const deaths = await recording.finish();

    const told = await Promise.all(deaths.map(async (death) => [death.container.name, death.exitCode, await logOf(death)]));
    expect(told.toSorted()).toEqual([
      [`${metadata.name}/agent`, 5, 'agent\n'],
      [`${metadata.name}/helper`, 0, 'helper\n'],
      [`${metadata.name}/prepare`, 0, 'prepared\n'],
    ]);
    expect(new Set(deaths.map(({ log }) => log.file)).size).toBe(3);
  });

  it('and is started again tells of each run, with that run’s log', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const volume = { name: 'data', emptyDir: {} };
    const counting =
      'n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) > /data/n; echo run $n; [ $n -gt 0 ] && exit 7; exit 6';
    const spec = {
      restartPolicy: 'OnFailure',
      volumes: [volume],
      containers: [container('main', counting, { volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
    };
    const { metadata } = await cluster.pod({ namespace, ...recording.labelled, spec, until: 'created' });
    await cluster.wait(`pod/${metadata.name}`, namespace, 'jsonpath={.status.containerStatuses[0].restartCount}=1');
    await cluster.wait(
      `pod/${metadata.name}`,
      namespace,
      'jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff',
    );
    const deaths = await recording.finish();

    const told = await Promise.all(
      deaths.map(async (death) => [death.container.id, death.container.name, death.exitCode, await logOf(death)]),
    );
    const expected = deaths.map((_, run) => [`${metadata.uid}/main#${run}`, metadata.name, run === 0 ? 6 : 7, `run ${run}\n`]);
    expect(told).toEqual(expected);
    expect(told.length).toBeGreaterThanOrEqual(2); // A busy machine may come to a third run.
  });

  it('for want of memory says so', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const limits = { resources: { limits: { memory: '32Mi' } } };
    const spec = { containers: [container('main', 'exec dd if=/dev/zero of=/dev/null bs=100M count=1', limits)] };
    await cluster.pod({ namespace, ...recording.labelled, spec, until: 'Failed' });

    expect(await recording.finish()).toMatchObject([{ exitCode: 137, oomKilled: true, reason: 'OOMKilled' }]);
  });

  it('whose image can’t be had never ran, and says why', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const spec = { containers: [container('main', 'true', { image: 'cleanup.example/none:1', imagePullPolicy: 'Never' })] };
    const { metadata } = await cluster.pod({ namespace, ...recording.labelled, spec, until: 'created' });
    await cluster.wait(
      `pod/${metadata.name}`,
      namespace,
      'jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImageNeverPull',
    );

    expect(await recording.finish()).toMatchObject([
      {
        exitCode: null,
        livedMs: null,
        reason: 'ErrImageNeverPull',
        log: { status: 'unwanted', reason: expect.stringContaining('it never ran: ErrImageNeverPull: ') },
      },
    ]);
  });

  it('whose command is not there never ran, and says why', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    await cluster.pod({ namespace, ...recording.labelled, command: ['/no/such/command'], until: 'Failed' });

    expect(await recording.finish()).toMatchObject([
      {
        ...{ exitCode: 128, livedMs: null, asked: false, reason: 'StartError' },
        log: { status: 'unwanted', reason: expect.stringMatching(/^it never ran: StartError: .*no such file/s) },
      },
    ]);
  });

  it('is no failure of its sidecar, which is asked to end when the rest has ended', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const spec = {
      initContainers: [container('proxy', 'trap "exit 9" TERM; while :; do sleep 0.1; done', { restartPolicy: 'Always' })],
      containers: [container('main', 'exit 3')],
    };
    const { metadata } = await cluster.pod({ namespace, ...recording.labelled, spec, until: 'Failed' });
    const deaths = await recording.finish();

    // Both can end in one second: their order is not known.
    expect(deaths.map(({ container: { name }, exitCode, asked }) => [name, exitCode, asked]).toSorted()).toEqual([
      [metadata.name, 3, false],
      [`${metadata.name}/proxy`, 9, true],
    ]);
  });

  it('because it was evicted says so', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const { metadata } = await cluster.podOnVanishedNode({ namespace, ...recording.labelled });
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    await cluster.kubectl(
      'patch',
      'pod',
      metadata.name,
      `--namespace=${namespace}`,
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status })}`,
    );

    expect(await recording.finish()).toMatchObject([{ container: { name: metadata.name }, exitCode: null, reason: 'Evicted' }]);
  });

  it('is known by the label of the job that made it', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const { spec } = cluster.podOf({ namespace, command: script('echo of a job; exit 9') });
    const job = (name: string, labels: object) => ({
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace, labels } },
      spec: { backoffLimit: 0, template: { metadata: {}, spec } },
    });
    await cluster.create(job('another', {}), job('ours', recording.labelled.labels));
    for (const name of ['another', 'ours']) await cluster.wait(`job/${name}`, namespace, 'condition=Failed');
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ container: { name: expect.stringMatching(/^ours-/) }, exitCode: 9 }]);
    expect(await logOf(deaths[0])).toBe('of a job\n');
  });
});

describe('a pod that the benchmark deletes', () => {
  it('was asked to end, and has its log although that went with it', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script('echo started; trap "echo asked; exit 9" TERM; while :; do sleep 0.1; done'),
    });
    await until('its log is followed', () => recording.hasAttached({ id: `${pod.metadata.uid}/main#0` }));
    await deletePod(pod);
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ exitCode: 9, asked: true, log: { status: 'kept', reason: null } }]);
    expect(await logOf(deaths[0])).toBe('started\nasked\n');
  });

  it('at once, with no grace, has its log, too', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script('echo line; while :; do sleep 0.1; done'),
    });
    await until('its log is followed', () => recording.hasAttached({ id: `${pod.metadata.uid}/main#0` }));
    const { name } = pod.metadata;
    await cluster.kubectl('delete', 'pod', name, `--namespace=${namespace}`, '--grace-period=0', '--force');
    const another = await cluster.pod({
      namespace,
      name,
      ...recording.labelled,
      command: script('echo another; exit 6'),
      until: 'Failed',
    });
    // Both can end in one second: their order is not known.
    const deaths = (await recording.finish()).toSorted((a, b) => (a.exitCode ?? 0) - (b.exitCode ?? 0));

    expect(deaths).toMatchObject([
      { container: { id: `${pod.metadata.uid}/main#0` }, exitCode: null, asked: true, log: { status: 'kept' } },
      { container: { id: `${another.metadata.uid}/main#0` }, exitCode: 6, asked: false, log: { status: 'kept' } },
    ]);
    expect(await Promise.all(deaths.map(logOf))).toEqual(['line\n', 'another\n']);
  });

  it('after it has failed is a failure, with its log', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({ namespace, ...recording.labelled, command: script('echo line; exit 3'), until: 'Failed' });
    await deletePod(pod);
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ exitCode: 3, asked: false, log: { status: 'kept' } }]);
    expect(await logOf(deaths[0])).toBe('line\n');
  });
});

describe('the recorder of pods', () => {
  it('keeps a long log with a line that has no end, and one of a megabyte', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const text =
      'i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; head -c 1000000 /dev/zero | tr "\\\\0" x; echo; printf "\\\\001\\\\377::error::no"; exit 1';
    await cluster.pod({ namespace, ...recording.labelled, command: script(text.replaceAll('\\\\', '\\')), until: 'Failed' });
    const [death] = await recording.finish();

    const lines = (await logOf(death)).split('\n');
    expect(lines.slice(0, 5000)).toEqual(Array.from({ length: 5000 }, (_, i) => `line ${i}`));
    expect(lines.slice(5000, -2).join('')).toBe('x'.repeat(1_000_000));
    expect(lines.at(-2)).toBe('\x01\xff::error::no');
  });

  it('has no secrets in a log', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace, { secrets: ['swordfish-1234'] });
    await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script('echo "the key is swordfish-1234"; exit 1'),
      until: 'Failed',
    });
    const [death] = await recording.finish();

    expect(await logOf(death)).toBe('the key is ***\n');
  });

  it('tells of a pod that ran before it came', async () => {
    const namespace = await cluster.namespace();
    const source = await sourceIn([namespace]);
    const labels = { 'of-the': 'benchmark' };
    const pod = await cluster.pod({ namespace, labels, command: script(`echo early; ${WAITS}; exit 8`) });
    await cluster.pod({ namespace, labels, command: script('exit 2'), until: 'Failed' });
    // Times have whole seconds.
    const endedBy = Date.now();
    await until('a second has passed', () => Date.now() - endedBy > 2_000);
    const recording = await TestRecording.start({ source, owned: (one) => one.labels['of-the'] === 'benchmark' });
    await letGo(pod);
    await cluster.wait(`pod/${pod.metadata.name}`, namespace, 'jsonpath={.status.phase}=Failed');
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ container: { name: pod.metadata.name }, exitCode: 8 }]);
    expect(await logOf(deaths[0])).toBe('early\n');
  });

  it('in post, keeps the logs of pods that have failed unwatched', async () => {
    const namespace = await cluster.namespace();
    const labels = { 'of-the': 'benchmark' };
    const failed = await cluster.pod({ namespace, labels, command: script('echo unwatched; exit 3'), until: 'Failed' });
    await cluster.pod({ namespace, labels, command: ENDS_AT_SIGTERM });
    await cluster.pod({ namespace, command: script('echo another; exit 3'), until: 'Failed' });
    const deaths = await recordEnded({
      ...{
        source: await sourceIn([namespace]),
        place: await place(),
        clock,
        logs: 'failed',
        signal: AbortSignal.timeout(30_000),
      },
      owned: (one) => one.labels['of-the'] === 'benchmark',
      isRecorded: () => false,
    });

    expect(deaths).toMatchObject([{ container: { name: failed.metadata.name }, exitCode: 3 }]);
    expect(await logOf(deaths[0])).toBe('unwatched\n');
  });

  it('records one of two namespaces where the other is forbidden, and says so', async () => {
    const [namespace, forbidden] = [await cluster.namespace(), await cluster.namespace()];
    const account = await cluster.serviceAccount(namespace, [
      { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'] },
    ]);
    const recording = await TestRecording.start({ source: await sourceIn([namespace, forbidden], account) });
    await cluster.pod({ namespace: forbidden, ...recording.labelled, command: script('exit 2'), until: 'Failed' });
    await cluster.pod({ namespace, ...recording.labelled, command: script('echo line; exit 3'), until: 'Failed' });
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ exitCode: 3, log: { status: 'kept' } }]);
    expect(recording.recorder.trouble?.message).toContain(forbidden);
  });

  it('needs no more than the role of the documents', async () => {
    const namespace = await cluster.namespace();
    const recording = await TestRecording.start({
      source: await sourceIn([namespace], await cluster.serviceAccount(namespace, ROLE)),
    });
    const { spec } = cluster.podOf({ namespace, command: script('echo line; exit 3') });
    const metadata = { name: 'ours', namespace, labels: recording.labelled.labels };
    await cluster.create({
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata },
      spec: { backoffLimit: 0, template: { metadata: {}, spec } },
    });
    await cluster.wait('job/ours', namespace, 'condition=Failed');
    const deaths = await recording.finish();

    expect(recording.recorder.trouble).toBeUndefined();
    expect(deaths).toMatchObject([{ exitCode: 3, log: { status: 'kept' } }]);
  });

  it('without the right to read logs says so, and tells of ends all the same', async () => {
    const namespace = await cluster.namespace();
    const account = await cluster.serviceAccount(namespace, [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    const recording = await TestRecording.start({ source: await sourceIn([namespace], account) });
    await cluster.pod({ namespace, ...recording.labelled, command: script('exit 3'), until: 'Failed' });

    expect(await recording.finish()).toMatchObject([
      { exitCode: 3, log: { status: 'unavailable', reason: expect.stringMatching(/pods\/log.*403/) } },
    ]);
  });

  itOnOwnCluster('loses nothing when the API server is killed meanwhile', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script(`echo before; ${WAITS}; echo after; exit 3`),
    });
    await cluster.kill('apiserver');
    await until('the recorder has noticed', () => recording.recorder.trouble !== undefined);
    await cluster.restart('apiserver');
    await letGo(pod);
    await cluster.wait(`pod/${pod.metadata.name}`, namespace, 'jsonpath={.status.phase}=Failed');
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ container: { name: pod.metadata.name }, exitCode: 3 }]);
    expect(await logOf(deaths[0])).toBe('before\nafter\n');
  });

  itOnOwnCluster('has the whole log of a pod whose node’s kubelet is killed meanwhile', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({
      namespace,
      ...recording.labelled,
      command: script(`echo before; ${WAITS}; echo after; exit 3`),
    });
    await until('its log is followed', () => recording.hasAttached({ id: `${pod.metadata.uid}/main#0` }));
    await cluster.kill('kubelet');
    await cluster.restart('kubelet');
    await until('commands can be run in it', () =>
      letGo(pod).then(
        () => true,
        () => false,
      ),
    );
    await cluster.wait(`pod/${pod.metadata.name}`, namespace, 'jsonpath={.status.phase}=Failed');
    const deaths = await recording.finish();

    expect(deaths).toMatchObject([{ container: { name: pod.metadata.name }, exitCode: 3, log: { reason: null } }]);
    expect(await logOf(deaths[0])).toBe('before\nafter\n');
  });

  itOnOwnCluster('ends in time although the API server does not answer, with what it has of a log', async () => {
    const namespace = await cluster.namespace();
    const recording = await recordingIn(namespace);
    const pod = await cluster.pod({ namespace, ...recording.labelled, command: script('echo before; exit 3'), until: 'Failed' });
    await until('its log is followed', () => recording.hasAttached({ id: `${pod.metadata.uid}/main#0` }));
    await cluster.freeze('apiserver');
    const startedAt = Date.now();
    const deaths = await recording.finish(AbortSignal.timeout(3_000)).finally(() => cluster.thaw('apiserver'));

    expect(Date.now() - startedAt).toBeLessThan(6_000);
    expect(deaths).toMatchObject([{ container: { name: pod.metadata.name }, exitCode: 3 }]);
  });
});
