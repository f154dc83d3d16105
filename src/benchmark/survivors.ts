import type { Process } from './process-table';

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
