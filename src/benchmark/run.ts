import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Clock } from '../reaper/clock';
import { asError } from '../reaper/errors';
import { endGroup, signalGroup } from './process-group';
import type { Command } from './shell';

export interface BenchmarkOptions {
  readonly command: Command;
  /** Where it runs; the current directory by default. */
  readonly workingDirectory: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** Milliseconds until it is ended; undefined: it may take as long as it likes. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when it is ended. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** Called with the id of its process group as soon as it runs. */
  readonly onStarted: (processGroup: number) => void;
}

/** How the benchmark ended. */
export interface BenchmarkResult {
  /** Its own; 128 + the signal's number when a signal ended it; 124 when its time was up. */
  readonly exitCode: number;
  /** The signal that ended it: `SIGKILL`. */
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** The signal that this process got meanwhile: the job was cancelled. */
  readonly interruptedBy: NodeJS.Signals | null;
  readonly durationMs: number;
}

/** The benchmark could not be started at all. */
export class BenchmarkNotStarted extends Error {
  override readonly name = 'BenchmarkNotStarted';
}

/** As `timeout` of the coreutils has it. */
const TIMED_OUT_EXIT_CODE = 124;

/** The runner kills 10 s after SIGINT: be through before that, whatever the grace period. */
const LONGEST_GRACE_WHEN_INTERRUPTED_MS = 5_000;

const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs the benchmark in a process group of its own, with this process's output. SIGINT, SIGTERM and SIGHUP to this process are
 * passed on, and followed by SIGKILL after the grace period or at the second one. What it leaves behind in its group is ended.
 *
 * Node's own spawn instead of `@actions/exec`, which makes no process group, keeps the process id to itself and loses the signal
 * that ended a process.
 * @throws {BenchmarkNotStarted} when there is no such command or directory
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { clock } = options;
  await requireDirectory(options.workingDirectory);
  const startedAt = clock.now();
  const ender = new Ender(options);
  try {
    const group = await start(options, ender);
    const [code, signal] = await group.exited;
    ender.disarm();
    const { timedOut } = ender;
    const durationMs = clock.now() - startedAt;
    await endGroup(group.id, ender.graceMs(), clock);
    const { interruptedBy } = ender;
    const exitCode = timedOut ? TIMED_OUT_EXIT_CODE : exitCodeOf(code, signal, interruptedBy);
    return { exitCode, signal, timedOut, interruptedBy, durationMs };
  } finally {
    ender.dispose();
  }
}

interface Group {
  readonly id: number;
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
}

/** @throws {BenchmarkNotStarted} when there is no such command */
async function start(options: BenchmarkOptions, ender: Ender): Promise<Group> {
  const { command } = options;
  const child = spawn(command.file, command.arguments, {
    ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
    env: options.environment,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const exited: Group['exited'] = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const id = child.pid;
  if (id === undefined) {
    const error = await exited.then(() => undefined, asError);
    throw new BenchmarkNotStarted(notStarted(command.file, error), { cause: error });
  }
  ender.watch(id);
  try {
    options.onStarted(id);
  } catch (error) {
    await endGroup(id, options.graceMs, options.clock); // Nobody knows of it: it must not run on unwatched.
    throw error;
  }
  return { id, exited };
}

/**
 * Ends the process group when this process is told to end, or when the time is up. It listens before there is a group: a signal that
 * came while the benchmark was being started is passed on as soon as it runs.
 */
class Ender {
  timedOut = false;
  interruptedBy: NodeJS.Signals | null = null;
  #group: number | undefined;
  readonly #options: BenchmarkOptions;
  readonly #cancels: (() => void)[] = [];

  constructor(options: BenchmarkOptions) {
    this.#options = options;
    for (const signal of FORWARDED) process.on(signal, this.#onSignal);
  }

  watch(group: number): void {
    this.#group = group;
    const { timeoutMs, clock } = this.#options;
    if (this.interruptedBy !== null) this.#end(this.interruptedBy);
    else if (timeoutMs !== undefined) this.#cancels.push(clock.after(timeoutMs, () => this.#onTimeout()));
  }

  /** The benchmark has ended by itself: its time can't be up any more. */
  disarm(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  /** How long what is ended may take: less when the runner will not wait. */
  graceMs(): number {
    const { graceMs } = this.#options;
    return this.interruptedBy === null ? graceMs : Math.min(graceMs, LONGEST_GRACE_WHEN_INTERRUPTED_MS);
  }

  dispose(): void {
    for (const signal of FORWARDED) process.off(signal, this.#onSignal);
    this.disarm();
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const isSecond = this.interruptedBy !== null;
    this.interruptedBy ??= signal;
    if (isSecond) this.#signal('SIGKILL');
    else this.#end(signal);
  };

  #onTimeout(): void {
    this.timedOut = true;
    this.#end('SIGTERM');
  }

  #end(signal: NodeJS.Signals): void {
    this.#signal(signal);
    this.#cancels.push(this.#options.clock.after(this.graceMs(), () => this.#signal('SIGKILL')));
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#group !== undefined) signalGroup(this.#group, signal);
  }
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null, interruptedBy: NodeJS.Signals | null): number {
  const ended = signal ?? (code === 0 ? interruptedBy : null);
  return ended === null ? (code ?? 1) : 128 + constants.signals[ended];
}

async function requireDirectory(directory: string | undefined): Promise<void> {
  if (directory === undefined) return;
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new BenchmarkNotStarted(
      `working-directory: ${JSON.stringify(directory)} is no directory; name one that exists when main runs`,
    );
  }
}

function notStarted(file: string, error: Error | undefined): string {
  const code = error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `shell: ${JSON.stringify(file)} was not found; install it, or choose another shell`;
  if (code === 'EACCES') return `shell: ${JSON.stringify(file)} may not be executed`;
  return `shell: ${JSON.stringify(file)} could not be started: ${error?.message ?? 'no process'}`;
}
