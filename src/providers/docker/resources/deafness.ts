import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';

/**
 * Explains why a container's process would ignore its stop signal; undefined if it would not, or if
 * it is unknown.
 *
 * PID 1 of a namespace receives only signals that it handles. It is deaf if it neither catches the
 * signal (SigCgt) nor blocks it (SigBlk, for sigwait), and has no children: tini has no handler,
 * but passes signals on.
 * https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 * @param pid as the engine counts; the cgroup shows whether it is a process of this machine
 * @param stopSignal as configured: `SIGTERM`, `TERM`, `15`
 */
export async function whyDeaf(pid: number, stopSignal: string, containerId: string): Promise<string | undefined> {
  const signal = signalNumber(stopSignal);
  if (process.platform !== 'linux' || pid <= 0 || signal === undefined) return undefined;
  try {
    const [cgroup, status] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // A remote engine's pid means another process here.
    if (!cgroup.includes(containerId)) return undefined;
    // With the host's PID namespace, the signal's default action ends it.
    if (!/^NSpid:.*\t1$/m.test(status)) return undefined;
    const threads = await readdir(`/proc/${pid}/task`);
    const hears = await Promise.all(threads.map((thread) => threadHears(`/proc/${pid}/task/${thread}`, signal)));
    return hears.includes(true) ? undefined : `its process ignores ${stopSignal}`;
  } catch {
    return undefined; // It has ended, or /proc hides it.
  }
}

async function threadHears(directory: string, signal: number): Promise<boolean> {
  const [status, children] = await Promise.all([
    readFile(`${directory}/status`, 'utf8'),
    readFile(`${directory}/children`, 'utf8'),
  ]);
  return children.trim() !== '' || hasSignal(status, 'SigCgt', signal) || hasSignal(status, 'SigBlk', signal);
}

/** Bit n - 1 stands for signal n. */
function hasSignal(status: string, mask: 'SigCgt' | 'SigBlk', signal: number): boolean {
  const bits = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
  if (bits === undefined) throw new Error(`/proc does not show ${mask}`);
  return ((BigInt(`0x${bits}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** Undefined for signals without a name in Node, such as `RTMIN+3`. */
function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) || undefined;
  const full = name.toUpperCase().startsWith('SIG') ? name.toUpperCase() : `SIG${name.toUpperCase()}`;
  return Object.entries(constants.signals).find(([known]) => known === full)?.[1];
}
