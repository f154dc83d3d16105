/**
 * Keeps a cluster's processes in namespaces of their own, and undoes what they did to the machine when standard input has ended:
 * see Cluster. Only one guard of a machine does so at a time: another waits. Plain JavaScript, so that it starts at once.
 *
 * The processes can't outlive this one, however it ends: the kernel kills all of a PID namespace when its first process ends. Their
 * mounts go with them. What a guard leaves that is killed itself, the next one undoes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { BRIDGE, kubeletCgroups, machineState, sysctlFile, sysctls } from './machine-state.mjs';

const [directory, lockName = 'cleanup-action-test-cluster'] = process.argv.slice(2);
if (!directory) throw new Error('usage: cluster-guard.mjs DIRECTORY [LOCK]');

/** How the machine was before. */
const SAVED = join(directory, 'before.json');

/** Where containerd, runc, a kubelet and CNI write whatever they are told. */
const HIDDEN = ['/run', '/var/log', '/var/lib/cni', '/var/lib/kubelet', '/usr/libexec/kubernetes'];

/** Starts in the namespaces, and runs what it is given. The shell is the first process there, and reaps what has lost its parent. */
const INSIDE = `
set -e
for hidden in ${HIDDEN.join(' ')}; do mount -t tmpfs tmpfs "$hidden"; done
"$@"
exit
`;

/** The processes in the namespaces, once there are any. */
let inside;
let isToEnd = false;
process.stdin.once('close', end).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);

await lock();
await undo();
const others = kubeletCgroups();
if (others.length > 0) {
  console.error(`Another kubelet runs on this machine (${others[0]}). Use its cluster: KUBERNETES_TEST_KUBECONFIG=…`);
  process.exit(1);
}
rmSync(directory, { recursive: true, force: true });
const before = machineState(directory);
mkdirSync(directory, { recursive: true, mode: 0o700 });
const missing = HIDDEN.filter((path) => !existsSync(path));
writeFileSync(SAVED, JSON.stringify({ missing, sysctls: sysctls() }));
for (const path of missing) mkdirSync(path, { recursive: true });

const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const daemons = [process.execPath, join(import.meta.dirname, 'cluster-daemons.mjs'), directory];
inside = spawn('setpriv', ['--pdeathsig', 'KILL', ...namespaces, 'sh', '-c', INSIDE, 'sh', ...daemons], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
});
await new Promise((resolve) => inside.once('exit', resolve).once('error', resolve));
await undo();
const changes = changesBetween(before, machineState(directory));
if (changes.length > 0) console.error(`The cluster left this changed on the machine:\n${changes.join('\n')}`);
process.exit(isToEnd && changes.length === 0 ? 0 : 1);

function end() {
  if (!inside) process.exit(0); // It waits for another.
  isToEnd = true;
  inside.kill('SIGKILL');
}

/** Takes a name of the kernel's own, which has no file, and ends with the process that has it. */
async function lock() {
  for (let waits = false; ; waits = true) {
    const server = createServer();
    const isOurs = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(`\0${lockName}`, () => resolve(true));
    });
    if (isOurs) return server.unref();
    if (!waits) console.error('waiting for the cluster of other tests on this machine to end: a machine has one kubelet');
    await pause(200);
  }
}

/** Takes back what the cluster of this directory changed. All its processes have ended. */
async function undo() {
  if (!existsSync(SAVED)) return;
  spawnSync('ip', ['link', 'delete', BRIDGE], { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
  // A process that was killed is in its cgroup until it has ended.
  for (const giveUpAt = Date.now() + 10_000; kubeletCgroups().length > 0 && Date.now() < giveUpAt; await pause(20)) {
    for (const cgroup of kubeletCgroups()) removeCgroup(cgroup);
  }
  const saved = JSON.parse(readFileSync(SAVED, 'utf8'));
  for (const path of saved.missing.filter((made) => existsSync(made) && readdirSync(made).length === 0)) rmdirSync(path);
  const now = sysctls();
  for (const [name, value] of Object.entries(saved.sysctls)) if (now[name] !== value) writeFileSync(sysctlFile(name), value);
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function removeCgroup(path) {
  const below = () => readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  try {
    for (const { name } of below()) removeCgroup(join(path, name));
    rmdirSync(path);
  } catch {
    // It is in use, or gone.
  }
}

function changesBetween(before, after) {
  const [was, is] = [before, after].map((state) =>
    Object.fromEntries(Object.entries(state).map(([name, it]) => [name, JSON.stringify(it)])),
  );
  return Object.keys(was).flatMap((name) => (was[name] === is[name] ? [] : [`  ${name}: ${is[name]}, and was ${was[name]}`]));
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
