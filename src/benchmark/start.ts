import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { asError } from '../lib/errors';
import { notStarted, type StartAttempt, StartError } from './start-error';

export interface StartOptions extends StartAttempt {
  /** `inherit`: reads this process's input. A step has none. */
  readonly stdin: 'ignore' | 'inherit';
}

/** The benchmark, as it was started. */
export interface Started {
  /** Its pid, which is also its process group, if there are groups. */
  readonly group: number;
  /** Its exit code, or the ending signal. */
  readonly exited: Promise<readonly [number | null, NodeJS.Signals | null]>;
  /** Lets this process end before the benchmark does. */
  readonly release: () => void;
}

/**
 * Starts the command in its own process group. It writes to this process's output directly: any
 * bytes, any amount.
 * @throws {StartError} when there is no such command or directory
 */
export async function start(options: StartOptions): Promise<Started> {
  await requireDirectory(options.workingDirectory);
  try {
    const child = spawned(options);
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    if (child.pid !== undefined) return { group: child.pid, exited, release: () => child.unref() };
    await exited;
    throw new Error('there is no process');
  } catch (error) {
    throw new StartError('shell', await notStarted(options, asError(error)), { cause: error });
  }
}

/** @throws what `spawn` throws at once instead of emitting it, as for too long an environment */
function spawned({ command, workingDirectory, environment, stdin }: StartOptions): ChildProcess {
  openOutput();
  return spawn(command.file, command.arguments, {
    ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
    env: environment,
    stdio: [stdin, 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

/**
 * Node makes a pipe non-blocking at its first use, for all processes that share it: writes of a
 * running benchmark would fail with EAGAIN. Spawning makes it blocking again, so use it before.
 * https://github.com/libuv/libuv/blob/v1.x/src/unix/process.c (uv__process_child_init)
 */
function openOutput(): void {
  process.stdout.writable;
  process.stderr.writable;
}

async function requireDirectory(directory: string | undefined): Promise<void> {
  if (directory === undefined) return;
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new StartError(
      'working-directory',
      `${JSON.stringify(directory)} is not a directory; name one that exists when the benchmark starts`,
    );
  }
  await access(directory, constants.X_OK).catch((error: unknown) => {
    const problem = `${JSON.stringify(directory)} may not be entered by this user; name another`;
    throw new StartError('working-directory', problem, { cause: error });
  });
}
