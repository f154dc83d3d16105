import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/lib/json-shape';
import type { Ask, KubernetesClient } from '../../../../src/providers/kubernetes/client';
import { deletion } from '../../../../src/providers/kubernetes/deletion';
import { KubernetesError } from '../../../../src/providers/kubernetes/errors';

const signal = new AbortController().signal;
const POD = { path: '/api/v1/namespaces/n/pods/p', uid: 'ours', what: 'DELETE pods' };
const podWith = (uid: string): Json => ({ kind: 'Pod', metadata: { uid, name: 'p', namespace: 'n' } });
const failed = (status: number, reason: string) => new KubernetesError('DELETE pods', status, 'says the API', { reason });
const REFUSED = failed(409, 'Conflict');

/** A cluster that gives these answers, one after the other. */
function clusterThat(...answers: readonly (Json | Error)[]) {
  const asked: Ask[] = [];
  const left = [...answers];
  const ask = async (request: Ask) => {
    asked.push(request);
    const answer = left.shift();
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('asked too often');
    return answer;
  };
  return { client: { ask } as unknown as KubernetesClient, asked };
}

describe('a deletion', () => {
  it('is of one object, by its path and its uid', async () => {
    const { client, asked } = clusterThat(podWith('ours'));
    expect(await deletion(client, { ...POD, gracePeriodSeconds: 5 }, signal)).toBe('accepted');
    expect(asked).toEqual([
      {
        ...{ method: 'DELETE', path: POD.path, what: POD.what },
        body: {
          ...{ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', gracePeriodSeconds: 5 },
          preconditions: { uid: 'ours' },
        },
      },
    ]);
  });

  it.each([
    ['another object has its name', [REFUSED, podWith('another')]],
    ['its name is free by now', [REFUSED, failed(404, 'NotFound')]],
    ['it is not there', [failed(404, 'NotFound')]],
    ['the API says so', [{ kind: 'Status', details: { uid: 'ours' } }]],
  ])('has nothing to do where %s: nothing else is asked to go', async (_, answers) => {
    const { client, asked } = clusterThat(...answers);
    expect(await deletion(client, POD, signal)).toBe('gone');
    expect(asked.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  it.each([
    ['a conflict about the object itself', [REFUSED, podWith('ours')]],
    ['a conflict, when a look does not tell whose the name is', [REFUSED, failed(503, 'ServiceUnavailable')]],
    ['an object without a uid', [REFUSED, { metadata: { name: 'p' } }]],
  ])('is an error for %s', async (_, answers) => {
    await expect(deletion(clusterThat(...answers).client, POD, signal)).rejects.toBe(REFUSED);
  });

  it('is not done yet where the status is about another object', async () => {
    const { client } = clusterThat({ kind: 'Status', details: { uid: 'another' } });
    expect(await deletion(client, POD, signal)).toBe('accepted');
  });
});
