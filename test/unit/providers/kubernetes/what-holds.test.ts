import { describe, expect, it } from 'vitest';
import { NAMESPACES, PODS } from '../../../../src/providers/kubernetes/api-kinds';
import { thingOf } from '../../../../src/providers/kubernetes/scene';
import { whatHolds } from '../../../../src/providers/kubernetes/what-holds';

function held(api: typeof PODS, item: { readonly finalizers?: readonly string[]; readonly conditions?: readonly object[] }) {
  const { finalizers = [], conditions = [] } = item;
  const thing = thingOf(api, { metadata: { uid: 'u', name: 'a', finalizers }, status: { conditions } });
  return thing && whatHolds(thing);
}

describe('what holds an object', () => {
  it('is nothing without finalizers', () => {
    expect(held(PODS, {})).toBeUndefined();
  });

  it('is named: the finalizers that somebody set', () => {
    expect(held(PODS, { finalizers: ['example.com/a'] })).toBe(
      'its deletion waits for the finalizer example.com/a: whoever set it must lift it',
    );
    expect(held(PODS, { finalizers: ['example.com/a', 'foregroundDeletion', 'example.com/b'] })).toBe(
      'its deletion waits for the finalizers example.com/a, example.com/b: whoever set them must lift them',
    );
  });

  it.each(['foregroundDeletion', 'orphan', 'batch.kubernetes.io/job-tracking', 'kubernetes.io/pvc-protection'])(
    'is not %s, which Kubernetes lifts itself',
    (finalizer) => {
      expect(held(PODS, { finalizers: [finalizer] })).toBeUndefined();
    },
  );
});

describe('what holds a namespace', () => {
  const condition = (type: string, status: string, message: string) => ({ type, status, message });

  it('is what the cluster says of it', () => {
    const conditions = [
      condition('NamespaceDeletionDiscoveryFailure', 'False', 'All resources successfully discovered'),
      condition('NamespaceContentRemaining', 'True', 'Some resources are remaining: configmaps. has 1 resource instances'),
      condition('NamespaceFinalizersRemaining', 'True', 'Some content has finalizers: example.com/hold in 1 resource instances'),
    ];
    expect(held(NAMESPACES, { finalizers: ['kubernetes'], conditions })).toBe(
      'its deletion waits: Some resources are remaining: configmaps. has 1 resource instances; Some content has finalizers: example.com/hold in 1 resource instances',
    );
  });

  it('is not known while the cluster says nothing', () => {
    expect(held(NAMESPACES, { finalizers: ['kubernetes'] })).toBeUndefined();
    expect(held(NAMESPACES, { conditions: [condition('NamespaceContentRemaining', 'False', 'none')] })).toBeUndefined();
  });
});
