/**
 * Times the built post over so many pods of a session, on a real cluster of one node, against `kubectl delete pods --selector … --wait` of
 * as many, and sees that a bystander stands after each: `npm run bench:kubernetes`; `npm run bench:kubernetes 500 post` for fewer pods, and
 * only the line with that word. A node has room for 200 pods: 50 run, the others wait for a scheduler that does not exist.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { labels } from '../src/core/labels';
import { Job } from '../test/support/job/job';
import { Cluster } from '../test/support/kubernetes/cluster';
import { startCluster } from '../test/support/kubernetes/local-cluster';
import { kubernetesProgram } from '../test/support/kubernetes/programs';
import { type Cost, costOf } from './cost';

const [, , pods = '2000', word = ''] = process.argv;
const number = Number(pods);
const RUNNING = 50;

/** kubectl makes this many a call: it holds all in memory. */
const AT_ONCE = 250;

type Labels = Readonly<Record<string, string>>;

async function createPods(cluster: Cluster, namespace: string, marks: Labels): Promise<void> {
  const pods = Array.from({ length: number }, (_, index) =>
    cluster.podOf({ namespace, labels: marks, spec: index < RUNNING ? {} : { schedulerName: 'nobody' } }),
  );
  for (let from = 0; from < pods.length; from += AT_ONCE) await cluster.create(...pods.slice(from, from + AT_ONCE));
  const running = ['--for=jsonpath={.status.phase}=Running', '--timeout=300s', `--namespace=${namespace}`];
  const names = pods.slice(0, RUNNING).map(({ metadata }) => `pod/${metadata.name}`);
  await cluster.kubectl('wait', ...running, ...names);
}

/** @throws when the bystander is gone, or anything else is there */
async function checkLeft(cluster: Cluster, namespace: string): Promise<void> {
  const left = (await cluster.kubectl('get', 'pods', `--namespace=${namespace}`, '--output=name')).trim();
  if (left !== 'pod/bystander') throw new Error(`left in the namespace: ${left.slice(0, 200) || 'nothing'}`);
}

async function post(cluster: Cluster): Promise<Cost> {
  const namespace = await cluster.namespace();
  const inputs = {
    ...{ docker: 'false', daytona: 'false', proxy: 'false', kubernetes: 'true', deadline: '10m', 'grace-period': '2s' },
    ...{ kubeconfig: await cluster.kubeconfig(), 'kubernetes-namespaces': namespace },
  };
  const job = await Job.create({ inputs });
  try {
    await job.main();
    await cluster.pod({ namespace, name: 'bystander' });
    await createPods(cluster, namespace, { [labels.session]: await job.session() });
    const startedAt = performance.now();
    const step = await job.startPost();
    const cost = await costOf(step, startedAt);
    const { post: report } = (await job.report()).phases;
    if (!report?.verified || report.resources.length !== number)
      throw new Error(`post left something: ${(await step.ended).output}`);
    await checkLeft(cluster, namespace);
    return cost;
  } finally {
    await job.remove();
  }
}

async function kubectl(cluster: Cluster): Promise<Cost> {
  const namespace = await cluster.namespace();
  await cluster.pod({ namespace, name: 'bystander' });
  await createPods(cluster, namespace, { 'bench.peer': 'yes' });
  const words = ['delete', 'pods', '--selector=bench.peer=yes', `--namespace=${namespace}`, '--wait', '--output=name'];
  const startedAt = performance.now();
  const command = spawn(kubernetesProgram('kubectl'), [`--kubeconfig=${await cluster.kubeconfig()}`, ...words], {
    stdio: 'ignore',
  });
  const cost = await costOf({ pid: command.pid ?? 0, ended: ended(command) }, startedAt);
  await checkLeft(cluster, namespace);
  return cost;
}

function ended(command: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    command.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`kubectl ended with ${code}`))));
  });
}

const { access, stop } = await startCluster();
try {
  const cluster = new Cluster(access);
  for (const [name, work] of Object.entries({ post, 'kubectl delete': kubectl })) {
    if (!name.includes(word)) continue;
    const { seconds, memory } = await work(cluster);
    const load = loadavg()[0]?.toFixed(0);
    console.log(
      `${name}, ${number} pods: ${seconds.toFixed(1)} s, ${memory.toFixed(0)} MiB at most; the bystander stands; load ${load}`,
    );
  }
} finally {
  await stop();
}
