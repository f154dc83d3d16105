import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Environment } from '../../lib/environment';
import type { Metadata } from './objects';

/** The pods of this very job, when it runs in a cluster. */
export interface SelfInCluster {
  readonly namespace: string;
  /** Why such a pod stays; undefined for others. */
  whyKept(pod: Pick<Metadata, 'name' | 'namespace' | 'labels'>): string | undefined;
}

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The end of the name that the container hooks of GitHub's runner give to the pod of a job. */
const WORKFLOW = '-workflow';

/** The hooks' label for each pod of a job: the name of its runner's pod. */
const RUNNER_POD = 'runner-pod';

/**
 * Undefined where this process does not run in a pod.
 * https://github.com/actions/runner-container-hooks/blob/main/packages/k8s/src/hooks/constants.ts
 */
export async function selfInCluster(env: Environment): Promise<SelfInCluster | undefined> {
  if (!env['KUBERNETES_SERVICE_HOST']) return undefined;
  const file = await readFile(NAMESPACE_FILE, 'utf8').catch(() => '');
  const namespace = env['ACTIONS_RUNNER_KUBERNETES_NAMESPACE'] || env['POD_NAMESPACE'] || file.trim();
  // A pod's host name is its name, unless it uses its node's network.
  const own = env['HOSTNAME'] || hostname();
  const runner = env['ACTIONS_RUNNER_POD_NAME'] || (own.endsWith(WORKFLOW) ? own.slice(0, -WORKFLOW.length) : own);
  return {
    namespace,
    whyKept(pod) {
      if (namespace !== '' && pod.namespace !== namespace) return undefined;
      if (pod.name === own) return 'this process runs in it';
      if (pod.name === runner || pod.name === `${runner}${WORKFLOW}`) return 'this job runs in it';
      return pod.labels[RUNNER_POD] === runner ? 'it is a container of this job, which its runner removes' : undefined;
    },
  };
}
