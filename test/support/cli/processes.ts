import { readdirSync, readFileSync } from 'node:fs';
import { readProcStat } from '../../../src/lib/proc-stat';
import { quietly } from '../../../src/lib/quietly';

/** Running processes with a text in their command line or environment, as far as they can be read; never this one. */
export function processesWith(
  text: string,
  files: readonly ('cmdline' | 'environ')[] = ['cmdline', 'environ'],
): readonly number[] {
  const has = (pid: number) => files.some((file) => quietly(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.includes(text));
  const pids = readdirSync('/proc').map(Number);
  return pids.filter((pid) => pid > 0 && pid !== process.pid && readProcStat(pid)?.hasEnded === false && has(pid));
}

/** Processes with it in their command line only. */
export function commandsWith(text: string): readonly number[] {
  return processesWith(text, ['cmdline']);
}
