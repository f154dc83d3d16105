import { readFileSync } from 'node:fs';

/** A process, told from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Which start of the machine, and how long after it; empty where nobody tells: everywhere but on Linux. */
  readonly startedAt: string;
}

export function thisProcess(): ProcessIdentity {
  return processWith(process.pid);
}

export function processWith(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) };
}

/** Whether a value from a file is one. Numbers of 0 and less are process groups for `kill`. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value && 'startedAt' in value)) return false;
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 0 && typeof value.startedAt === 'string';
}

/** Where there is only the number to go by, a process that has it now is taken for the same: nothing live may be taken for dead. */
export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  return isThere(pid) && startOf(pid) === startedAt;
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * `<id of the machine's start> <clock ticks since then>`: the 22nd field of the process's stat. The second holds the program's name in
 * parentheses, in which there may be anything. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; its parent has only not asked how.
    if (fields[0] === 'Z') return 'ended';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[22 - 3]}`;
  } catch {
    return '';
  }
}
