import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Connection } from '../../../../src/core/connection';
import { KINDS } from '../../../../src/core/resource';
import { systemClock } from '../../../../src/lib/clock';
import { Deadline } from '../../../../src/lib/deadline';
import { type KubernetesConfig, kubernetes } from '../../../../src/providers/kubernetes/discover';

const VERSION = { major: '1', minor: '34+', gitVersion: 'v1.34.2' };

/** The kubeconfig of a server that says this version, and has no pods. */
async function kubeconfigOf(version: object = VERSION): Promise<string> {
  const server = createServer(({ url = '' }, answer) => {
    answer.end(JSON.stringify(url === '/version' ? version : { kind: 'PodList', items: [] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-discover-'));
  onTestFinished(async () => {
    await rm(directory, { recursive: true });
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const file = join(directory, 'config');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'me', namespace: 'own' } }],
    'current-context': 'c',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function found(settings: Partial<KubernetesConfig>, env: Readonly<Record<string, string>> = {}): Promise<Connection> {
  const deadline = new Deadline(systemClock, 30_000);
  const config: KubernetesConfig = {
    ...{ kubernetes: 'auto', kubeconfig: undefined, kubernetesContexts: undefined, kubernetesNamespaces: undefined },
    ...{ labels: undefined, resources: KINDS, scope: 'session', retries: 0, retryDelay: 1, retryFactor: 1 },
    ...{ stopTimeout: 1_000, killTimeout: 1_000, removeTimeout: 1_000 },
    ...settings,
  };
  try {
    const [connection, ...others] = kubernetes.discover({ config, env, clock: systemClock, deadline, endpoints: {} });
    if (connection === undefined || others.length > 0) throw new Error(`${others.length} others`);
    return await connection;
  } finally {
    deadline.dispose();
  }
}

describe('a cluster', () => {
  it('is left alone without a setting that says what is owned, also where there is a kubeconfig', async () => {
    const KUBECONFIG = await kubeconfigOf();
    const reason = 'neither kubernetes-namespaces nor labels say what is owned';
    expect(await found({}, { KUBECONFIG })).toMatchObject({ status: 'skipped', reason });
    expect(await found({ kubernetes: false, kubernetesNamespaces: ['bench'] }, { KUBECONFIG })).toMatchObject({
      status: 'skipped',
    });
  });

  it('tells by what is new only in namespaces that are named, and where the scope is the job', async () => {
    const kubeconfig = await kubeconfigOf();
    const surveys = async (settings: Partial<KubernetesConfig>) => {
      const connection = await found({ kubeconfig, ...settings });
      return connection.status === 'ready' && connection.provider.survey !== undefined;
    };
    expect(await surveys({ scope: 'job', kubernetesNamespaces: ['bench'] })).toBe(true);
    expect(await surveys({ scope: 'job' })).toBe(false);
    expect(await surveys({ kubernetesNamespaces: ['bench'] })).toBe(false);
  });

  it('is looked at in the namespace of its context, or in those that are named', async () => {
    const kubeconfig = await kubeconfigOf();
    const descriptionOf = async (settings: Partial<KubernetesConfig>) => {
      const connection = await found({ kubeconfig, ...settings });
      return connection.status === 'ready' ? connection.description : connection.reason;
    };
    expect(await descriptionOf({})).toMatch(/^Kubernetes v1\.34\.2 at http:.* \(context c of kubeconfig; namespace own\)$/);
    expect(await descriptionOf({ kubernetesNamespaces: ['a', 'b'] })).toMatch(/; namespaces a, b\)$/);
  });

  it('that is too old is not used', async () => {
    const kubeconfig = await kubeconfigOf({ major: '1', minor: '20', gitVersion: 'v1.20.2' });
    const reason = 'Kubernetes v1.20.2 is too old: it needs 1.21 or newer';
    expect(await found({ kubeconfig })).toMatchObject({ status: 'unavailable', reason });
  });
});
