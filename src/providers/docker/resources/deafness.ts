import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';

/**
 * Explains why a container's process would ignore its stop signal; undefined if it would not, or if
 * it is unknown.
 *
 * PID 1 of a namespace receives only signals that it handles. It is deaf if no thread catches the
 * signal (SigCgt), blocks it (SigBlk, to read it from a file descriptor), or waits for it.
 * https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 * @param pid as the engine counts; the cgroup shows whether it is a process of this machine
 * @param stopSignal as configured: `SIGTERM`, `TERM`, `15`
 */
export async function whyDeaf(pid: number, stopSignal: string, containerId: string): Promise<string | undefined> {
  const signal = signalNumber(stopSignal);
  if (process.platform !== 'linux' || pid <= 0 || signal === undefined) return undefined;
  try {
    const [cgroup, status, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // A remote engine's pid means another process here.
    if (!cgroup.includes(containerId)) return undefined;
    // With the host's PID namespace, the signal's default action ends it.
    if (!/^NSpid:.*\t1$/m.test(status)) return undefined;
    const [program = ''] = commandLine.split('\0');
    const look: Look = { directory: `/proc/${pid}/task`, signal, mayWait: !NEVER_WAIT.has(basename(program)) };
    // Twice: tini waits in rounds of a second, and between two of them it is not seen to wait.
    return (await hears(look)) || (await hears(look)) ? undefined : `its process ignores ${stopSignal}`;
  } catch {
    return undefined; // It has ended, or /proc hides it.
  }
}

/** Programs that never wait for a signal without a handler for it: `sh -c 'bench; true'`, `sleep infinity`. */
const NEVER_WAIT: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh', 'sleep', 'tail', 'cat']);

interface Look {
  /** Has a directory for each thread of the process. */
  readonly directory: string;
  readonly signal: number;
  /** Whether the program could wait for signals, as an init does. */
  readonly mayWait: boolean;
}

async function hears(look: Look): Promise<boolean> {
  const threads = await readdir(look.directory);
  const answers = await Promise.all(threads.map((thread) => threadHears(`${look.directory}/${thread}`, look)));
  return answers.includes(true);
}

async function threadHears(directory: string, { signal, mayWait }: Look): Promise<boolean> {
  const status = await readFile(`${directory}/status`, 'utf8');
  if (hasSignal(status, 'SigCgt', signal) || hasSignal(status, 'SigBlk', signal)) return true;
  const waits = await waitsForSignal(directory);
  if (waits !== undefined) return waits;
  // Not known. Only inits wait for signals, and they have children.
  return mayWait && (await readFile(`${directory}/children`, 'utf8')).trim() !== '';
}

/**
 * Numbers of `rt_sigtimedwait`, by which `sigwait` waits, too: on x64, on arm64, and in 32-bit
 * programs on both, with times of 32 and of 64 bits.
 * https://github.com/torvalds/linux/tree/master/arch (syscall tables)
 */
const SIGTIMEDWAIT: ReadonlySet<string> = new Set(['128', '137', '177', '421']);

/**
 * Whether a thread waits for a signal without a handler. It neither catches nor blocks that signal
 * while it waits: the kernel takes the block away.
 * @returns undefined if the thread is at work, or if this user may not see what it does
 */
async function waitsForSignal(directory: string): Promise<boolean | undefined> {
  const call = await readFile(`${directory}/syscall`, 'utf8').catch(() => '');
  const [number = ''] = call.split(/\s/);
  return /^-?\d+$/.test(number) ? SIGTIMEDWAIT.has(number) : undefined;
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
