import { signalExitCode } from '../lib/shutdown-signals';
import { type Process, signalGroup } from './process-table';
import { ProcessTree, SESSION_MARKER } from './process-tree';
import { type StartOptions, start } from './start';
import { Terminator, type TerminatorOptions } from './terminator';

export interface BenchmarkOptions extends StartOptions, TerminatorOptions {
  /** Marks everything that the benchmark starts: see `ProcessTree`. */
  readonly sessionId: string;
  /** Called with its process group as soon as it runs. */
  readonly onStarted: (processGroup: number) => void;
}

/** How the benchmark ended. */
export interface BenchmarkResult {
  /** Its own; 128 + n when signal n ended it; 124 at the timeout. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** The signal to this process, when the job was cancelled. */
  readonly interruptedBy: NodeJS.Signals | null;
  readonly durationMs: number;
  /** Processes that even SIGKILL did not end. */
  readonly survivors: readonly Process[];
}

/** As of `timeout` in coreutils. */
const TIMED_OUT_EXIT_CODE = 124;

/**
 * Runs the benchmark in its own process group, with this process's output, and ends everything that
 * it leaves behind (see `ProcessTree`). Passes SIGINT, SIGTERM and SIGHUP on; SIGKILL follows after
 * the grace period or at the second signal.
 *
 * Uses Node's spawn: `@actions/exec` makes no process group, hides the pid, and loses the ending
 * signal.
 * @throws {StartError} when there is no such command or directory
 * @throws the signal's reason when it aborts, after everything has ended
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
      signalGroup(started.group, 'SIGTERM'); // It must not run unwatched.
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

/** For a benchmark that could not be ended. */
const UNKNOWN = [null, null] as const;

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null, interruptedBy: NodeJS.Signals | null): number {
  const ended = signal ?? (code === null || code === 0 ? interruptedBy : null);
  return ended === null ? (code ?? 1) : signalExitCode(ended);
}
