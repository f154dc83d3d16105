import { readFile } from 'node:fs/promises';

/** Descriptors for everything but connections to engines: log files, this process's own, another provider's sockets. */
const RESERVED = 64;

/** Where the limit is not known: the default of macOS is 256. */
const DEFAULT_LIMIT = 256;

/**
 * Connections to one engine that this process may have at one time.
 * https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html
 */
export async function maxConnections(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return connectionsWithin(limits);
}

/** @param limits the text of /proc/self/limits; empty where there is none */
export function connectionsWithin(limits: string): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? `${DEFAULT_LIMIT}`;
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return Math.max(Math.floor(Number(soft) / 4), Number(soft) - RESERVED);
}
