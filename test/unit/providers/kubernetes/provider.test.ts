import { beforeAll, describe, expect, it } from 'vitest';
import { labels } from '../../../../src/core/labels';
import type { Rung, RungAction } from '../../../../src/core/provider';
import { KINDS, type Kind, type Resource } from '../../../../src/core/resource';
import type { Json } from '../../../../src/lib/json-shape';
import { KubernetesError } from '../../../../src/providers/kubernetes/errors';
import { Kubectl } from '../../../../src/providers/kubernetes/kubectl';
import { Kubernetes, type KubernetesSettings } from '../../../../src/providers/kubernetes/provider';
import { type SelfInCluster, selfInCluster } from '../../../../src/providers/kubernetes/self';
import { FakeCluster } from '../../../support/kubernetes/fake-cluster';
import { VirtualClock } from '../../../support/simulation/virtual-clock';

const never = new AbortController().signal;
const SESSION = 'gh-1.ab12cd34.ef56ab78';
const OURS = { labels: { [labels.session]: SESSION } };
const RUNS = { spec: { nodeName: 'node' }, status: { phase: 'Running', containerStatuses: [{ state: { running: {} } }] } };

const controlledBy = (kind: string, name: string, apiVersion = 'apps/v1', uid = name): Json => ({
  ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
});

/** The clock is 2001-09-09T01:46:40Z at its start. */
function setting(more: Partial<KubernetesSettings> = {}, self?: SelfInCluster) {
  const clock = new VirtualClock(() => 0.5);
  const cluster = new FakeCluster(clock);
  const settings = {
    ...{ name: 'kubernetes', kinds: KINDS, namespaces: ['bench'], isExclusive: false },
    ...{ stopMs: 10_000, killMs: 10_000, removeMs: 10_000 },
    ...more,
  };
  const kubectl = new Kubectl({ context: 'c' }, { files: '', from: '' }, ['bench']);
  const provider = new Kubernetes(cluster.client, kubectl, settings, self, clock);

  async function listed(kind: Kind): Promise<readonly Resource[]> {
    return clock.run(provider.list(kind, never));
  }
  async function only(kind: Kind): Promise<Resource> {
    const [found, ...others] = await listed(kind);
    if (found === undefined || others.length > 0) throw new Error(`${others.length} others`);
    return found;
  }
  function rung(resource: Resource, action: RungAction): Rung {
    const found = provider.ladder(resource).find((one) => one.action === action);
    if (found === undefined) throw new Error(`no rung ${action}`);
    return found;
  }
  const run = (resource: Resource, action: RungAction, graceMs = 5_000) => clock.run(rung(resource, action).run(never, graceMs));
  return { clock, cluster, provider, listed, only, rung, run };
}

const names = (resources: readonly Resource[]) => resources.map(({ name }) => name);

describe('a pod', () => {
  it('is asked once to end, with its grace period and its uid', async () => {
    const { cluster, only, run } = setting();
    cluster.add('pod', 'agent', { uid: 'u', metadata: OURS, ...RUNS });
    await run(await only('pod'), 'stop');
    expect(cluster.deletions).toEqual([
      { of: 'agent', preconditions: { uid: 'u' }, propagationPolicy: 'Background', gracePeriodSeconds: 5 },
    ]);
  });

  it.each([
    ['stop', 300],
    ['kill', 0],
    ['remove', 0],
  ] as const)('whose node answers is never forced to go: %s', async (action, graceMs) => {
    const { cluster, only, run } = setting();
    cluster.add('pod', 'agent', RUNS);
    await run(await only('pod'), action, graceMs);
    expect(cluster.deletions.map(({ gracePeriodSeconds }) => gracePeriodSeconds)).toEqual([1]);
  });

  it.each(['stop', 'kill', 'remove'] as const)('that goes already is waited for, and nothing is sent: %s', async (action) => {
    const { clock, cluster, only, run } = setting();
    const deletionTimestamp = new Date(clock.now() + 3_000).toISOString();
    cluster.add('pod', 'agent', { ...RUNS, metadata: { deletionTimestamp } });
    const pod = await only('pod');
    expect(pod.state).toBe('Terminating');
    clock.after(3_000, () => cluster.remove('/api/v1/namespaces/bench/pods/agent'));
    await run(pod, action);
    expect(cluster.deletions).toEqual([]);
  });

  it('that should be gone is forced to go only where its node is silent', async () => {
    const { clock, cluster, only, rung, run } = setting();
    const metadata = { deletionTimestamp: new Date(clock.now() - 60_000).toISOString() };
    const node = (status: string) => cluster.add('node', 'node', { status: { conditions: [{ type: 'Ready', status }] } });
    cluster.add('pod', 'agent', { ...RUNS, metadata });
    node('True');
    expect(rung(await only('pod'), 'remove').skip).toBe('its node answers: a forced deletion would only hide what still runs');
    node('Unknown');
    await clock.run(new Promise<void>((resolve) => clock.after(10_000, resolve)));
    const pod = await only('pod');
    expect(rung(pod, 'remove').skip).toBeUndefined();
    await run(pod, 'remove');
    expect(cluster.deletions).toMatchObject([{ gracePeriodSeconds: 0, preconditions: { uid: 'agent' } }]);
  });

  it('is not the one that has its name now', async () => {
    const { clock, cluster, provider, only } = setting();
    cluster.add('pod', 'agent', { uid: 'first', ...RUNS });
    const first = await only('pod');
    cluster.add('pod', 'agent', { uid: 'second', ...RUNS });
    expect(await clock.run(provider.inspect(first, never))).toBeUndefined();
  });

  it('has our clock’s times', async () => {
    const { clock, cluster, only } = setting();
    cluster.serverAheadMs = 3_600_000;
    const creationTimestamp = new Date(clock.now() + 3_600_000).toISOString();
    cluster.add('pod', 'agent', { ...RUNS, metadata: { creationTimestamp } });
    expect((await only('pod')).createdAt).toBe(clock.now());
  });

  it('has the session that its label stands for', async () => {
    const { cluster, listed } = setting({ session: { id: 'nightly run 7', carried: 'nightly-run-7-0123' } });
    cluster.add('pod', 'ours', { metadata: { labels: { [labels.session]: 'nightly-run-7-0123' } } });
    cluster.add('pod', 'others', { metadata: { labels: { [labels.session]: 'nightly-run-8-4567' } } });
    expect((await listed('pod')).map((pod) => pod.labels[labels.session])).toEqual(['nightly run 7', 'nightly-run-8-4567']);
  });
});

describe('a pod that something makes', () => {
  const kept = async (metadata: Json, prepare: (cluster: FakeCluster) => void = () => undefined) => {
    const { cluster, only } = setting();
    prepare(cluster);
    cluster.add('pod', 'agent', { ...RUNS, metadata: { ...OURS, ...metadata } });
    return (await only('pod')).protection;
  };
  const REPLICA_SET = '/apis/apps/v1/namespaces/bench/replicasets/set';
  const why = 'ReplicaSet set makes it again: it goes when that does';

  it('goes with its maker, where that is the same session’s', async () => {
    const { cluster, listed } = setting();
    cluster.add('replica-set', 'set', { metadata: OURS });
    cluster.add('pod', 'agent', { ...RUNS, metadata: { ...OURS, ...controlledBy('ReplicaSet', 'set') } });
    expect(await listed('pod')).toEqual([]);
  });

  it('is told, and not touched, where its maker is another’s', async () => {
    expect(await kept(controlledBy('ReplicaSet', 'set'), (cluster) => cluster.add('replica-set', 'set'))).toBe(why);
  });

  it('is touched where its maker is gone, or another one has that name', async () => {
    expect(await kept(controlledBy('ReplicaSet', 'set'))).toBeUndefined();
    const other = (cluster: FakeCluster) => cluster.add('replica-set', 'set', { uid: 'another' });
    expect(await kept(controlledBy('ReplicaSet', 'set'), other)).toBeUndefined();
  });

  it('is not touched where its maker can’t be seen', async () => {
    const forbidden = new KubernetesError('GET replicasets', 403, 'forbidden', { reason: 'Forbidden' });
    expect(await kept(controlledBy('ReplicaSet', 'set'), (cluster) => cluster.answer(REPLICA_SET, forbidden))).toBe(why);
    const page = { status: 'down for maintenance' };
    expect(await kept(controlledBy('ReplicaSet', 'set'), (cluster) => cluster.answer(REPLICA_SET, page))).toBe(why);
  });

  it('is not found while nothing tells of its maker', async () => {
    const lost = new KubernetesError('GET replicasets', 404, '<html>Not Found</html>');
    await expect(kept(controlledBy('ReplicaSet', 'set'), (cluster) => cluster.answer(REPLICA_SET, lost))).rejects.toBe(lost);
  });

  it('is not touched where somebody’s controller makes it, also one with the name of Kubernetes’ own', async () => {
    const [agents, volcano] = [
      controlledBy('Sandbox', 's', 'agents.x-k8s.io/v1alpha1'),
      controlledBy('Job', 'j', 'batch.volcano.sh/v1alpha1'),
    ];
    expect(await kept(agents)).toBe('Sandbox s makes it again: it goes when that does');
    expect(await kept(volcano)).toBe('Job j makes it again: it goes when that does');
  });
});

describe('what is never touched', () => {
  const self = () => selfInCluster({ KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAMESPACE: 'bench', HOSTNAME: 'runner-x' });

  it('is a namespace of Kubernetes’ own, and that of this job', async () => {
    const { cluster, listed } = setting({}, await self());
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease', 'bench', 'theirs']) {
      cluster.add('namespace', name);
    }
    const found = await listed('namespace');
    expect(found.map(({ name, protection }) => [name, protection])).toEqual([
      ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => [name, 'it is Kubernetes’ own']),
      ['bench', 'this job runs in it'],
      ['theirs', undefined],
    ]);
    expect(found.every(({ shared }) => shared)).toBe(true);
  });

  it('is a pod of this job, and any runner of a scale set', async () => {
    const { cluster, listed } = setting({}, await self());
    cluster.add('pod', 'runner-x', { metadata: OURS });
    cluster.add('pod', 'runner-x-workflow', { metadata: OURS });
    cluster.add('pod', 'idle', { metadata: { labels: { 'actions.github.com/scale-set-name': 'set' } } });
    cluster.add('pod', 'left', { metadata: OURS });
    expect((await listed('pod')).map(({ name, protection }) => [name, protection])).toEqual([
      ['runner-x', 'this process runs in it'],
      ['runner-x-workflow', 'this job runs in it'],
      ['idle', 'it is a GitHub runner, which its scale set keeps'],
      ['left', undefined],
    ]);
  });

  it('is not even listed where Kubernetes, or Helm, makes it', async () => {
    const { cluster, listed } = setting();
    cluster.add('config-map', 'kube-root-ca.crt');
    cluster.add('config-map', 'ours');
    cluster.add('secret', 'sh.helm.release.v1.r.v1', { metadata: { labels: { owner: 'helm', name: 'r' } } });
    cluster.add('secret', 'ours');
    cluster.add('replica-set', 'of-a-deployment', { metadata: controlledBy('Deployment', 'd') });
    cluster.add('replica-set', 'ours');
    for (const kind of ['config-map', 'secret', 'replica-set'] as const) expect(names(await listed(kind))).toEqual(['ours']);
  });
});

describe('a deletion', () => {
  it.each([
    ['deployment', 'Foreground'],
    ['job', 'Foreground'],
    ['service', 'Foreground'],
    ['config-map', 'Background'],
  ] as const)('of a %s waits for what it makes: %s', async (kind, propagationPolicy) => {
    const { cluster, only, run } = setting();
    cluster.add(kind, 'ours', { uid: 'u' });
    await run(await only(kind), 'remove');
    expect(cluster.deletions).toEqual([{ of: 'ours', preconditions: { uid: 'u' }, propagationPolicy }]);
  });
});

describe('a release', () => {
  // Loading it takes real time, which the clock does not know.
  beforeAll(() => import('../../../../src/kubernetes'));

  const releaseOf = (objects: readonly Json[]) => {
    const documents = objects.map((item) => `---\n${JSON.stringify(item)}`).join('\n');
    const once = Buffer.from(JSON.stringify({ name: 'r', manifest: documents })).toString('base64');
    return { release: Buffer.from(once).toString('base64') };
  };
  const RECORD = { labels: { owner: 'helm', name: 'r', version: '1', status: 'deployed' } };
  const by = (release: string, namespace = 'bench') => ({
    annotations: { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace },
  });
  const mentioned = (...all: readonly string[]) =>
    all.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }));

  it('is uninstalled without what its chart keeps and what others made: last comes its record', async () => {
    const { cluster, only, run } = setting();
    cluster.add('secret', 'sh.helm.release.v1.r.v1', {
      metadata: RECORD,
      data: releaseOf(mentioned('first', 'last', 'kept', 'handmade', 'elsewhere', 'gone')),
    });
    cluster.add('config-map', 'first', { metadata: by('r') });
    cluster.add('config-map', 'last', { metadata: by('r') });
    cluster.add('config-map', 'kept', {
      metadata: { annotations: { ...by('r').annotations, 'helm.sh/resource-policy': 'keep' } },
    });
    cluster.add('config-map', 'handmade');
    cluster.add('config-map', 'elsewhere', { metadata: by('r', 'other') });
    expect(await run(await only('release'), 'remove')).toBe('gone');
    expect(cluster.deletions.map(({ of }) => of)).toEqual(['last', 'first', 'sh.helm.release.v1.r.v1']);
  });

  it('keeps its record while something is there that it has made', async () => {
    const { clock, cluster, only, run } = setting();
    cluster.add('secret', 'sh.helm.release.v1.r.v1', { metadata: RECORD, data: releaseOf(mentioned('slow')) });
    const deletionTimestamp = new Date(clock.now()).toISOString();
    cluster.add('config-map', 'slow', { metadata: { ...by('r'), deletionTimestamp, finalizers: ['example.com/hold'] } });
    const release = await only('release');
    const before: (readonly Json[])[] = [];
    clock.after(9_000, () => {
      before.push(cluster.deletions);
      cluster.remove('/api/v1/namespaces/bench/configmaps/slow');
    });
    expect(await run(release, 'remove')).toBe('gone');
    expect(before).toEqual([[]]);
    expect(cluster.deletions.map(({ of }) => of)).toEqual(['sh.helm.release.v1.r.v1']);
  });

  it('whose record can’t be read stays', async () => {
    const { cluster, only, run } = setting();
    cluster.add('secret', 'sh.helm.release.v1.r.v1', { metadata: RECORD, data: { release: 'AAAA' } });
    await expect(run(await only('release'), 'remove')).rejects.toThrow('the record of the release can’t be read');
    expect(cluster.deletions).toEqual([]);
  });
});
