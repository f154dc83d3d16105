import type { BenchmarkNotStarted } from '../benchmark/not-started';

/** As shells have it. https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Why the command could not be started. The benchmark's own words are about the action's `shell`. */
export function notStartedLine({ message }: BenchmarkNotStarted, file: string): string {
  if (message.startsWith('working-directory:')) return `--${message}`;
  return message
    .replace(/^shell: /, '')
    .replace(/; install it, or choose another shell$/, '')
    .replace(/, or choose another shell$/, '')
    .replace(/^it names no program$/, `${JSON.stringify(file)} names no program`);
}

export function notStartedCode({ cause }: BenchmarkNotStarted): number {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'EACCES' ? NOT_EXECUTABLE : NOT_FOUND;
}
