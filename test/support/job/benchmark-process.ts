import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { BenchmarkResult } from '../../../src/benchmark/run';
import { quietly } from '../../../src/lib/quietly';
import { until } from '../until';
import { AS_TYPESCRIPT } from './entry';

/** The input of `run-benchmark.ts`. */
export interface BenchmarkRun {
  readonly sessionId: string;
  readonly script: string;
  readonly graceMs: number;
  readonly timeoutMs?: number;
  readonly maxWhenCancelledMs?: number;
  /** Whether the process that runs it writes to its standard error while it runs. */
  readonly laterError?: boolean;
}

export interface RunResult extends BenchmarkResult {
  /** The most memory that the process that ran the benchmark had. */
  readonly peakMiB: number;
}

/** A process that runs a benchmark: what main is to the runner. */
export class BenchmarkProcess {
  /** A file, `$MARK` to the script: in the command lines of the programs that it starts, which add a byte each to it when they are ready. */
  readonly mark = join(tmpdir(), `benchmark-${randomUUID()}`);
  readonly result: Promise<RunResult>;
  readonly output: Promise<Buffer>;
  readonly errors: Promise<string>;
  readonly process: ChildProcess;

  constructor(script: string, options: Partial<BenchmarkRun> = {}) {
    const run: BenchmarkRun = { sessionId: randomUUID(), graceMs: 1_000, script, ...options };
    const file = join(import.meta.dirname, 'run-benchmark.ts');
    this.process = spawn(process.execPath, [...AS_TYPESCRIPT, file, JSON.stringify(run)], {
      env: { ...process.env, MARK: this.mark },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const [, stdout, stderr, result] = this.process.stdio as unknown as readonly [null, Readable, Readable, Readable];
    this.output = buffer(stdout);
    this.errors = text(stderr);
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await killProcessesWith(this.mark); // What a test that failed left.
      await rm(this.mark, { force: true });
    });
    this.result = text(result).then(async (json) =>
      json === '' ? Promise.reject(new Error(await this.errors)) : JSON.parse(json),
    );
  }

  /** Sends signals, and says how many milliseconds it took from the first to the process's end. */
  async endWith(...signals: readonly NodeJS.Signals[]): Promise<number> {
    const exited = once(this.process, 'exit');
    const startedAt = performance.now();
    for (const signal of signals) this.process.kill(signal);
    await exited;
    return performance.now() - startedAt;
  }

  /** Waits until so many of the script's programs are ready. */
  async ready(count: number): Promise<void> {
    await until(`${count} programs are ready`, async () => (await readFile(this.mark, 'utf8').catch(() => '')).length === count);
  }

  /** The command lines of its programs that run. */
  left(): Promise<readonly string[]> {
    return processesWith(this.mark);
  }
}

/** Command lines of this machine's processes which hold the mark. */
export async function processesWith(mark: string): Promise<readonly string[]> {
  return (await commandLines(mark)).map(({ line }) => line);
}

async function killProcessesWith(mark: string): Promise<void> {
  for (const { pid } of await commandLines(mark)) quietly(() => process.kill(pid, 'SIGKILL')); // It may just have ended.
}

async function commandLines(mark: string): Promise<readonly { readonly pid: number; readonly line: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines
    .map((line, index) => ({ pid: Number(pids[index]), line: line.replaceAll('\0', ' ') }))
    .filter(({ line }) => line.includes(mark));
}
