import { readFile } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { codeOf } from '../lib/errors';
import { type ProcStat, readProcStat } from '../lib/proc-stat';

/** A third less work than `fs/promises`, which counts where post has nothing else to do. */
const readWhole = promisify(readFile);

/** A running process. */
export interface Process extends ProcStat {
  /** Whether its environment, as it was started with, is marked. False if that is closed to us. */
  readonly isMarked: boolean;
}

/** Decides by variables, each `NAME=value`. */
export type IsMarked = (environment: readonly string[]) => boolean;

/** A busy machine always has a new process. */
const MAX_ROUNDS = 10;

/**
 * All running processes but this one and the kernel's. Without zombies, which stay for ever where
 * process 1 does not wait for them. Lists again until nothing new appears: a process may fork and
 * end in between.
 * @returns undefined without /proc: everywhere but on Linux
 */
export async function processTable(isMarked: IsMarked): Promise<readonly Process[] | undefined> {
  if (process.platform !== 'linux') return undefined;
  const seen = new Set([String(process.pid)]);
  const found: Process[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const names = await readdir('/proc').catch(() => []);
    const fresh = names.filter((name) => /^\d+$/.test(name) && !seen.has(name));
    if (fresh.length === 0) break;
    for (const pid of fresh) seen.add(pid);
    const processes = await Promise.all(fresh.map((pid) => inspect(pid, isMarked)));
    found.push(...processes.filter((one) => one !== undefined));
  }
  return found;
}

async function inspect(pid: string, isMarked: IsMarked): Promise<Process | undefined> {
  const one = readProcStat(Number(pid));
  if (one === undefined || one.hasEnded || one.isOfKernel) return undefined;
  // Asynchronously: the kernel may let the read wait for the process.
  const environment = await readWhole(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return { ...one, isMarked: isMarked(environment.split('\0')) };
}

/** Signals the process if it is still the same one: checked without awaiting in between. */
export function signalProcess(seen: Process, signal: NodeJS.Signals): void {
  const now = readProcStat(seen.pid);
  if (now?.hasEnded === false && now.startedAt === seen.startedAt) send(seen.pid, signal);
}

/**
 * Signals every process of a group.
 * @returns false when none takes it
 */
export function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  // Windows has no process groups.
  return send(process.platform === 'win32' ? group : -group, name);
}

/**
 * @param target a pid, or a negated process group
 * @returns false when no process takes it
 */
function send(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch (error) {
    const code = codeOf(error);
    // EPERM: all are another user's. macOS also answers it for a group of zombies.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** A benchmark may leave thousands. */
const MAX_NAMED = 10;

/** `sleep (4711), node (4712) and 3 more`. Names are foreign text. */
export function processList(processes: readonly Process[]): string {
  const named = processes.slice(0, MAX_NAMED).map(({ name, pid }) => `${name} (${pid})`);
  const more = processes.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`;
}

/** For people: which processes could not be ended, and what to do. */
export function survivorsLine(survivors: readonly Process[], owner = 'the benchmark'): string {
  const what = survivors.length === 1 ? 'A process' : `${survivors.length} processes`;
  return `${what} of ${owner} could not be ended: ${processList(survivors)}. Root may end another user’s: sudo kill -9 <number>.`;
}
