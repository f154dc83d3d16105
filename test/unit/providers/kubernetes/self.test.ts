import { describe, expect, it } from 'vitest';
import { selfInCluster } from '../../../../src/providers/kubernetes/self';

const pod = (name: string, namespace = 'runners', labels = {}) => ({ name, namespace, labels });

const IN_CLUSTER = { KUBERNETES_SERVICE_HOST: '10.96.0.1', POD_NAMESPACE: 'runners' };

describe('the pods of this job', () => {
  it('are none where it does not run in a cluster', async () => {
    expect(await selfInCluster({ HOSTNAME: 'runner-abc' })).toBeUndefined();
  });

  it('are the one that it runs in', async () => {
    const self = await selfInCluster({ ...IN_CLUSTER, HOSTNAME: 'cleanup-x' });
    expect(self?.namespace).toBe('runners');
    expect(self?.whyKept(pod('cleanup-x'))).toBe('this process runs in it');
    expect(self?.whyKept(pod('cleanup-y'))).toBeUndefined();
  });

  it('are its runner’s and its containers’, where the job runs in a container of its own', async () => {
    const self = await selfInCluster({ ...IN_CLUSTER, HOSTNAME: 'set-abc-runner-x-workflow' });
    expect(self?.whyKept(pod('set-abc-runner-x-workflow'))).toBe('this process runs in it');
    expect(self?.whyKept(pod('set-abc-runner-x'))).toBe('this job runs in it');
    expect(self?.whyKept(pod('set-abc-runner-x-step-1', 'runners', { 'runner-pod': 'set-abc-runner-x' }))).toMatch(
      /^it is a container of this job/,
    );
  });

  it('are the job’s container, where the runner’s pod cleans up', async () => {
    const self = await selfInCluster({ ...IN_CLUSTER, HOSTNAME: 'elsewhere', ACTIONS_RUNNER_POD_NAME: 'runner-x' });
    expect(self?.whyKept(pod('runner-x'))).toBe('this job runs in it');
    expect(self?.whyKept(pod('runner-x-workflow'))).toBe('this job runs in it');
  });

  it('are not those of another runner, nor of another namespace', async () => {
    const self = await selfInCluster({ ...IN_CLUSTER, HOSTNAME: 'runner-x' });
    expect(self?.whyKept(pod('runner-xy'))).toBeUndefined();
    expect(self?.whyKept(pod('runner-y-workflow'))).toBeUndefined();
    expect(self?.whyKept(pod('s', 'runners', { 'runner-pod': 'runner-y' }))).toBeUndefined();
    expect(self?.whyKept(pod('runner-x', 'bench'))).toBeUndefined();
  });

  it('are kept in every namespace where it can’t be known which is theirs', async () => {
    const self = await selfInCluster({ KUBERNETES_SERVICE_HOST: '10.96.0.1', HOSTNAME: 'runner-x' });
    expect(self?.namespace).toBe('');
    expect(self?.whyKept(pod('runner-x', 'anywhere'))).toBe('this process runs in it');
  });

  it('are in the namespace that the runner names first', async () => {
    const self = await selfInCluster({ ...IN_CLUSTER, ACTIONS_RUNNER_KUBERNETES_NAMESPACE: 'jobs', HOSTNAME: 'x' });
    expect(self?.namespace).toBe('jobs');
  });
});
