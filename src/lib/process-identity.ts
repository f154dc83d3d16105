import { readFileSync } from 'node:fs';
import { codeOf } from './errors';
import { readProcStat } from './proc-stat';

/** A process, distinct from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** `<boot id> <clock ticks since boot>`; empty where it is unknown: everywhere but on Linux. */
  readonly startedAt: string;
}

export function thisProcess(): ProcessIdentity {
  return processWith(process.pid);
}

export function processWith(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) };
}

/** Whether a value from a file is one. For `kill`, numbers below 1 are process groups. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value && 'startedAt' in value)) return false;
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 0 && typeof value.startedAt === 'string';
}

/** `unknown`: a process has this pid, and may be another one. */
export type Life = 'alive' | 'ended' | 'unknown';

/** Whether the process still runs. The identity must come from this process's pid namespace. */
export function lifeOf({ pid, startedAt }: ProcessIdentity): Life {
  if (!isThere(pid)) return 'ended';
  const now = startOf(pid);
  // The system hides start times (`hidepid`), has none, or the process has just ended.
  if (startedAt === '' || now === '') return isThere(pid) ? 'unknown' : 'ended';
  return now === startedAt ? 'alive' : 'ended';
}

/**
 * Whether the process still runs. Without a start time, any process with its pid counts as it: a
 * live process must never be taken for dead.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  return lifeOf(identity) !== 'ended';
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** See `ProcessIdentity.startedAt`. Also empty when there is no such process. */
function startOf(pid: number): string {
  const stat = readProcStat(pid);
  if (stat === undefined) return '';
  if (stat.hasEnded) return 'ended';
  const start = startOfMachine();
  return start === '' ? '' : `${start} ${stat.startedAt}`;
}

/** Changes with each start of the machine; empty everywhere but on Linux. */
export function startOfMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
