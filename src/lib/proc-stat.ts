import { readFileSync } from 'node:fs';

/** What Linux says about a process in `/proc/<pid>/stat`. */
export interface ProcStat {
  readonly pid: number;
  /** The first 15 bytes of the program's name. */
  readonly name: string;
  /** States `Z` and `X`. A zombie has ended; its parent has not asked for its exit code yet. */
  readonly hasEnded: boolean;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the machine started. Together with the pid it is unique. */
  readonly startedAt: string;
}

export function statFile(pid: number | string): string {
  return `/proc/${pid}/stat`;
}

/** @returns undefined without such a process, and without /proc, which only Linux has */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(statFile(pid), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * `pid (name) state ppid pgrp session …`; the start time is the 22nd field. The name may contain
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
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startedAt: fields[22 - 3] ?? '',
  };
}
