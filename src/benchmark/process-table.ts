import { readdir, readFile } from 'node:fs/promises';
import { type ProcStat, parseProcStat, readProcStat, statFile } from '../lib/proc-stat';

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

/**
 * Sends a signal to every process of the group.
 * @returns false when there is none that takes it
 */
export function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  // Windows has no process groups: there it is the process alone.
  return send(process.platform === 'win32' ? group : -group, name);
}

/**
 * Sends a signal to a process, or to the group whose number is negated.
 * @returns false when there is none that takes it
 */
function send(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // EPERM: all of it is another user's. macOS answers so for a group of zombies, too.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** So many are named; a benchmark may leave thousands. */
const MAX_NAMED = 10;

/** `sleep (4711), node (4712) and 3 more`. Names are foreign text. */
export function processList(processes: readonly Process[]): string {
  const named = processes.slice(0, MAX_NAMED).map(({ name, pid }) => `${name} (${pid})`);
  const more = processes.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`;
}

/** What could not be ended, and what to do about it. */
export function survivorsLine(survivors: readonly Process[]): string {
  const what = survivors.length === 1 ? 'A process' : `${survivors.length} processes`;
  return `${what} of the benchmark could not be ended: ${processList(survivors)}. Root may end another user’s: sudo kill -9 <number>.`;
}
