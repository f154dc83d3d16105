import type { TestProject } from 'vitest/node';
import { Cluster, type ClusterAccess } from './cluster';
import { startCluster } from './local-cluster';

declare module 'vitest' {
  interface ProvidedContext {
    readonly cluster: ClusterAccess;
  }
}

/** Before the tests: the cluster that KUBERNETES_TEST_KUBECONFIG names, or one of their own. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { KUBERNETES_TEST_KUBECONFIG: kubeconfig, KUBERNETES_TEST_IMAGE: image = 'busybox:1.37' } = process.env;
  if (kubeconfig) {
    await new Cluster({ kubeconfig, image }).kubectl('get', '--raw=/readyz');
    console.log(
      `kubernetes: testing on the cluster of ${kubeconfig}: tests that break a cluster, or look at its node, are skipped`,
    );
    project.provide('cluster', { kubeconfig, image });
    return undefined;
  }
  const startedAt = performance.now();
  const { access, stop } = await startCluster();
  console.log(`kubernetes: testing on a cluster in ${access.directory}, ready after ${seconds(startedAt)}`);
  project.provide('cluster', access);
  return async () => {
    const endsAt = performance.now();
    await stop();
    console.log(`kubernetes: the cluster was taken away in ${seconds(endsAt)}, and the machine is as it was`);
  };
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
