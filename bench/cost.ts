import { readFile } from 'node:fs/promises';

/** What a step cost. */
export interface Cost {
  readonly seconds: number;
  /** MiB, the most that it had in use at one time. */
  readonly memory: number;
}

/** A process, and its end. */
interface Running {
  readonly pid: number | undefined;
  readonly ended: Promise<unknown>;
}

/** @param startedAt of `performance.now()`, when the step was started */
export async function costOf({ pid, ended }: Running, startedAt: number): Promise<Cost> {
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
