import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../../src/lib/json-shape';
import { PODS } from '../../../../../src/providers/kubernetes/api-kinds';
import { KubernetesError } from '../../../../../src/providers/kubernetes/errors';
import { ObjectLabels } from '../../../../../src/providers/kubernetes/object-labels';
import { Makers } from '../../../../../src/providers/kubernetes/recording/makers';
import { Scene, thingOf } from '../../../../../src/providers/kubernetes/scene';
import { FakeCluster } from '../../../../support/kubernetes/fake-cluster';
import { VirtualClock } from '../../../../support/simulation/virtual-clock';

const never = new AbortController().signal;
const JOB = '/apis/batch/v1/namespaces/bench/jobs/task';

const controlledBy = (kind: string, name: string, apiVersion = 'batch/v1'): Json => ({
  ownerReferences: [{ apiVersion, kind, name, uid: name, controller: true }],
});

function setting() {
  const cluster = new FakeCluster(new VirtualClock(() => 0.5));
  const scene = new Scene(cluster.client, () => undefined);
  const makers = new Makers(cluster.client, new ObjectLabels(scene, undefined));
  const labelsFor = async (metadata: Json) => {
    const pod = thingOf(PODS, { metadata: { uid: 'u', name: 'agent', namespace: 'bench', ...metadata } });
    return pod && makers.labelsFor(pod, never);
  };
  return { cluster, labelsFor };
}

describe('the labels of what made a pod', () => {
  it('are those of all that made it, the nearest first', async () => {
    const { cluster, labelsFor } = setting();
    cluster.add('cron-job', 'nightly', { metadata: { labels: { a: 'cron-job', b: 'cron-job' } } });
    cluster.add('job', 'task', { metadata: { ...controlledBy('CronJob', 'nightly'), labels: { b: 'job' } } });
    expect(await labelsFor(controlledBy('Job', 'task'))).toEqual({ a: 'cron-job', b: 'job' });
  });

  it('are asked for once', async () => {
    const { cluster, labelsFor } = setting();
    cluster.add('job', 'task', { metadata: { labels: { a: '1' } } });
    await Promise.all([labelsFor(controlledBy('Job', 'task')), labelsFor(controlledBy('Job', 'task'))]);
    expect(cluster.asked.map(({ path }) => path)).toEqual([JOB]);
  });

  it('are not those of what has its name now, nor of another API’s', async () => {
    const { cluster, labelsFor } = setting();
    cluster.add('job', 'task', { uid: 'another', metadata: { labels: { a: '1' } } });
    expect(await labelsFor(controlledBy('Job', 'task'))).toEqual({});
    expect(await labelsFor(controlledBy('Job', 'another', 'batch.volcano.sh/v1alpha1'))).toEqual({});
  });

  it('are none where it may not be seen, and are asked for again after what passes', async () => {
    const { cluster, labelsFor } = setting();
    const busy = new KubernetesError('GET jobs', 503, 'busy');
    cluster.answer(JOB, busy);
    await expect(labelsFor(controlledBy('Job', 'task'))).rejects.toBe(busy);
    cluster.answer(JOB, new KubernetesError('GET jobs', 403, 'forbidden', { reason: 'Forbidden' }));
    expect(await labelsFor(controlledBy('Job', 'task'))).toEqual({});
  });
});
