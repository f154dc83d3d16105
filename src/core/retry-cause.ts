import { TimedOut } from '../lib/errors';

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
