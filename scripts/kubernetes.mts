/** Builds the programs of the tests' cluster, once a machine, unless a cluster is named that is there: see test/support/kubernetes/. */
import { EngineUnavailable } from '../test/support/engine/engine-cache';
import { prepareKubernetes } from '../test/support/kubernetes/programs';

try {
  if (!process.env['KUBERNETES_TEST_KUBECONFIG']) await prepareKubernetes();
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error;
  console.error(`${error.message}. A cluster that is there can be used: KUBERNETES_TEST_KUBECONFIG=…`);
  process.exitCode = 1;
}
