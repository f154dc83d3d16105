import { open, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { codeOf } from '../lib/errors';
import type { Command } from './shell';

/** The benchmark could not be started: which setting is wrong, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly setting: 'shell' | 'working-directory';
  /** Without the setting's name: the command line has no `shell`. */
  readonly problem: string;

  constructor(setting: StartError['setting'], problem: string, options?: ErrorOptions) {
    super(`${setting}: ${problem}`, options);
    this.setting = setting;
    this.problem = problem;
  }
}

/** Bytes that the kernel reads: https://man7.org/linux/man-pages/man2/execve.2.html */
const FIRST_LINE_BYTES = 256;

export interface StartAttempt {
  readonly command: Command;
  /** Default: the current directory. */
  readonly workingDirectory: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

/** Explains why the shell or command could not be started. */
export async function notStarted(options: StartAttempt, error: Error): Promise<string> {
  const { file } = options.command;
  const name = JSON.stringify(file);
  if (file === '') return `${name} names no program`;
  const code = codeOf(error);
  if (code === 'EACCES') return `${name} may not be executed; make it executable (chmod +x), or choose another`;
  if (code !== 'ENOENT') return `${name} could not be started: ${error.message}`;
  // Also the error for a script without its interpreter.
  const path = await lookUp(options);
  if (path === undefined) return `${name} was not found; install it, or choose another`;
  const interpreter = await firstLine(path);
  return interpreter.startsWith('#!')
    ? `${name} can’t be run: the interpreter in its first line, ${JSON.stringify(interpreter)}, was not found`
    : `${name} can’t be run here: it was made for another system`;
}

/** The file that the system would execute. Not for Windows, which searches in more places. */
async function lookUp({ command: { file }, workingDirectory = '', environment }: StartAttempt): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const directories = file.includes('/') ? [''] : (environment['PATH'] ?? '').split(delimiter);
  for (const directory of directories) {
    const path = resolve(workingDirectory, directory, file);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}

async function firstLine(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES);
    return buffer.toString('utf8', 0, bytesRead).split('\n')[0] ?? '';
  } finally {
    await file.close();
  }
}
