import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { signal as send } from './process-group';

/** One process that runs, as Linux's /proc has it. */
export interface Process {
  readonly pid: number;
  /** The program's name: the first 15 bytes of it. */
  readonly name: string;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the machine started. No other process has this and the pid. */
  readonly startedAt: string;
  /**
   * Whether it was started with the variable that was asked for. What it changed since does not show; another user's process, and one
   * that forbids to be looked into, shows nothing.
   */
  readonly carries: boolean;
}

/** On a machine that starts processes all the time there is always a new one. */
const MAX_ROUNDS = 10;

/**
 * All processes but this one. Zombies are none: they have ended, and where process 1 does not reap (a job's container runs
 * `tail -f /dev/null` as process 1) they stay for ever.
 *
 * What forks and ends meanwhile leaves a process that the listing does not have: so it lists again, until that shows nothing new.
 * @param variable `NAME=value`, for `carries`
 * @returns undefined where there is no /proc: everywhere but on Linux
 */
export async function processTable(variable: string): Promise<readonly Process[] | undefined> {
  if (process.platform !== 'linux') return undefined;
  const seen = new Set([String(process.pid)]);
  const found: Process[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const names = await readdir('/proc').catch(() => []);
    const fresh = names.filter((name) => /^\d+$/.test(name) && !seen.has(name));
    if (fresh.length === 0) break;
    for (const pid of fresh) seen.add(pid);
    const processes = await Promise.all(fresh.map((pid) => inspect(pid, variable)));
    found.push(...processes.filter((one) => one !== undefined));
  }
  return found;
}

async function inspect(pid: string, variable: string): Promise<Process | undefined> {
  const stat = await readFile(statFile(pid), 'utf8').catch(() => '');
  const one = parseStat(stat);
  if (one === undefined) return undefined;
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return { ...one, carries: environment.split('\0').includes(variable) };
}

/**
 * Sends a signal to the process, if it is still the one that was seen: pids are used again. The last look and the signal follow
 * each other at once, with nothing awaited in between.
 */
export function signalProcess(seen: Process, signal: NodeJS.Signals): void {
  if (currently(seen.pid)?.startedAt === seen.startedAt) send(seen.pid, signal);
}

function currently(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(statFile(pid), 'utf8'));
  } catch {
    return undefined;
  }
}

type Stat = Omit<Process, 'carries'>;

function statFile(pid: number | string): string {
  return `/proc/${pid}/stat`;
}

/**
 * `pid (name) state ppid pgrp session …`, the start time being the 22nd field. The name may hold anything, parentheses too.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
function parseStat(stat: string): Stat | undefined {
  const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')];
  const fields = stat.slice(close + 2).split(' ');
  const [state = '', , group, session] = fields;
  if (close < 0 || 'ZX'.includes(state)) return undefined;
  return {
    pid: Number(stat.slice(0, open)),
    name: stat.slice(open + 1, close),
    group: Number(group),
    session: Number(session),
    startedAt: fields[22 - 3] ?? '',
  };
}
