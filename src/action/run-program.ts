import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getExecOutput } from '@actions/exec';
import type { ProgramOptions, ProgramResult } from '../core/run-program';
import { onAbort } from '../lib/abort';
import { signalExitCode } from '../lib/shutdown-signals';

/** Published with each new child: https://nodejs.org/api/diagnostics_channel.html#child-process */
const CHILD_PROCESS = 'child_process';

/** Milliseconds from SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;

/** Milliseconds to wait for output after the program's end: a child may hold the pipe. */
const MAX_AFTER_EXIT_MS = 500;

/** A `RunProgram` that uses the runner's library, which finds programs in PATH, also on Windows. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { signal, env }: ProgramOptions,
): Promise<ProgramResult> {
  signal.throwIfAborted();
  const call = new AsyncLocalStorage<true>();
  const running = new RunningProgram(signal);
  // The library hides its child process; this channel shows it, in the context of the call.
  const onChild = (message: unknown) => {
    if (call.getStore()) running.attach((message as { readonly process: ChildProcess }).process);
  };
  subscribe(CHILD_PROCESS, onChild);
  try {
    const { exitCode, stdout, stderr } = await call.run(true, () =>
      getExecOutput(quoted(program), [...args], {
        silent: true,
        ignoreReturnCode: true,
        delay: MAX_AFTER_EXIT_MS,
        ...(env ? { env: { ...env } } : {}),
      }),
    );
    signal.throwIfAborted();
    return { exitCode: running.signalCode ?? exitCode, stdout, stderr };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    unsubscribe(CHILD_PROCESS, onChild);
    running.dispose();
  }
}

/** The library splits its first argument at blanks outside quotes, and unescapes only quotes. */
function quoted(program: string): string {
  return `"${program.replaceAll('"', '\\"')}"`;
}

/** Ends a program when the signal aborts. */
class RunningProgram {
  readonly #signal: AbortSignal;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #forget = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  attach(child: ChildProcess): void {
    this.#child = child;
    child.once('spawn', () => {
      child.stdin?.on('error', () => undefined); // It may have ended.
      child.stdin?.end();
      this.#forget = onAbort(this.#signal, () => this.#end());
    });
  }

  /** 128 + n when signal n ended the program; else undefined. */
  get signalCode(): number | undefined {
    const name = this.#child?.signalCode;
    return name ? signalExitCode(name) : undefined;
  }

  dispose(): void {
    this.#forget();
    clearTimeout(this.#timer);
    // A child that outlives the program would keep the pipes, and so this process, open.
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  #end(): void {
    this.#child?.kill('SIGTERM');
    this.#timer = setTimeout(() => this.#child?.kill('SIGKILL'), GRACE_MS);
  }
}
