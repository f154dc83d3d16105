import { type ErrorClass, InUse } from '../../core/provider';
import { asError } from '../../lib/errors';
import { AskedToWait, BrokenAnswer, Redirected } from './connection/http';

/** What Node and dockerode put on their errors. */
interface DockerError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly syscall?: string;
  /** The answer's body. */
  readonly json?: unknown;
}

const RETRYABLE: ErrorClass = { kind: 'retryable' };
const PERMANENT: ErrorClass = { kind: 'permanent' };

/**
 * Codes of errors without an answer that time can mend. All others are permanent: rights (EACCES, EPERM), addresses that can't be
 * used (EINVAL, EAFNOSUPPORT, ERR_INVALID_URL), certificates (CERT_*, DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_*), faults of our own.
 */
const MENDED_BY_TIME: ReadonlySet<string> = new Set([
  // The engine restarts, or has just ended.
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTCONN',
  'ESHUTDOWN',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ENOENT', // Its socket is made anew when it starts.
  'ENXIO', // So is a pipe.
  // It is busy: too many wait already at its socket, or its pipe.
  'EAGAIN',
  'EBUSY',
  'ETIMEDOUT',
  'EINTR',
  'EALREADY',
  // This machine has none left of something that comes back when other work is done: descriptors, memory, buffers, ports.
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  // The way to it is down, as after a change of routes, or while a VPN connects.
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENONET',
  // Names do not resolve while a resolver or a VPN restarts.
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_MEMORY',
  'EAI_SYSTEM',
  'ENOTFOUND',
]);

/** What HTTP's status codes mean that are no plain refusal (below 500) or trouble (from 500 on). */
const STATUS_CODES: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [404, RETRYABLE], // Not Found, of a proxy: the engine's own is "gone"
  [408, RETRYABLE], // Request Timeout
  [409, RETRYABLE], // Conflict: in transition (a removal in progress, a container that is just starting)
  [423, RETRYABLE], // Locked
  [425, RETRYABLE], // Too Early
  [429, RETRYABLE], // Too Many Requests
  [499, RETRYABLE], // nginx: the client, here a proxy, hung up
  [501, PERMANENT], // Not Implemented
  [505, PERMANENT], // HTTP Version Not Supported
  [506, PERMANENT], // Variant Also Negotiates: a proxy's settings are wrong
  [510, PERMANENT], // Not Extended
  [511, PERMANENT], // Network Authentication Required
]);

/** The process hangs in the kernel: asking again does not help. */
const HANGS = /did not receive an exit event/i;

/** Podman's 500 for what went while it was asked about it. */
const WENT_MEANWHILE = /no such container|container has already been removed/i;

/** Decides what an error means for a removal, by the tables above. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof InUse) return error.mayPass ? RETRYABLE : PERMANENT;
  if (error instanceof AskedToWait) return { kind: 'retryable', retryAfterMs: error.retryAfterMs };
  if (error instanceof BrokenAnswer) return RETRYABLE;
  if (error instanceof Redirected) return PERMANENT;
  if (isGone(error)) return { kind: 'gone' };
  const { statusCode, code, message } = asError(error) as DockerError & Error;
  return statusCode === undefined ? ofFailure(code ?? '', message) : ofStatus(statusCode, message);
}

function ofStatus(statusCode: number, message: string): ErrorClass {
  if (HANGS.test(message)) return PERMANENT;
  return STATUS_CODES.get(statusCode) ?? (statusCode >= 500 ? RETRYABLE : PERMANENT);
}

function ofFailure(code: string, message: string): ErrorClass {
  // HPE_*: Node's parser found no HTTP, as behind a proxy that is about to end.
  if (MENDED_BY_TIME.has(code) || code.startsWith('HPE_')) return RETRYABLE;
  // Node's words for a connection that ended in the middle of an answer.
  return /socket hang up|aborted/i.test(message) ? RETRYABLE : PERMANENT;
}

/**
 * Whether the engine says that it is not there any more. A 404 of a proxy whose engine is away says nothing: the engine's has a
 * message about the resource.
 */
export function isGone(error: unknown): boolean {
  const { statusCode, json, message } = asError(error) as DockerError & Error;
  if (statusCode === 404) return isAboutResource(json);
  return statusCode === 500 && WENT_MEANWHILE.test(message);
}

function isAboutResource(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || !('message' in json)) return false;
  return typeof json.message === 'string' && !/page not found/i.test(json.message);
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
