import { TimedOut } from '../lib/errors';
import type { Holder, RungAction, StopOutcome } from './provider';
import type { Resource } from './resource';

/** How it ended for a resource. Logs, summary, report and metrics use these words. */
export type Outcome =
  /** Ended by itself after the stop signal; removed. */
  | 'graceful'
  /** Ended by SIGKILL, the engine's or ours; removed. */
  | 'killed'
  /** Was not running; removed. */
  | 'removed'
  /** Already gone, or removed by something else. */
  | 'gone'
  /** Would be removed without dry run. */
  | 'planned'
  /** Matched, but stays on purpose. */
  | 'kept'
  /** Still there. */
  | 'failed';

export const outcomes: readonly Outcome[] = ['graceful', 'killed', 'removed', 'gone', 'planned', 'kept', 'failed'];

/** One rung that was tried, with its retries. */
export interface Step {
  readonly action: RungAction;
  /** Requests sent; 0 when the rung was skipped. */
  readonly attempts: number;
  /** The cause of each retry; absent without retries. */
  readonly retriedAfter?: readonly RetryCause[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly result: 'done' | 'gone' | 'timeout' | 'error' | 'skipped';
  /** The error, or why the rung was skipped. */
  readonly detail?: string;
}

/** The outcome of one resource, with steps, times and error. */
export interface Settlement {
  /** As seen before anything was done to it. */
  readonly resource: Resource;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly steps: readonly Step[];
  /** With `failed`: the decisive error. */
  readonly error?: Error;
  /** With `kept`: why it stays. With `gone`: that a listing still shows it. */
  readonly reason?: string;
  /** Removes it by hand. With `failed` and `kept`, unless it is protected or selected no more. */
  readonly command?: string;
  /** The resources that use it, if they are why it is still there. */
  readonly heldBy?: readonly Holder[];
  /** With `failed`: how it ended, if only its removal failed. */
  readonly ending?: StopOutcome;
  /** With `failed`: another round may succeed. */
  readonly retryable?: boolean;
}

/** Why a request was sent again: few words, fit for the label of a metric. */
export const retryCauses = ['timeout', 'network', 'conflict', 'rate_limit', 'server_error', 'other'] as const;
export type RetryCause = (typeof retryCauses)[number];

/** dockerode sets the first field, other clients the second. */
interface WithStatus {
  readonly statusCode?: unknown;
  readonly status?: unknown;
}

/** The cause of a retry. An error without a status had no whole answer. */
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
