import type { Config } from '../config/config';
import type { SweepMode } from '../reaper/sweep';

/** What becomes of the session's own at the end: `post-cleanup`, and `dry-run`. */
export function postCleanupMode({ dryRun, postCleanup, jobStatus }: Config): SweepMode {
  const succeeded = jobStatus === 'success';
  if (postCleanup === 'never') return { kind: 'keep', reason: 'post-cleanup is never' };
  if (postCleanup === 'success' && !succeeded)
    return { kind: 'keep', reason: `post-cleanup is success, the job’s status is ${jobStatus}` };
  if (postCleanup === 'failure' && succeeded) return { kind: 'keep', reason: 'post-cleanup is failure, and the job succeeded' };
  return dryRun ? { kind: 'plan' } : { kind: 'remove' };
}
