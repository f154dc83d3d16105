import { readFile } from 'node:fs/promises';
import type { Step } from '../test/support/job/job';

/** What a step cost. */
export interface Cost {
  readonly seconds: number;
  /** MiB, the most that it had in use at one time. */
  readonly memory: number;
}

/** @param startedAt of `performance.now()`, when the step was started */
export async function costOf({ pid, ended }: Step, startedAt: number): Promise<Cost> {
  let memory = 0;
  const look = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    memory = Math.max(memory, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  };
  const looks = setInterval(look, 50);
  await ended;
  clearInterval(looks);
  return { seconds: (performance.now() - startedAt) / 1000, memory };
}
