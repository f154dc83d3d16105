/** The tests' own cluster: what the other tests build on, and what Kubernetes does that they rely on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ENDS_AT_SIGTERM, IGNORES_SIGTERM, type KubernetesObject } from '../support/kubernetes/cluster';
import type { UserName } from '../support/kubernetes/credentials';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { until } from '../support/until';

const isThere = async ({ metadata: { name, namespace } }: KubernetesObject) =>
  (await cluster.get('pod', name, namespace)) !== undefined;

const isGone = async (pod: KubernetesObject) => !(await isThere(pod));

const remove = ({ metadata: { name, namespace } }: KubernetesObject, ...args: readonly string[]) =>
  cluster.kubectl('delete', 'pod', name, `--namespace=${namespace}`, '--wait=false', ...args);

describe('pods', () => {
  it('run, and have logs', async () => {
    const namespace = await cluster.namespace();
    const pod = await cluster.pod({ namespace, command: ['sh', '-c', 'echo hello; exit 3'], until: 'Failed' });
    expect(await cluster.kubectl('logs', pod.metadata.name, `--namespace=${namespace}`)).toBe('hello\n');
  });

  itOnOwnCluster('are processes of this machine', async () => {
    const pod = await cluster.pod({ namespace: await cluster.namespace() });
    expect(await cluster.processesOf(pod)).toContain(ENDS_AT_SIGTERM.join(' '));
    await remove(pod);
    await until('the pod is gone', () => isGone(pod));
    expect(await cluster.processesOf(pod)).toEqual([]);
  });

  itOnOwnCluster('that are forced are forgotten while they still run', async () => {
    const pod = await cluster.pod({ namespace: await cluster.namespace(), command: IGNORES_SIGTERM, grace: 30 });
    await cluster.freeze('kubelet'); // It would end them within seconds.
    await remove(pod, '--force', '--grace-period=0');
    await until('the API has forgotten the pod', () => isGone(pod));
    expect(await cluster.processesOf(pod)).not.toEqual([]);
    await cluster.thaw('kubelet');
    await until('its processes have ended', async () => (await cluster.processesOf(pod)).length === 0);
  });

  itOnOwnCluster('on a node that has vanished stay until they are forced', async () => {
    const pod = await cluster.podOnVanishedNode({ namespace: await cluster.namespace() });
    await remove(pod);
    const { metadata } = (await cluster.get('pod', pod.metadata.name, pod.metadata.namespace)) ?? pod;
    expect(metadata.deletionTimestamp).toBeDefined();
    await remove(pod, '--force', '--grace-period=0');
    expect(await isThere(pod)).toBe(false);
  });
});

describe('the API server', () => {
  itOnOwnCluster('freezes and thaws', async () => {
    await cluster.freeze('apiserver');
    expect(await cluster.answers()).toBe(false);
    await cluster.thaw('apiserver');
    await until('it answers', () => cluster.answers());
  });

  itOnOwnCluster('knows all that it knew when it was killed and started again; pods go on', async () => {
    const pod = await cluster.pod({ namespace: await cluster.namespace() });
    await cluster.kill('apiserver');
    expect(await cluster.answers()).toBe(false);
    expect(await cluster.processesOf(pod)).not.toEqual([]);
    await cluster.restart('apiserver');
    expect((await cluster.get('pod', pod.metadata.name, pod.metadata.namespace))?.metadata.uid).toBe(pod.metadata.uid);
  });
});

describe('a kubelet', () => {
  itOnOwnCluster('that is gone is noticed; its pods run on, and can’t end before it is back', async () => {
    const pod = await cluster.pod({ namespace: await cluster.namespace() });
    await cluster.kill('kubelet');
    await until('the node is not ready', async () => !(await cluster.isNodeReady()));
    await remove(pod);
    expect(await cluster.processesOf(pod)).not.toEqual([]);
    expect(await isThere(pod)).toBe(true);
    await cluster.restart('kubelet');
    await until('the pod is gone', () => isGone(pod));
    expect(await cluster.processesOf(pod)).toEqual([]);
  });
});

/** What the API server says to somebody who wants to see pods, through kubectl. */
async function podsSeenWith(kubeconfig: string, namespace: string): Promise<string> {
  const args = ['get', 'pods', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--output=name'];
  return cluster.kubectl(...args).then(
    (output) => output.trim(),
    (error: Error) => error.message,
  );
}

describe('somebody', () => {
  itOnOwnCluster.for<[UserName, RegExp]>([
    ['admin', /^pod\//],
    ['token', /^pod\//],
    ['exec', /^pod\//],
    ['limited', /pods is forbidden: User "limited" cannot list resource "pods"/],
    ['wrong-token', /Unauthorized|provide credentials/],
    ['expired-token', /Unauthorized|provide credentials/],
  ])('called %s is who the kubeconfig says', async ([user, answer]) => {
    const namespace = await cluster.namespace();
    await cluster.pod({ namespace, until: 'created' });
    expect(await podsSeenWith(await cluster.kubeconfig(user), namespace)).toMatch(answer);
  });

  it('may do what the rules of a service account say, and nothing else', async () => {
    const namespace = await cluster.namespace();
    const kubeconfig = await cluster.serviceAccount(namespace, [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }]);
    const { metadata } = await cluster.pod({ namespace, until: 'created' });
    expect(await podsSeenWith(kubeconfig, namespace)).toBe(`pod/${metadata.name}`);
    await expect(
      cluster.kubectl('delete', 'pod', metadata.name, `--namespace=${namespace}`, `--kubeconfig=${kubeconfig}`),
    ).rejects.toThrow(/forbidden/);
  });
});

describe('a proxy before the API server', () => {
  itOnOwnCluster('hands on, and spoils what it is told to', async () => {
    const namespace = await cluster.namespace();
    await cluster.pod({ namespace, until: 'created' });
    const proxy = await cluster.proxy();
    try {
      const kubeconfig = await cluster.kubeconfig('token', proxy.url);
      expect(await podsSeenWith(kubeconfig, namespace)).toMatch(/^pod\//);
      const busy = { status: 429, headers: { 'content-type': 'text/plain' }, body: 'Too many requests, please try again later.' };
      proxy.spoil({ kind: 'answer', ...busy }, /^GET .*\/pods/, 1);
      expect(await podsSeenWith(kubeconfig, namespace)).toMatch(/too many requests/i);
      proxy.spoil({ kind: 'late', ms: 300 }, /^GET .*\/pods/, 1);
      const asksAt = performance.now();
      expect(await podsSeenWith(kubeconfig, namespace)).toMatch(/^pod\//);
      expect(performance.now() - asksAt).toBeGreaterThan(300);
    } finally {
      await proxy.stop();
    }
  });
});

itOnOwnCluster('a second cluster beside this one is refused: a machine has one kubelet', async () => {
  const program = join(import.meta.dirname, '..', 'support', 'kubernetes', 'cluster-guard.mjs');
  const elsewhere = `${cluster.directory}-elsewhere`;
  const guard = spawn(process.execPath, [program, elsewhere, 'another-lock'], { stdio: ['pipe', 'ignore', 'pipe'] });
  const [said, [exitCode]] = await Promise.all([text(guard.stderr), once(guard, 'exit')]);
  expect(said).toContain('Another kubelet runs on this machine');
  expect(exitCode).toBe(1);
});
