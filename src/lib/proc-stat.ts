import { readFileSync } from 'node:fs';

/** What Linux tells of a process in `/proc/<pid>/stat`. */
export interface ProcStat {
  readonly pid: number;
  /** The program's name: the first 15 bytes of it. */
  readonly name: string;
  /** `Z` and `X` have ended; a zombie's parent has only not asked how. */
  readonly hasEnded: boolean;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the machine started. No other process has this and the pid. */
  readonly startedAt: string;
}

export function statFile(pid: number | string): string {
  return `/proc/${pid}/stat`;
}

/** @returns undefined where there is no such process, or no /proc: everywhere but on Linux */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(statFile(pid), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * `pid (name) state ppid pgrp session …`, the start time being the 22nd field. The name may hold anything, parentheses too.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function parseProcStat(stat: string): ProcStat | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')];
  if (close < 0) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  const [state = '', , group, session] = fields;
  return {
    pid: Number(stat.slice(0, open)),
    name: stat.slice(open + 1, close),
    hasEnded: 'ZX'.includes(state),
    group: Number(group),
    session: Number(session),
    startedAt: fields[22 - 3] ?? '',
  };
}
