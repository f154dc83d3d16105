import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { writeImage } from '../engine/image';
import { isFree } from '../free-port';
import { until } from '../until';
import { Cluster, type ClusterAccess } from './cluster';
import { tell } from './control';
import { makeCredentials } from './credentials';
import { configureNode, containerdSocket, type DaemonName, daemonCommands, PAUSE_IMAGE, type Ports } from './daemons';

const execute = promisify(execFile);

/** Always the same: what a guard leaves that was killed is found there by the next. */
const DIRECTORY = join(tmpdir(), 'cleanup-cluster');

const IMAGE = 'docker.io/cleanup-action-test/busybox:1';

/** A real cluster of one node, on which pods run. */
export interface LocalCluster {
  readonly access: ClusterAccess;
  /**
   * Ends all its processes, and undoes what they did to the machine.
   * @throws when something of it is left; the guard has printed what
   */
  stop(): Promise<void>;
}

/**
 * Starts a cluster, from programs that were built before: about 6 s. The guard ends it also when this process ends, in whatever way.
 * @throws when it can't be had: no root, no programs, or another kubelet on the machine
 */
export async function startCluster(): Promise<LocalCluster> {
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'cluster-guard.mjs'), DIRECTORY], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true, // A Ctrl-C in the terminal is for the tests; the guard ends when they have.
  });
  const stop = async () => {
    if ((await end(guard)) !== 0) throw new Error('the cluster did not end well');
  };
  try {
    const lines = createInterface({ input: guard.stdout });
    const [ready] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
    if (!ready) throw new Error('No cluster could be started: it needs root on Linux, and no other kubelet on the machine');
    await run(guard);
    return { access: { kubeconfig: join(DIRECTORY, 'kubeconfigs', 'admin'), image: IMAGE, directory: DIRECTORY }, stop };
  } catch (error) {
    await end(guard);
    throw error;
  }
}

async function end(guard: ChildProcess): Promise<number | null> {
  if (guard.exitCode !== null) return guard.exitCode;
  const exited = once(guard, 'exit');
  guard.stdin?.end();
  const [code] = await exited;
  return code;
}

async function run(guard: ChildProcess): Promise<void> {
  const ports = await freePorts();
  const commands = daemonCommands(DIRECTORY, ports);
  const start = (name: DaemonName) => tell(DIRECTORY, { start: name, command: commands[name] });
  const cluster = new Cluster({ kubeconfig: join(DIRECTORY, 'kubeconfigs', 'admin'), image: IMAGE, directory: DIRECTORY });
  const comes = (what: string, holds: () => Promise<boolean>) =>
    until(what, () => {
      if (guard.exitCode !== null) throw new Error(`The cluster ended while it was started: waited until ${what}`);
      return holds();
    });
  const controlPlane = async () => {
    await makeCredentials(DIRECTORY, `https://127.0.0.1:${ports.apiserver}`);
    await start('etcd');
    await start('apiserver');
    await comes('the API server answers', () => cluster.answers());
  };
  const runtime = async () => {
    await configureNode(DIRECTORY, ports);
    await start('containerd');
    const ctr = (...args: readonly string[]) => execute('ctr', ['--address', containerdSocket(DIRECTORY), ...args]);
    await comes('containerd answers', () => ctr('version').then(isTrue, isFalse));
    await importImage(ctr, PAUSE_IMAGE, ['sleep', '2147483647']);
    await importImage(ctr, IMAGE, ['sh']);
  };
  await Promise.all([controlPlane(), runtime()]);
  await Promise.all([start('manager'), start('scheduler'), start('kubelet')]);
  await comes('the node is ready', () => cluster.isNodeReady());
  // Before it is there, the API server refuses every pod.
  await comes(
    'there is a service account',
    async () => (await cluster.get('serviceaccount', 'default', 'default')) !== undefined,
  );
}

const isTrue = () => true;
const isFalse = () => false;

async function importImage(ctr: (...args: readonly string[]) => Promise<unknown>, name: string, command: readonly string[]) {
  const archive = join(DIRECTORY, `${command[0]}.tar`);
  await writeImage(archive, { name, command });
  await ctr('--namespace', 'k8s.io', 'images', 'import', archive);
}

/** Not of those that the kernel gives to whoever asks for any: a server that is started again must get its own once more. */
async function freePorts(): Promise<Ports> {
  const [etcd = 0, etcdPeers = 0, apiserver = 0, kubelet = 0] = await Promise.all(
    [0, 1, 2, 3].map((n) => freePort(20_000 + 3_000 * n)),
  );
  return { etcd, etcdPeers, apiserver, kubelet };
}

async function freePort(from: number): Promise<number> {
  for (let port = from + (process.pid % 1_000); ; port += 1) if (await isFree(port)) return port;
}
