import type { StartError } from '../../benchmark/start-error';

/** As shells have it. https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Why the command could not be started. It has no shell, so that it is itself what was not found. */
export function notStartedLine({ setting, problem, message }: StartError): string {
  return setting === 'shell' ? problem : message;
}

export function notStartedCode({ cause }: StartError): number {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'EACCES' ? NOT_EXECUTABLE : NOT_FOUND;
}
