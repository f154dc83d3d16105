import { readFileSync } from 'node:fs';
import { readProcStat } from './proc-stat';

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

/** `<id of the machine's start> <clock ticks since then>`; empty where there is no such process, or no /proc. */
function startOf(pid: number): string {
  const stat = readProcStat(pid);
  if (stat === undefined) return '';
  if (stat.hasEnded) return 'ended';
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${stat.startedAt}`;
  } catch {
    return '';
  }
}
