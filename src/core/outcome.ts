import { TimedOut } from '../lib/errors';
import type { Holder, RungAction, StopOutcome } from './provider';
import type { Resource } from './resource';

/** The words that logs, summary, report and metrics use. Every resource ends in exactly one. */
export type Outcome =
  /** It ended by itself after the stop signal, and was removed. */
  | 'graceful'
  /** It did not; SIGKILL ended it, the engine's or ours, and it was removed. */
  | 'killed'
  /** It was not running; removed. */
  | 'removed'
  /** Already gone, or removed by someone else meanwhile. */
  | 'gone'
  /** Dry run. */
  | 'planned'
  /** Matched but not to be removed. */
  | 'kept'
  /** Still there. */
  | 'failed';

export const outcomes: readonly Outcome[] = ['graceful', 'killed', 'removed', 'gone', 'planned', 'kept', 'failed'];

/** One rung that was tried, with its retries. */
export interface Step {
  readonly action: RungAction;
  /** Requests made: 0 when the rung was skipped. */
  readonly attempts: number;
  /** Why it was tried again, once a retry; absent when it was not. */
  readonly retriedAfter?: readonly RetryCause[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly result: 'done' | 'gone' | 'timeout' | 'error' | 'skipped';
  /** The error, or why the rung was skipped. */
  readonly detail?: string;
}

/** How it ended for one resource. */
export interface Settlement {
  /** As it was last seen before anything was done to it. */
  readonly resource: Resource;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly steps: readonly Step[];
  /** With `failed`: the error that decided it. */
  readonly error?: Error;
  /** With `kept`: why. */
  readonly reason?: string;
  /** With `failed`, and with `kept` unless it is protected: the command that removes it. */
  readonly command?: string;
  /** What uses it, where that is why it is still there. */
  readonly heldBy?: readonly Holder[];
  /** With `failed`: how it ended, where only its removal failed. */
  readonly ending?: StopOutcome;
  /** With `failed`: another round could end better. */
  readonly retryable?: boolean;
}

/** Why a request was sent again. Few, and none of them foreign text: fit for the label of a metric. */
export const retryCauses = ['timeout', 'network', 'conflict', 'rate_limit', 'server_error', 'other'] as const;
export type RetryCause = (typeof retryCauses)[number];

/** What clients put on their errors: dockerode the first, others the second. */
interface WithStatus {
  readonly statusCode?: unknown;
  readonly status?: unknown;
}

/** The cause, from an error that was worth a retry: what carries no status got no answer, or half of one. */
export function retryCauseOf(error: Error): RetryCause {
  if (error instanceof TimedOut) return 'timeout';
  const { statusCode, status } = error as WithStatus;
  const answered = statusCode ?? status;
  if (typeof answered !== 'number') return 'network';
  if (answered === 408) return 'timeout';
  if (answered === 409) return 'conflict';
  if (answered === 429) return 'rate_limit';
  return answered >= 500 ? 'server_error' : 'other';
}
