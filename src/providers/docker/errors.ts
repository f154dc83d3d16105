import type { ErrorClass } from '../../core/provider';
import { asError } from '../../lib/errors';
import { AskedToWait, BrokenAnswer } from './connection/answers';
import { InUse } from './resources/in-use';

/** What Node and dockerode put on their errors. */
interface DockerError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly syscall?: string;
}

/** A connection that broke, or could not be made while the engine restarts. EAGAIN: too many wait already at a unix socket. */
const NETWORK_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EAGAIN',
]);

/**
 * What the engine's answers mean for a removal.
 * - 404: it is not there. 304: it is stopped already, which is for the next look to see.
 * - 409: in transition (a removal in progress, a container that is just starting): later.
 * - 429 and 5xx: later. Except "did not receive an exit event": the process hangs in the kernel; asking again does not help.
 */
export function classify(error: unknown): ErrorClass {
  if (error instanceof InUse) return { kind: 'permanent' };
  if (error instanceof AskedToWait) return { kind: 'retryable', retryAfterMs: error.retryAfterMs };
  if (error instanceof BrokenAnswer) return { kind: 'retryable' };
  const { statusCode, code } = asError(error) as DockerError;
  if (statusCode === 404) return { kind: 'gone' };
  if (statusCode === 409 || statusCode === 429) return { kind: 'retryable' };
  if (statusCode !== undefined && statusCode >= 500) {
    return /did not receive an exit event/i.test(asError(error).message) ? { kind: 'permanent' } : { kind: 'retryable' };
  }
  if (code !== undefined && NETWORK_ERRORS.has(code)) return { kind: 'retryable' };
  // Node's word for a connection that ended in the middle of an answer.
  if (/socket hang up|aborted/i.test(asError(error).message)) return { kind: 'retryable' };
  return { kind: 'permanent' };
}

export function hasStatus(error: unknown, ...statusCodes: readonly number[]): boolean {
  const { statusCode } = asError(error) as DockerError;
  return statusCode !== undefined && statusCodes.includes(statusCode);
}

/** No socket is where one was looked for. */
export function isNothingThere(error: unknown): boolean {
  const { code, syscall } = asError(error) as DockerError;
  return code === 'ENOENT' && isOfSocket(syscall);
}

/** Not of a file, a certificate say, that could not be read. */
function isOfSocket(syscall: string | undefined): boolean {
  return syscall === undefined || syscall === 'connect';
}

/** One line: why an engine could not be reached, and what to do where that is known. */
export function whyUnreachable(error: unknown): string {
  const { code, syscall, message } = asError(error) as DockerError & Error;
  switch (isOfSocket(syscall) ? code : undefined) {
    case 'ENOENT':
      return 'nothing is there';
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied: add the runner’s user to the socket’s group (sudo usermod -aG docker USER, then restart the runner), or name another engine with docker-host';
    default:
      return message.trim().split(/\s*[\r\n]+\s*/, 1)[0] ?? '';
  }
}
