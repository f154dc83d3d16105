import { readdir, readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../reaper/clock';

/** Milliseconds between looks at whether a process group is empty. */
const POLL_MS = 20;

/** Milliseconds after SIGKILL in which the system clears a group away. A zombie that nobody reaps may stay longer: not ours. */
const CLEAR_AWAY_MS = 1_000;

/**
 * Sends a signal to every process of the group.
 * @returns false when there is none
 */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    // Windows has no process groups: there it is the process alone.
    process.kill(process.platform === 'win32' ? group : -group, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    // macOS answers EPERM for a group of zombies only.
    if (error instanceof Error && 'code' in error && error.code === 'EPERM') return false;
    throw error;
  }
}

/** SIGTERM, then SIGKILL when the group is not empty after `graceMs`. Never throws. */
export async function endGroup(group: number, graceMs: number, clock: Clock): Promise<void> {
  if (!signalGroup(group, 'SIGTERM')) return;
  if (await emptied(group, graceMs, clock)) return;
  signalGroup(group, 'SIGKILL');
  await emptied(group, CLEAR_AWAY_MS, clock);
}

async function emptied(group: number, ms: number, clock: Clock): Promise<boolean> {
  const until = clock.now() + ms;
  const never = new AbortController().signal;
  while (signalGroup(group, 0)) {
    if (clock.now() >= until) return false;
    await sleep(clock, POLL_MS, never);
  }
  return true;
}

/**
 * Whether the group is still the one that was started with `variable` in its environment. A number is used again when its group
 * is gone, and what is not ours is never signalled: where the system does not tell (only Linux's /proc does), the answer is no.
 */
export async function isGroupOf(group: number, variable: string): Promise<boolean> {
  const processes = await readdir('/proc').catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // "pid (name) state ppid pgrp …": the name may hold anything, parentheses too.
    const processGroup = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
    if (Number(processGroup) !== group) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(variable)) return true;
  }
  return false;
}
