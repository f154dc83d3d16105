/** What a cluster changes on its machine. Plain JavaScript, for its guard. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** The bridge of the pods' network: see daemons.ts. */
export const BRIDGE = 'kcni0';

/** What a kubelet and the bridge set. */
const SYSCTLS = [
  ...['kernel/panic', 'kernel/panic_on_oops', 'kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes'],
  ...['vm/overcommit_memory', 'vm/panic_on_oom', 'net/ipv4/ip_forward'],
];

/** Where a kubelet, containerd and CNI write when nothing hides it from them. */
const DIRECTORIES = [
  ...['/var/log/containers', '/var/log/pods', '/var/lib/cni', '/var/lib/kubelet'],
  ...['/usr/libexec/kubernetes', '/etc/cni'],
];

const CGROUPS = '/sys/fs/cgroup';

export const sysctlFile = (name) => join('/proc/sys', name);

export function sysctls() {
  return Object.fromEntries(SYSCTLS.map((name) => [name, readFileSync(sysctlFile(name), 'utf8').trim()]));
}

/** Those of a kubelet's pods, in each hierarchy. */
export function kubeletCgroups() {
  const hierarchies = readdirSync(CGROUPS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return ['', ...hierarchies.map(({ name }) => name)].map((name) => join(CGROUPS, name, 'kubepods')).filter(existsSync);
}

/** All that a cluster in that directory has to leave as it was. */
export function machineState(directory) {
  return {
    ...sysctls(),
    ...Object.fromEntries(DIRECTORIES.map((path) => [path, existsSync(path) ? readdirSync(path).sort() : 'missing'])),
    cgroups: kubeletCgroups(),
    bridge: networkInterfaces()[BRIDGE] !== undefined,
    mounts: linesWith(readFileSync('/proc/mounts', 'utf8'), directory),
    processes: processesOf(directory),
    directory: existsSync(directory),
  };
}

const linesWith = (text, part) => text.split('\n').filter((line) => line.includes(part));

/** Those whose command line names something in it; the root of a container's processes is a mount that does. */
function processesOf(directory) {
  const isRoot = (line) => line.split(' ')[4] === '/';
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const roots = linesWith(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), directory).filter(isRoot);
      return commandLine.includes(`${directory}/`) || roots.length > 0 ? [commandLine.replaceAll('\0', ' ')] : [];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}
