import { type ErrorClass, InUse } from '../../core/provider';
import { asError } from '../../lib/errors';
import { AskedToWait, BrokenAnswer, Redirected } from './connection/http';

/** Fields of Node's and dockerode's errors. */
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
 * Codes of network errors that time can mend. Permanent ones: rights (EACCES, EPERM), unusable
 * addresses (EINVAL, EAFNOSUPPORT, ERR_INVALID_URL), certificates (CERT_*,
 * DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_*), faults of our own.
 */
const MENDED_BY_TIME: ReadonlySet<string> = new Set([
  // The engine is restarting, or has just ended.
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTCONN',
  'ESHUTDOWN',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ENOENT', // Its socket is made when it starts.
  'ENXIO', // The same for a pipe.
  // The engine is busy: its socket or pipe has a queue.
  'EAGAIN',
  'EBUSY',
  'ETIMEDOUT',
  'EINTR',
  'EALREADY',
  // This machine lacks descriptors, memory, buffers or ports until other work is done.
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  // The network is down: routes change, or a VPN connects.
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENONET',
  // Names do not resolve: a resolver or VPN restarts.
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_MEMORY',
  'EAI_SYSTEM',
  'ENOTFOUND',
]);

/** Exceptions: other statuses are permanent below 500, and retryable from there. */
const STATUS_CODES: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [404, RETRYABLE], // Not Found, from a proxy: the engine's own means gone
  [408, RETRYABLE], // Request Timeout
  [409, RETRYABLE], // Conflict: a removal in progress, a container that is starting
  [423, RETRYABLE], // Locked
  [425, RETRYABLE], // Too Early
  [429, RETRYABLE], // Too Many Requests
  [499, RETRYABLE], // nginx: a proxy gave up waiting
  [501, PERMANENT], // Not Implemented
  [505, PERMANENT], // HTTP Version Not Supported
  [506, PERMANENT], // Variant Also Negotiates: a misconfigured proxy
  [510, PERMANENT], // Not Extended
  [511, PERMANENT], // Network Authentication Required
]);

/** The process hangs in the kernel: a retry does not help. */
const HANGS = /did not receive an exit event/i;

/** A worker's answer, or that of an engine that is in no swarm, to what only a manager can do. */
const NOT_A_MANAGER = /not a swarm manager/i;

/** Podman's 500, or the end of its answer, for a container that vanished during the request. */
const WENT_MEANWHILE = /no such container|container has already been removed/i;

/** The meaning of an error for a removal, by the tables above. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof InUse) return error.mayPass ? RETRYABLE : PERMANENT;
  if (error instanceof AskedToWait) return { kind: 'retryable', retryAfterMs: error.retryAfterMs };
  if (isGone(error)) return { kind: 'gone' };
  if (error instanceof BrokenAnswer) return RETRYABLE;
  if (error instanceof Redirected) return PERMANENT;
  const { statusCode, code, message } = asError(error) as DockerError & Error;
  return statusCode === undefined ? ofFailure(code ?? '', message) : ofStatus(statusCode, message);
}

function ofStatus(statusCode: number, message: string): ErrorClass {
  if (HANGS.test(message) || NOT_A_MANAGER.test(message)) return PERMANENT;
  return STATUS_CODES.get(statusCode) ?? (statusCode >= 500 ? RETRYABLE : PERMANENT);
}

function ofFailure(code: string, message: string): ErrorClass {
  // HPE_*: the answer is not HTTP, as from a proxy that is ending.
  if (MENDED_BY_TIME.has(code) || code.startsWith('HPE_')) return RETRYABLE;
  // Node's message for a connection that broke during an answer.
  return /socket hang up|aborted/i.test(message) ? RETRYABLE : PERMANENT;
}

/**
 * Whether the engine says that the resource no longer exists. An engine's 404 has a message about
 * the resource; a proxy's 404 proves nothing.
 */
export function isGone(error: unknown): boolean {
  const { statusCode, json, message } = asError(error) as DockerError & Error;
  // The body of a streamed answer is only in the message.
  if (statusCode === 404) return json === null ? /no such container/i.test(message) : isAboutResource(json);
  return (statusCode === 500 || error instanceof BrokenAnswer) && WENT_MEANWHILE.test(message);
}

/** Something is gone of which the engine has no answer that says so: in place of that. */
export class NotThere extends Error {
  override readonly name = 'NotThere';
  readonly statusCode = 404;
  readonly json = { message: 'it is not there' };
}

function isAboutResource(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || !('message' in json)) return false;
  return typeof json.message === 'string' && !/page not found/i.test(json.message);
}

export function isForManagers(error: unknown): boolean {
  return NOT_A_MANAGER.test(asError(error).message);
}

export function hasStatus(error: unknown, ...statusCodes: readonly number[]): boolean {
  const { statusCode } = asError(error) as DockerError;
  return statusCode !== undefined && statusCodes.includes(statusCode);
}

/** Whether the place has no socket. */
export function isNothingThere(error: unknown): boolean {
  const { code, syscall } = asError(error) as DockerError;
  return code === 'ENOENT' && isOfSocket(syscall);
}

/** Not an error about a file, such as a certificate. */
function isOfSocket(syscall: string | undefined): boolean {
  return syscall === undefined || syscall === 'connect';
}

/** One line: why the engine is unreachable, and what to do. */
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
