import type { Config } from '../config/config';
import type { SweepMode } from '../reaper/sweep';

/** Decides what post does with the session's resources, by `post-cleanup` and `dry-run`. */
export function postCleanupMode({
  dryRun,
  postCleanup,
  jobStatus,
}: Pick<Config, 'dryRun' | 'postCleanup' | 'jobStatus'>): SweepMode {
  const succeeded = jobStatus === 'success';
  if (postCleanup === 'never') return { kind: 'keep', reason: 'post-cleanup is never' };
  if (postCleanup === 'success' && !succeeded)
    return { kind: 'keep', reason: `post-cleanup is success, the job’s status is ${jobStatus}` };
  if (postCleanup === 'failure' && succeeded) return { kind: 'keep', reason: 'post-cleanup is failure, and the job succeeded' };
  return dryRun ? { kind: 'plan' } : { kind: 'remove' };
}

/**
 * Tells users what happens to resources with the session's label.
 * @param label `key=value`
 */
export function labelLine(label: string, { dryRun, postCleanup }: Pick<Config, 'dryRun' | 'postCleanup'>): string {
  const resources = `Resources with the label ${label}`;
  if (postCleanup === 'never') return `${resources} stay when this job ends, because post-cleanup is never.`;
  const when = postCleanup === 'always' ? 'when this job ends' : `if this job ends in ${postCleanup}`;
  return dryRun
    ? `${resources} are listed ${when}, and not removed, because dry-run is true.`
    : `${resources} are removed ${when}.`;
}
