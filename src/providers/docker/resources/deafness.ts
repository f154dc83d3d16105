import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';

/**
 * Why a container's process would not notice its stop signal; undefined where it would, or where it can't be told.
 *
 * A process that is PID 1 of its namespace gets no signal that it has no handler for. What Linux's /proc says settles it: deaf is who
 * neither catches the signal (SigCgt) nor blocks it (SigBlk: it may wait for it with sigwait), and has no children to pass it on to
 * (tini looks deaf, and is not). https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 * @param pid the process, as the engine counts: that this is the same process on this machine is checked
 * @param stopSignal as the container is configured: `SIGTERM`, `TERM`, `15`
 */
export async function whyDeaf(pid: number, stopSignal: string, containerId: string): Promise<string | undefined> {
  const signal = signalNumber(stopSignal);
  if (process.platform !== 'linux' || pid <= 0 || signal === undefined) return undefined;
  try {
    const [cgroup, status] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // An engine elsewhere counts its own pids: this one would be somebody else's here.
    if (!cgroup.includes(containerId)) return undefined;
    // With the host's PID namespace it is not PID 1, and the signal's default action ends it.
    if (!/^NSpid:.*\t1$/m.test(status)) return undefined;
    const threads = await readdir(`/proc/${pid}/task`);
    const hears = await Promise.all(threads.map((thread) => threadHears(`/proc/${pid}/task/${thread}`, signal)));
    return hears.includes(true) ? undefined : `its process ignores ${stopSignal}`;
  } catch {
    return undefined; // It has ended meanwhile, or /proc does not tell.
  }
}

async function threadHears(directory: string, signal: number): Promise<boolean> {
  const [status, children] = await Promise.all([
    readFile(`${directory}/status`, 'utf8'),
    readFile(`${directory}/children`, 'utf8'),
  ]);
  return children.trim() !== '' || hasSignal(status, 'SigCgt', signal) || hasSignal(status, 'SigBlk', signal);
}

/** Bit n - 1 of a mask in /proc stands for signal n. */
function hasSignal(status: string, mask: 'SigCgt' | 'SigBlk', signal: number): boolean {
  const bits = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
  if (bits === undefined) throw new Error(`/proc does not show ${mask}`);
  return ((BigInt(`0x${bits}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** Undefined for signals that Node has no name for, such as `RTMIN+3`. */
function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) || undefined;
  const full = name.toUpperCase().startsWith('SIG') ? name.toUpperCase() : `SIG${name.toUpperCase()}`;
  return Object.entries(constants.signals).find(([known]) => known === full)?.[1];
}
