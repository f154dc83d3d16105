import { execFile } from 'node:child_process';
import type { RunProgram } from '../../core/run-program';
import { signalExitCode } from '../../lib/shutdown-signals';

/** Bytes of output; a program that writes more is ended. */
const MAX_OUTPUT = 10 * 2 ** 20;

/** A `RunProgram` with Node's own means. */
export const runProgram: RunProgram = (program, args, { signal, env }) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const options = { signal, maxBuffer: MAX_OUTPUT, ...(env ? { env: { ...env } } : {}) };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      const { code, signal: by } = error ?? { code: 0, signal: undefined };
      const exitCode = by ? signalExitCode(by) : code;
      if (signal.aborted) reject(signal.reason);
      else if (typeof exitCode === 'number') resolve({ exitCode, stdout, stderr });
      else reject(error ?? new Error(`${program} can’t be started`));
    });
    child.stdin?.on('error', () => undefined); // It may have ended.
    child.stdin?.end();
  });
