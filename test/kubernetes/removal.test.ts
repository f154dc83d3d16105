import { describe, expect, it } from 'vitest';
import { IGNORES_SIGTERM, type KubernetesObject } from '../support/kubernetes/cluster';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { outcomesIn, sessionIn } from '../support/kubernetes/session';

/** All objects of these kinds in a namespace, as `kind/name`. */
async function left(namespace: string, kinds: string): Promise<readonly string[]> {
  const text = await cluster.kubectl('get', kinds, `--namespace=${namespace}`, '--output=name', '--ignore-not-found');
  return text
    .split('\n')
    .filter((line) => line !== '' && !/kube-root-ca\.crt/.test(line))
    .sort();
}

const metadataOf = (name: string, namespace: string, labels = {}) => ({ name, namespace, labels });

function deployment(name: string, namespace: string, { labels = {}, podLabels = {}, replicas = 2 } = {}) {
  const { metadata, spec } = cluster.podOf({ namespace, labels: { app: name, ...podLabels }, spec: { restartPolicy: 'Always' } });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(name, namespace, labels),
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: metadata.labels }, spec } },
  };
}

function job(name: string, namespace: string, labels = {}) {
  const { spec } = cluster.podOf({ namespace, command: ['sleep', '1000'] });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadataOf(name, namespace, labels),
    spec: { template: { metadata: {}, spec } },
  };
}

const configMap = (name: string, namespace: string, labels = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadataOf(name, namespace, labels),
});

const service = (name: string, namespace: string, selector: object, labels = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(name, namespace, labels),
  spec: { selector, ports: [{ port: 80 }] },
});

const ready = (kind: string, name: string, namespace: string) =>
  cluster.kubectl('rollout', 'status', `${kind}/${name}`, `--namespace=${namespace}`, '--timeout=60s');

describe('pods', () => {
  it('end as they can, and others’ stay', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    const other = await sessionIn([namespace]);
    await Promise.all([
      cluster.pod({ namespace, name: 'polite', labels: session.label, grace: 30 }),
      cluster.pod({ namespace, name: 'deaf', labels: session.label, command: IGNORES_SIGTERM, grace: 30 }),
      cluster.pod({ namespace, name: 'over', labels: session.label, command: ['true'], until: 'Succeeded' }),
      cluster.pod({
        namespace,
        name: 'nowhere',
        labels: session.label,
        spec: { nodeSelector: { no: 'node' } },
        until: 'created',
      }),
      cluster.pod({ namespace, name: 'others', labels: other.label }),
      cluster.pod({ namespace, name: 'nobodys' }),
    ]);
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['pod deaf: killed', 'pod nowhere: removed', 'pod over: removed', 'pod polite: graceful']);
    expect(report.verified).toBe(true);
    expect(await left(namespace, 'pods')).toEqual(['pod/nobodys', 'pod/others']);
  });

  itOnOwnCluster('have really ended when they are reported so', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    const pod = await cluster.pod({ namespace, labels: session.label, command: IGNORES_SIGTERM, grace: 60 });
    expect((await session.post()).verified).toBe(true);
    expect(await cluster.processesOf(pod)).toEqual([]);
  });

  it('without a grace period get the shortest one, and are not only hidden', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace], { gracePeriod: '0s' });
    const pod = await cluster.pod({ namespace, name: 'deaf', labels: session.label, command: IGNORES_SIGTERM, grace: 60 });
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['pod deaf: killed']);
    expect(report.resources[0]?.steps.map(({ action, result }) => `${action} ${result}`)).toEqual(['stop skipped', 'kill done']);
    if (cluster.isOwn) expect(await cluster.processesOf(pod)).toEqual([]);
  });

  it('that were made again under the same name are not touched', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    await cluster.pod({ namespace, name: 'same', labels: session.label });
    await cluster.kubectl('delete', 'pod', 'same', `--namespace=${namespace}`);
    const again = await cluster.pod({ namespace, name: 'same' });
    expect(outcomesIn(await session.post())).toEqual([]);
    expect((await cluster.get('pod', 'same', namespace))?.metadata.uid).toBe(again.metadata.uid);
  });

  itOnOwnCluster('on a node that has vanished are forced, and the report has that step', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace], { stopTimeout: '4s' });
    const pod = await cluster.podOnVanishedNode({ namespace, name: 'lost', labels: session.label });
    const report = await session.post();
    expect(report.resources.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['lost killed']);
    expect(report.resources[0]?.steps.at(-1)).toMatchObject({ action: 'remove', result: 'done' });
    expect(await cluster.get('pod', pod.metadata.name, namespace)).toBeUndefined();
  });

  it('that a finalizer holds are told, with its name', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn(
      [namespace],
      { stopTimeout: '3s', killTimeout: '1s', removeTimeout: '1s' },
      { deadlineMs: 60_000 },
    );
    await cluster.pod({ namespace, name: 'held', labels: session.label, metadata: { finalizers: ['example.com/hold'] } });
    const report = await session.post();
    await cluster.kubectl(
      'patch',
      'pod',
      'held',
      `--namespace=${namespace}`,
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    );
    expect(outcomesIn(report)).toEqual(['pod held: failed']);
    expect(report.verified).toBe(false);
    expect(report.resources[0]?.error).toContain('the finalizer example.com/hold');
    expect(report.resources[0]?.command).toContain(`--namespace ${namespace} delete pods held`);
  });
});

describe('what makes pods', () => {
  it('goes with its pods, which do not come again', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    await cluster.create(
      deployment('ours', namespace, { labels: session.label }),
      deployment('by-template', namespace, { podLabels: session.label }),
      deployment('others', namespace),
      job('task', namespace, session.label),
    );
    await Promise.all(['ours', 'by-template', 'others'].map((name) => ready('deployment', name, namespace)));
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['deployment by-template: removed', 'deployment ours: removed', 'job task: removed']);
    expect(report.verified).toBe(true);
    expect(await left(namespace, 'deployments,jobs,replicasets')).toEqual([
      'deployment.apps/others',
      expect.stringMatching(/^replicaset\.apps\/others-/),
    ]);
    expect(await left(namespace, 'pods')).toHaveLength(2);
  });

  it('of others keeps a pod that carries the session’s label', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    await cluster.create(deployment('others', namespace, { replicas: 1 }));
    await ready('deployment', 'others', namespace);
    const [[key, value] = []] = Object.entries(session.label);
    await cluster.kubectl('label', 'pods', '--all', `${key}=${value}`, `--namespace=${namespace}`);
    const report = await session.post();
    expect(report.resources.map(({ kind, outcome, reason }) => `${kind} ${outcome}: ${reason}`)).toEqual([
      expect.stringMatching(/^pod kept: ReplicaSet others-\w+ makes it again: it goes when that does$/),
    ]);
    expect(await left(namespace, 'deployments')).toEqual(['deployment.apps/others']);
  });
});

describe('what stands beside pods', () => {
  it('goes by its label, and others’ stays', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: metadataOf('ours', namespace, session.label) };
    await cluster.create(
      configMap('ours', namespace, session.label),
      configMap('others', namespace),
      secret,
      service('ours', namespace, { app: 'x' }, session.label),
      service('others', namespace, { app: 'x' }),
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: metadataOf('ours', namespace, session.label),
        spec: { podSelector: {} },
      },
    );
    const report = await session.post();
    expect(outcomesIn(report)).toEqual([
      'config-map ours: removed',
      'network-policy ours: removed',
      'secret ours: removed',
      'service ours: removed',
    ]);
    expect(await left(namespace, 'configmaps,secrets,services,networkpolicies')).toEqual(['configmap/others', 'service/others']);
  });

  it('goes without a label when it was made meanwhile, only for owned pods', async () => {
    const namespace = await cluster.namespace();
    await cluster.create(service('before', namespace, { app: 'ours' }));
    // Times of the API are whole seconds.
    const [{ metadata }] = (await cluster.create(configMap('clock', namespace))) as [KubernetesObject];
    await expect.poll(() => Date.now() - Date.parse(metadata.creationTimestamp ?? '')).toBeGreaterThan(2_000);
    const session = await sessionIn([namespace]);
    await Promise.all([
      cluster.pod({ namespace, name: 'ours', labels: { app: 'ours', part: 'a', ...session.label } }),
      cluster.pod({ namespace, name: 'others', labels: { part: 'a' } }),
    ]);
    await cluster.create(
      service('ours', namespace, { app: 'ours' }),
      service('shared', namespace, { part: 'a' }),
      service('nobodys', namespace, { app: 'none' }),
    );
    expect(outcomesIn(await session.post())).toEqual(['pod ours: graceful', 'service ours: removed']);
    expect(await left(namespace, 'services')).toEqual(['service/before', 'service/nobodys', 'service/shared']);
  });
});
