import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { labels } from '../../src/core/labels';
import { User } from '../support/cli/cli';
import { Job } from '../support/job/job';
import { Worker } from '../support/job/worker';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { kubernetesProgram } from '../support/kubernetes/programs';
import { ROLE } from '../support/kubernetes/role';
import { until } from '../support/until';

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

it('a watchdog cleans up after a runner that is killed, and leaves another session’s pods and those of nobody', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const others = await cluster.pod({ namespace, labels: { [labels.session]: 'another' } });
  const run = `${benchmark(namespace)}\nsleep 3600`;
  const worker = await Worker.start();
  onTestFinished(() => worker.kill());
  const tracking = { RUNNER_TRACKING_ID: 'github_11111111-2222-3333-4444-555555555555' };
  const job = await Job.create({
    inputs: { ...inputs(namespace), run },
    ...{ env: { ...(await env()), ...tracking }, runnerName: 'cluster-watched', worker },
  });
  onTestFinished(() => job.remove());
  void job.main();
  await until('it has all its pods', async () => (await names(namespace)).includes('pod/deleted'));
  await until('one of them is gone', async () => !(await names(namespace)).includes('pod/deleted'));

  await worker.kill();

  await until('post ran in the runner’s place', async () => (await job.report().catch(() => undefined))?.phases.post != null);
  const { phases } = await job.report();
  expect(phases.post).toMatchObject({ verified: true });
  expect((await names(namespace)).toSorted()).toEqual(
    [bystander, others].map(({ metadata }) => `pod/${metadata.name}`).toSorted(),
  );
});

it('of two jobs in one namespace, each removes only its own', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const jobs = await Promise.all(
    ['one', 'two'].map(async (name) =>
      Job.create({
        inputs: { ...inputs(namespace), watchdog: 'false' },
        ...{ env: { ...(await env()), GITHUB_RUN_ID: name === 'one' ? '1' : '2' }, runnerName: `cluster-${name}` },
      }),
    ),
  );
  for (const job of jobs) onTestFinished(() => job.remove());
  for (const job of jobs) expect((await job.main()).exitCode).toBe(0);
  const pods = [];
  for (const job of jobs) pods.push(await cluster.pod({ namespace, labels: { [labels.session]: await job.session() } }));
  const [one, two] = jobs;

  expect((await one?.post())?.exitCode).toBe(0);
  expect(await names(namespace)).toHaveLength(2);
  expect(await names(namespace)).toContain(`pod/${pods[1]?.metadata.name}`);
  expect((await two?.post())?.exitCode).toBe(0);
  expect(await names(namespace)).toEqual([`pod/${bystander.metadata.name}`]);
});

it('credentials that expire between main and post are told, and nothing counts as verified', async () => {
  const namespace = await cluster.namespace();
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-kubeconfig-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const kubeconfig = join(directory, 'config');
  await copyFile(await cluster.kubeconfig('token'), kubeconfig);
  const job = await Job.create({ inputs: { ...inputs(namespace), kubeconfig, watchdog: 'false' } });
  onTestFinished(() => job.remove());
  const main = await job.main();
  expect(main.exitCode, main.output).toBe(0);
  const pod = await cluster.pod({ namespace, labels: { [labels.session]: await job.session() } });
  await writeFile(kubeconfig, (await readFile(kubeconfig, 'utf8')).replace(/"token": ?"[^"]*"/, '"token":"expired"'));
  const post = await job.post();

  expect(post.output).toContain('the cluster does not accept the credentials, which may have expired');
  expect((await job.report()).phases.post).toMatchObject({ verified: false });
  expect(await names(namespace)).toEqual([`pod/${pod.metadata.name}`]);
});

it('list shows a cluster’s pods of sessions, and sweep removes those of one', async () => {
  const namespace = await cluster.namespace();
  const bystander = await cluster.pod({ namespace });
  const user = await User.create({ ...(await env()), DOCKER_HOST: undefined });
  const where = ['--docker', 'false', '--kubernetes-namespaces', namespace];
  for (const session of ['one', 'two']) await cluster.pod({ namespace, name: session, labels: { [labels.session]: session } });
  const listed = await user.run('list', ...where, '--format', '{{.Name}} {{.Session}}');
  expect(listed.stdout.trim().split('\n').toSorted(), listed.stderr).toEqual(['one one', 'two two']);

  const swept = await user.run('sweep', ...where, '--session', 'one');

  expect(swept.exitCode, swept.stdout + swept.stderr).toBe(0);
  expect((await names(namespace)).toSorted()).toEqual([`pod/${bystander.metadata.name}`, 'pod/two'].toSorted());
});

it('two contexts are two providers, of which each removes its own', async () => {
  const [first, second] = [await cluster.namespace(), await cluster.namespace()];
  const bystanders = [await cluster.pod({ namespace: first }), await cluster.pod({ namespace: second })];
  const config = JSON.parse(await readFile(await cluster.kubeconfig('token'), 'utf8'));
  const user = await User.create({ ...(await env()), DOCKER_HOST: undefined });
  const kubeconfig = user.path('kubeconfig');
  const [{ context }] = config.contexts;
  const contexts = [first, second].map((namespace) => ({ name: `in-${namespace}`, context: { ...context, namespace } }));
  await writeFile(kubeconfig, JSON.stringify({ ...config, contexts, 'current-context': 'none' }));
  const run = [first, second].map((namespace) => benchmark(namespace)).join('\n');
  const words = [
    '--docker',
    'false',
    '--kubeconfig',
    kubeconfig,
    '--kubernetes-contexts',
    contexts.map(({ name }) => name).join('\n'),
  ];
  const { exitCode, stdout, stderr } = await user.run('run', ...words, '--grace-period', '5s', '--', 'sh', '-c', run);

  expect(exitCode, stdout + stderr).toBe(0);
  expect(stdout + stderr).toContain('2 containers failed during the benchmark');
  expect([...(await names(first)), ...(await names(second))]).toEqual(bystanders.map(({ metadata }) => `pod/${metadata.name}`));
});

itOnOwnCluster('in a pod, its service account with the documents’ role is enough; the pod that it runs in stays', async () => {
  const namespace = await cluster.namespace();
  const session = `in-cluster-${process.pid}`;
  const [own, bystander] = [
    await cluster.pod({ namespace, labels: { [labels.session]: session } }),
    await cluster.pod({ namespace }),
  ];
  await cluster.pod({ namespace, labels: { [labels.session]: session } });
  const { clusters, users } = JSON.parse(await readFile(await cluster.serviceAccount(namespace, ROLE), 'utf8'));
  const server = new URL(clusters[0].cluster.server);
  const user = await User.create({
    ...{ DOCKER_HOST: undefined, HOSTNAME: own.metadata.name },
    ...{ KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port },
  });
  await writeFile(user.path('token'), users[0].user.token);
  await writeFile(user.path('ca.crt'), Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64'));
  await writeFile(user.path('namespace'), namespace);
  // Kubernetes mounts them there into each pod.
  const mounts =
    'mount -t tmpfs none /run && D=/run/secrets/kubernetes.io/serviceaccount && mkdir -p $D && cp token ca.crt namespace $D';
  const run = `"$NODE" "$BUNDLE" run --docker false --kubernetes true --session ${session} -- true`;
  const { exitCode, stdout, stderr } = await user.bash(`unshare --mount sh -c '${mounts} && exec ${run}'`);

  expect(exitCode, stdout + stderr).toBe(0);
  expect(stderr).toContain('the pod’s service account');
  expect(stderr).toContain('this process runs in it');
  expect((await names(namespace)).toSorted()).toEqual([own, bystander].map(({ metadata }) => `pod/${metadata.name}`).toSorted());
});
