import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { labels } from '../../src/core/labels';
import { labelValue } from '../../src/lib/label-value';
import { IGNORES_SIGTERM, type KubernetesObject } from '../support/kubernetes/cluster';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { ROLE } from '../support/kubernetes/role';
import { outcomesIn, sessionIn } from '../support/kubernetes/session';
import { until } from '../support/until';

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

/** As Helm packs its record. */
const record = (release: string, namespace: string, manifest: string, labels = {}) => {
  const json = JSON.stringify({ name: release, namespace, version: 1, manifest });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'helm.sh/release.v1',
    metadata: metadataOf(`sh.helm.release.v1.${release}.v1`, namespace, {
      ...{ owner: 'helm', name: release, status: 'deployed', version: '1' },
      ...labels,
    }),
    stringData: { release: gzipSync(json).toString('base64') },
  };
};

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

  itOnOwnCluster('and is gone before its pods leaves them to the session, not to a later time', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace]);
    const { metadata, spec } = deployment('set', namespace, { podLabels: session.label, replicas: 1 });
    await cluster.create({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec });
    await cluster.kubectl(
      'wait',
      '--for=jsonpath={.status.readyReplicas}=1',
      'replicaset/set',
      `--namespace=${namespace}`,
      '--timeout=60s',
    );
    await cluster.freeze('manager'); // It is what removes the pods of a set that is gone.
    await cluster.kubectl('delete', 'replicaset', 'set', `--namespace=${namespace}`, '--cascade=background');
    const report = await session.post();
    await cluster.thaw('manager');
    expect(report.resources.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['pod graceful']);
    expect(report.verified).toBe(true);
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
    await until('a second has passed', () => Date.now() - Date.parse(metadata.creationTimestamp ?? '') > 2_000);
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

describe('a claim', () => {
  const claim = (name: string, namespace: string, labels = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(name, namespace, labels),
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } }, storageClassName: 'none' },
  });

  it('goes where claims are asked for, and stays where they are not', async () => {
    const namespace = await cluster.namespace();
    const usual = await sessionIn([namespace]);
    await cluster.create(claim('ours', namespace, usual.label), claim('others', namespace));
    expect(outcomesIn(await usual.post())).toEqual([]);
    const asked = await sessionIn([namespace], { resources: 'pods claims' }, { id: usual.id });
    expect(outcomesIn(await asked.post())).toEqual(['claim ours: removed']);
    expect(await left(namespace, 'persistentvolumeclaims')).toEqual(['persistentvolumeclaim/others']);
  });
});

describe('a namespace', () => {
  it('of the session goes with all that is in it, and no other', async () => {
    const session = await sessionIn([await cluster.namespace()], { resources: 'namespaces' });
    const ours = await cluster.namespace(session.label);
    const others = await cluster.namespace();
    await Promise.all([cluster.pod({ namespace: ours }), cluster.pod({ namespace: others, name: 'others' })]);
    const report = await session.post();
    expect(outcomesIn(report)).toEqual([`namespace ${ours}: removed`]);
    expect(report.verified).toBe(true);
    expect(await left(others, 'pods')).toEqual(['pod/others']);
  });
});

describe('a Helm release', () => {
  const annotated = <T extends { readonly metadata: object }>(object: T, release: string, namespace: string): T => ({
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace },
    },
  });

  it('of the session goes with its manifest, and not what only has a name of it', async () => {
    const namespace = await cluster.namespace();
    const session = await sessionIn([namespace], { resources: 'pods services releases' });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf('ours', namespace) };
    const foreign = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf('foreign', namespace) };
    const parts = [
      annotated(deployment('ours', namespace, { replicas: 1 }), 'ours', namespace),
      annotated(service('ours', namespace, { app: 'ours' }), 'ours', namespace),
      annotated(account, 'ours', namespace),
    ];
    const other = annotated(configMap('others', namespace), 'others', namespace);
    const manifest = [...parts, foreign].map((part) => JSON.stringify(part)).join('\n---\n');
    await cluster.create(
      ...parts,
      foreign,
      other,
      record('ours', namespace, manifest, session.label),
      record('others', namespace, JSON.stringify(other)),
    );
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['deployment ours: removed', 'release ours: removed', 'service ours: removed']);
    expect(report.verified).toBe(true);
    expect(await left(namespace, 'secrets,configmaps,services,deployments,pods,serviceaccounts')).toEqual([
      'configmap/others',
      'secret/sh.helm.release.v1.others.v1',
      'serviceaccount/default',
      'serviceaccount/foreign',
    ]);
  });
});

describe('a session', () => {
  it('with an id that no label can have is carried by a hash', async () => {
    const namespace = await cluster.namespace();
    const id = `nightly ${'x'.repeat(70)}`;
    const session = await sessionIn([namespace], {}, { id });
    await cluster.create(
      configMap('ours', namespace, { [labels.session]: labelValue(id) }),
      configMap('others', namespace, { [labels.session]: labelValue(`${id}y`) }),
    );
    expect(outcomesIn(await session.post())).toEqual(['config-map ours: removed']);
  });

  it('with scope: job takes what is new in its namespaces, and nothing that another session owns', async () => {
    const namespace = await cluster.namespace();
    await cluster.create(configMap('before', namespace));
    const session = await sessionIn([namespace], { scope: 'job' });
    const other = await sessionIn([namespace]);
    await cluster.create(configMap('new', namespace), configMap('others', namespace, other.label));
    expect(outcomesIn(await session.post())).toEqual(['config-map new: removed']);
    expect(await left(namespace, 'configmaps')).toEqual(['configmap/before', 'configmap/others']);
  });

  it('with scope: job takes no new namespace, which anybody may have made, and leaves certificates that come again', async () => {
    const namespace = `late-${randomUUID().slice(0, 8)}`;
    const session = await sessionIn([namespace], { scope: 'job', resources: 'pods services namespaces' });
    const bystander = await cluster.namespace();
    await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await cluster.wait('configmap/kube-root-ca.crt', namespace, 'create');
    await cluster.create(configMap('new', namespace));
    const report = await session.post();
    await cluster.kubectl('delete', 'namespace', namespace, '--wait=false');
    expect(outcomesIn(report)).toEqual(['config-map new: removed']);
    expect(report.verified).toBe(true);
    expect(await cluster.get('namespace', bystander)).toBeDefined();
  });

  it('that names a kind of custom resources which the cluster does not have is told so', async () => {
    const session = await sessionIn([await cluster.namespace()], { resources: 'pods nothings.example.com' });
    const report = await session.post();
    expect(report.verified).toBe(false);
    expect(report.providers[0]?.reason).toContain('the cluster has no kind nothings.example.com, which resources names');
  });

  it('that is over is cleaned before the next, a live one is not', async () => {
    const namespace = await cluster.namespace();
    const [session, earlier] = [await sessionIn([namespace], { preCleanup: 'all' }), await sessionIn([namespace])];
    await cluster.create(configMap('left', namespace, earlier.label), configMap('ours', namespace, session.label));
    expect(outcomesIn(await session.pre())).toEqual(['config-map left: removed']);
  });
});

describe('who may not do it all', () => {
  const rule = (apiGroups: string[], resources: string[], verbs: string[]) => ({ apiGroups, resources, verbs });

  it('is told which kind can’t be deleted, and the rest goes', async () => {
    const namespace = await cluster.namespace();
    const kubeconfig = await cluster.serviceAccount(namespace, [
      ...ROLE.map((each) => ({ ...each, resources: each.resources.filter((name) => name !== 'configmaps') })),
      rule([''], ['configmaps'], ['list', 'get']),
    ]);
    const session = await sessionIn([namespace], {}, { kubeconfig });
    await cluster.create(configMap('ours', namespace, session.label), service('ours', namespace, {}, session.label));
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['config-map ours: failed', 'service ours: removed']);
    expect(report.resources.find(({ outcome }) => outcome === 'failed')?.error).toMatch(
      /DELETE configmaps: 403 configmaps "ours" is forbidden/,
    );
  });

  it('is told which kind can’t be listed, and nothing is called verified', async () => {
    const namespace = await cluster.namespace();
    const kubeconfig = await cluster.serviceAccount(namespace, [rule([''], ['pods'], ['list', 'get', 'watch', 'delete'])]);
    const session = await sessionIn([namespace], { resources: 'pods' }, { kubeconfig });
    await cluster.pod({ namespace, name: 'ours', labels: session.label });
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['pod ours: graceful']);
    expect(report.verified).toBe(false);
    expect(report.providers[0]?.reason).toMatch(/no listing of the kind job: LIST jobs: 403 /);
  });

  it('but has the role of the documents can do all of it', async () => {
    const namespace = await cluster.namespace();
    const kubeconfig = await cluster.serviceAccount(namespace, ROLE);
    const session = await sessionIn([namespace], { resources: 'pods services claims releases' }, { kubeconfig });
    await cluster.create(
      deployment('ours', namespace, { labels: session.label, replicas: 1 }),
      job('ours', namespace, session.label),
      configMap('ours', namespace, session.label),
      record('ours', namespace, '', session.label),
    );
    await cluster.pod({ namespace, name: 'ours', labels: session.label });
    const report = await session.post();
    expect(report.resources.map(({ outcome }) => outcome)).not.toContain('failed');
    expect(report.verified).toBe(true);
  });
});
