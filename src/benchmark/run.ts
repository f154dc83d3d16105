import { signalExitCode } from '../lib/shutdown-signals';
import { type Process, signalGroup } from './process-table';
import { ProcessTree, SESSION_MARKER } from './process-tree';
import { type StartOptions, start } from './start';
import { Terminator, type TerminatorOptions } from './terminator';

export interface BenchmarkOptions extends StartOptions, TerminatorOptions {
  /** Marks all that the benchmark starts: see `Offspring`. */
  readonly sessionId: string;
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
  /** What could not be ended: not even SIGKILL did it. */
  readonly survivors: readonly Process[];
}

/** As `timeout` of the coreutils has it. */
const TIMED_OUT_EXIT_CODE = 124;

/**
 * Runs the benchmark in a process group of its own, with this process's output. SIGINT, SIGTERM and SIGHUP to this process are
 * passed on, and followed by SIGKILL after the grace period or at the second one. What the benchmark leaves behind is ended, too, as far
 * as `Offspring` says.
 *
 * Node's own spawn instead of `@actions/exec`, which makes no process group, keeps the process id to itself and loses the signal
 * that ended a process.
 * @throws {BenchmarkNotStarted} when there is no such command or directory
 * @throws the signal's reason when it aborts, after all has been ended
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { clock, sessionId } = options;
  options.signal.throwIfAborted();
  const ending = new Terminator(options);
  try {
    const startedAt = clock.now();
    const started = await start({ ...options, environment: { ...options.environment, [SESSION_MARKER]: sessionId } });
    const offspring = ProcessTree.ofStarted(sessionId, started.group);
    ending.watch(started.group);
    try {
      options.onStarted(started.group);
    } catch (error) {
      signalGroup(started.group, 'SIGTERM'); // Nobody knows of it: it must not run on unwatched.
      await offspring.end(ending.disarm(), clock);
      throw error;
    }
    const [code, signal] = await Promise.race([started.exited, ending.gaveUp.then(() => UNKNOWN)]);
    started.release();
    const { timedOut } = ending;
    const durationMs = clock.now() - startedAt;
    const survivors = await offspring.end(ending.disarm(), clock);
    options.signal.throwIfAborted();
    const { interruptedBy } = ending;
    const exitCode = timedOut ? TIMED_OUT_EXIT_CODE : exitCodeOf(code, signal, interruptedBy);
    return { exitCode, signal, timedOut, interruptedBy, durationMs, survivors };
  } finally {
    ending.dispose();
  }
}

/** The end of a benchmark that did not end. */
const UNKNOWN = [null, null] as const;

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null, interruptedBy: NodeJS.Signals | null): number {
  const ended = signal ?? (code === null || code === 0 ? interruptedBy : null);
  return ended === null ? (code ?? 1) : signalExitCode(ended);
}
