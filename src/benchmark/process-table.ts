import { readdir, readFile } from 'node:fs/promises';
import { type ProcStat, parseProcStat, readProcStat, statFile } from '../lib/proc-stat';
import { signal as send } from './process-group';

/** One process that runs. */
export interface Process extends ProcStat {
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
  const one = parseProcStat(stat);
  if (one === undefined || one.hasEnded) return undefined;
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return { ...one, carries: environment.split('\0').includes(variable) };
}

/**
 * Sends a signal to the process, if it is still the one that was seen: pids are used again. The last look and the signal follow
 * each other at once, with nothing awaited in between.
 */
export function signalProcess(seen: Process, signal: NodeJS.Signals): void {
  const now = readProcStat(seen.pid);
  if (now?.hasEnded === false && now.startedAt === seen.startedAt) send(seen.pid, signal);
}
