import { readFile } from 'node:fs/promises';

/** File descriptors for log files, this process, and other providers. */
const RESERVED = 64;

/** If the limit is unknown: the default of macOS. */
const DEFAULT_LIMIT = 256;

/** Limited by file descriptors: https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html */
export async function maxConnections(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return connectionsWithin(limits);
}

/** @param limits the text of /proc/self/limits, or empty */
export function connectionsWithin(limits: string): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? `${DEFAULT_LIMIT}`;
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return Math.max(Math.floor(Number(soft) / 4), Number(soft) - RESERVED);
}
