import { readdir, readFile } from 'node:fs/promises';

/** Bit 9 of a mask of signals that wait to be taken. */
const SIGKILL_PENDING = /^(?:SigPnd|ShdPnd):\t[0-9a-f]*[13579bdf][0-9a-f]{2}$/m;

/** `Name:\tsh`, and the state `D (disk sleep)`. */
const NAME = /^Name:\t(.*)$/m;
const SLEEPS_IN_KERNEL = /^State:\tD/m;

const MAX_SHOWN = 3;

/**
 * Explains why a container outlives SIGKILL: a process of it got the signal, and can't take it, because it waits in
 * the kernel for a disk or a server. Undefined if there is none, or if it is unknown: the engine is on another machine.
 * https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 * @param proc where the kernel shows its processes
 */
export async function whyHanging(containerId: string, proc = '/proc'): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const names = await readdir(proc).catch(() => []);
  const found = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((pid) => hanging(pid, containerId, proc)));
  const hung = found.flatMap((name) => name ?? []);
  if (hung.length === 0) return undefined;
  const more = hung.length > MAX_SHOWN ? ` and ${hung.length - MAX_SHOWN} more` : '';
  const who = `${hung.length === 1 ? 'its process' : 'its processes'} ${hung.slice(0, MAX_SHOWN).join(', ')}${more}`;
  const verbs = hung.length === 1 ? 'waits in the kernel, and can’t be killed' : 'wait in the kernel, and can’t be killed';
  return `${who} ${verbs}: a disk or a network file system does not answer. Mend or unmount that, or restart the machine`;
}

/** @returns `dd (4711)` for a process of the container that hangs */
async function hanging(pid: string, containerId: string, proc: string): Promise<string | undefined> {
  try {
    if (!(await readFile(`${proc}/${pid}/cgroup`, 'utf8')).includes(containerId)) return undefined;
    const tasks = await readdir(`${proc}/${pid}/task`);
    const statuses = await Promise.all(tasks.map((task) => readFile(`${proc}/${pid}/task/${task}/status`, 'utf8')));
    const hung = statuses.find((status) => SLEEPS_IN_KERNEL.test(status) && SIGKILL_PENDING.test(status));
    return hung && `${NAME.exec(hung)?.[1]} (${pid})`;
  } catch {
    return undefined; // It has ended, or /proc hides it.
  }
}
