import { describe, expect, it } from 'vitest';
import type { Kind } from '../../../../src/core/resource';
import type { Json } from '../../../../src/lib/json-shape';
import type { Ask, KubernetesClient } from '../../../../src/providers/kubernetes/client';
import { apiKindOf, Scene, type Thing, thingOf } from '../../../../src/providers/kubernetes/scene';
import { usersOf } from '../../../../src/providers/kubernetes/users';

const signal = new AbortController().signal;

const named = (name: string, more: Json = {}): Json => ({ uid: name, name, namespace: 'n', ...more });
const ownedBy = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: name, controller: true }],
});
const pod = (name: string, app: string, metadata: Json = {}, claims: readonly string[] = []): Json => ({
  metadata: named(name, { labels: { app }, ...metadata }),
  spec: { volumes: claims.map((claimName) => ({ persistentVolumeClaim: { claimName } })) },
});
const service = (name: string, selector?: Json): Json => ({ metadata: named(name), spec: selector ? { selector } : {} });
const ingress = (name: string, ...services: readonly string[]): Json => ({
  metadata: named(name),
  spec: { rules: [{ http: { paths: services.map((each) => ({ backend: { service: { name: each } } })) } }] },
});

/** A namespace with pods of a deployment and of nobody. */
const OBJECTS: Readonly<Record<string, readonly Json[]>> = {
  pods: [
    pod('web-1', 'web', ownedBy('ReplicaSet', 'web-set')),
    pod('web-2', 'web', ownedBy('ReplicaSet', 'web-set')),
    pod('single', 'single', {}, ['data']),
    pod('bystander', 'other'),
  ],
  replicasets: [{ metadata: named('web-set', ownedBy('Deployment', 'web')) }],
  deployments: [{ metadata: named('web') }],
  services: [service('to-web', { app: 'web' }), service('to-single', { app: 'single' }), service('to-nowhere')],
};

const scene = new Scene(
  {
    list: async ({ path }: Ask) => ({ items: OBJECTS[path.split('/').at(-1) ?? ''] ?? [], resourceVersion: '1' }),
  } as unknown as KubernetesClient,
  () => undefined,
);

function things(kind: Kind, ...items: readonly Json[]): readonly Thing[] {
  const api = apiKindOf(kind);
  return items.flatMap((item) => (api && thingOf(api, item)) ?? []);
}

/** Names of the users, by the name of what they use. */
async function users(kind: Kind, ...items: readonly Json[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const found = await usersOf(things(kind, ...items), 'n', scene, signal);
  return Object.fromEntries([...found].map(([uid, by]) => [uid, by.map(({ metadata }) => metadata.name)]));
}

describe('the users', () => {
  it('of services are what makes the pods that they lead to, or those pods; none without a selector', async () => {
    expect(await users('service', ...(OBJECTS['services'] ?? []))).toEqual({ 'to-web': ['web'], 'to-single': ['single'] });
  });

  it('of claims are what makes the pods that mount them, or those pods', async () => {
    expect(await users('claim', { metadata: named('data') }, { metadata: named('unused') })).toEqual({ data: ['single'] });
  });

  it('of ingresses are those of all services that they lead to; none where one of these is not there', async () => {
    const ingresses = [ingress('both', 'to-web', 'to-single'), ingress('broken', 'to-web', 'gone')];
    expect(await users('ingress', ...ingresses)).toEqual({ both: ['web', 'single'] });
  });
});
