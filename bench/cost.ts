import { readFile } from 'node:fs/promises';
import type { Step } from '../test/support/job/job';

/** @returns MiB, the most that a step had in use at one time, when it has ended */
export async function peakMemory({ pid, ended }: Step): Promise<number> {
  let peak = 0;
  let over = false;
  const end = () => {
    over = true;
  };
  ended.then(end, end);
  while (!over) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return peak;
}
