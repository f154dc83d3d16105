import { readFileSync } from 'node:fs';

/** What Linux says about a process in `/proc/<pid>/stat`. */
export interface ProcStat {
  readonly pid: number;
  /** The first 15 bytes of the program's name. */
  readonly name: string;
  /** States `Z` and `X`. A zombie has ended; its parent has not asked for its exit code yet. */
  readonly hasEnded: boolean;
  /** It has no program, no environment, and takes no signals. */
  readonly isOfKernel: boolean;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the machine started. Together with the pid it is unique. */
  readonly startedAt: string;
}

/** @returns undefined without such a process, and without /proc, which only Linux has */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** PF_KTHREAD of the kernel's `include/linux/sched.h`. */
const KERNEL_THREAD = 0x0020_0000;

/**
 * `pid (name) state ppid pgrp session …`; the flags are the 9th field, the start time is the 22nd. The name may contain
 * parentheses.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function parseProcStat(stat: string): ProcStat | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')];
  if (close < 0) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  const [state = '', parent, group, session] = fields;
  return {
    pid: Number(stat.slice(0, open)),
    name: stat.slice(open + 1, close),
    hasEnded: 'ZX'.includes(state),
    isOfKernel: (Number(fields[9 - 3]) & KERNEL_THREAD) !== 0,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startedAt: fields[22 - 3] ?? '',
  };
}
