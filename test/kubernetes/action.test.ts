import { expect, it, onTestFinished } from 'vitest';
import { User } from '../support/cli/cli';
import { Job } from '../support/job/job';
import { cluster } from '../support/kubernetes/own-cluster';
import { kubernetesProgram } from '../support/kubernetes/programs';

/** A benchmark's pods: one that goes on when it ends, one that fails, one that it deletes itself. */
const benchmark = (namespace: string) => `
set -e
run() { name=$1; shift; "$KUBECTL" run "$name" --namespace=${namespace} --labels="$CLEANUP_LABEL" --image=${cluster.image} --image-pull-policy=IfNotPresent --restart=Never "$@"; }
run stays --command -- sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
run fails --command -- sh -c 'echo "<b>the reason</b>"; exit 3'
run deleted --command -- sh -c 'trap "exit 143" TERM; while :; do sleep 0.1; done'
"$KUBECTL" wait --namespace=${namespace} --for=condition=Ready pod/stays pod/deleted --timeout=60s
"$KUBECTL" wait --namespace=${namespace} --for=jsonpath='{.status.phase}'=Failed pod/fails --timeout=60s
"$KUBECTL" delete pod deleted --namespace=${namespace}
`;

async function names(namespace: string): Promise<readonly string[]> {
  return (await cluster.kubectl('get', 'pods', `--namespace=${namespace}`, '--output=name'))
    .split('\n')
    .filter((name) => name !== '');
}

const inputs = (namespace: string) => ({
  ...{ docker: 'false', daytona: 'false', 'kubernetes-namespaces': namespace, 'grace-period': '5s' },
});

const env = async () => ({ KUBECONFIG: await cluster.kubeconfig(), KUBECTL: kubernetesProgram('kubectl') });

it('the action removes what a benchmark leaves on a cluster, and tells how its pods ended; another’s pod stays', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const job = await Job.create({ inputs: { ...inputs(namespace), run: benchmark(namespace) }, env: await env() });
  onTestFinished(() => job.remove());

  const main = await job.main();
  const post = await job.post();

  expect([main.exitCode, post.exitCode], main.output + post.output).toEqual([0, 0]);
  const { deaths, phases } = await job.report();
  expect(
    deaths.map(({ name, exitCode, asked, logStatus }) => ({ name, exitCode, asked, logStatus })),
    main.output,
  ).toEqual([
    { name: 'fails', exitCode: 3, asked: false, logStatus: 'kept' },
    { name: 'deleted', exitCode: 143, asked: true, logStatus: 'empty' },
  ]);
  expect(phases.post?.verified).toBe(true);
  expect(phases.post?.resources.map(({ name, outcome }) => `${name} ${outcome}`).toSorted()).toEqual([
    'fails removed',
    'stays graceful',
  ]);
  const summary = await job.summary();
  expect(summary).toContain('1 container failed during the benchmark');
  expect(summary).toContain('&lt;b&gt;the reason&lt;/b&gt;');
  expect(await names(namespace)).toEqual([`pod/${bystander.metadata.name}`]);
});

it('a second job cleans what a killed one left, and not what runs beside it', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const killsMain = `${benchmark(namespace)}\nkill -KILL $PPID`;
  const job = await Job.create({
    inputs: { ...inputs(namespace), run: killsMain, watchdog: 'false' },
    ...{ env: await env(), runnerName: 'cluster-1' },
  });
  onTestFinished(() => job.remove());
  expect((await job.main()).signal).toBe('SIGKILL');
  expect(await names(namespace)).toHaveLength(3);

  const next = await Job.create({ inputs: inputs(namespace), env: { ...(await env()), GITHUB_RUN_ID: '4712' }, after: job });
  onTestFinished(() => next.remove());
  const { exitCode, output } = await next.main();

  expect(exitCode, output).toBe(0);
  expect(await names(namespace)).toEqual([`pod/${bystander.metadata.name}`]);
});

it('the command line does the same for any CI', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const user = await User.create({ ...(await env()), DOCKER_HOST: undefined });
  const words = ['run', '--docker', 'false', '--kubernetes-namespaces', namespace, '--grace-period', '5s'];
  const { exitCode, stdout, stderr } = await user.run(...words, '--', 'sh', '-c', benchmark(namespace));

  expect(exitCode, stdout + stderr).toBe(0);
  expect(stdout + stderr).toContain('1 container failed during the benchmark');
  expect(await names(namespace)).toEqual([`pod/${bystander.metadata.name}`]);
});
