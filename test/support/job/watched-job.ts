import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { readProcStat } from '../../../src/lib/proc-stat';
import { quietly } from '../../../src/lib/quietly';
import { until } from '../until';
import type { Inputs, Job, JobOptions } from './job';
import { newJob } from './jobs';
import { Worker } from './worker';

/** As the runner has it: the same for all steps of a job. */
export const TRACKING = 'github_11111111-2222-3333-4444-555555555555';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A job whose steps a worker starts, which may be killed. */
export interface WatchedJob {
  readonly job: Job;
  readonly worker: Worker;
}

export async function watchedJob(inputs: Inputs = {}, options: JobOptions = {}): Promise<WatchedJob> {
  const worker = options.worker ?? (await Worker.start());
  cleanups.push(() => worker.kill());
  const job = await newJob({ ...options, worker, inputs, env: { RUNNER_TRACKING_ID: TRACKING, ...options.env } });
  return { job, worker };
}

/** The same after its main, with the environment of its later steps. */
export async function begunWatchedJob(inputs: Inputs = {}, options: JobOptions = {}) {
  const { job, worker } = await watchedJob(inputs, options);
  const main = await job.main();
  expect(main.exitCode, main.output).toBe(0);
  return { job, worker, env: Object.fromEntries(await job.exported()), session: await job.session() };
}

/** The pid that a step writes to a file in RUNNER_TEMP; that process is killed after the test. */
export async function pidIn(job: Job, name: string): Promise<number> {
  const read = async () => Number(await readFile(join(job.temp, name), 'utf8').catch(() => ''));
  await until(`${name} runs`, async () => (await read()) > 0);
  const pid = await read();
  cleanups.push(() => isRunning(pid) && quietly(() => process.kill(pid, 'SIGKILL'))); // It may just have ended.
  return pid;
}

/** A job's proxies and watchdogs. */
export function companionsOf(job: Job): Promise<readonly number[]> {
  return companionsIn(job.temp);
}

/** Those whose session's directory is in this one. */
export async function companionsIn(directory: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const lines = pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') }));
  return (await Promise.all(lines))
    .filter(({ line }) => /cleanup-proxy |proxy\/index\.js/.test(line) && line.includes(directory))
    .map(({ pid }) => pid);
}

export function isRunning(pid: number): boolean {
  return readProcStat(pid)?.hasEnded === false;
}
