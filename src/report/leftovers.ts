import type { Outcome } from '../core/outcome';
import { keyOf } from '../core/resource';
import type { PhaseReport, Report, ResourceReport } from './model';

/** The resources that are left after all phases, each from the last phase that failed on it. */
export interface Leftovers {
  /** Pre-cleanup failed to remove these. */
  readonly earlier: readonly ResourceReport[];
  /** `exited-ttl` failed to remove these, and post did not settle them. */
  readonly run: readonly ResourceReport[];
  readonly post: readonly ResourceReport[];
}

/** Takes out what a later phase has removed. */
export function leftoversIn({ pre, run, post }: Report['phases']): Leftovers {
  const inPost = settledIn(post);
  const inRun = settledIn(run);
  return {
    earlier: failedIn(pre).filter((resource) => !inRun.has(keyOf(resource)) && !inPost.has(keyOf(resource))),
    run: failedIn(run).filter((resource) => !inPost.has(keyOf(resource)) && !isSeenToBeGone(resource, post)),
    post: failedIn(post),
  };
}

export function failedIn(phase: PhaseReport | null): readonly ResourceReport[] {
  return phase?.resources.filter(({ outcome }) => outcome === 'failed') ?? [];
}

/** `kept` and `planned` leave a resource as it was. */
const DECIDING: ReadonlySet<Outcome> = new Set<Outcome>(['graceful', 'killed', 'removed', 'gone', 'failed']);

function settledIn(phase: PhaseReport | null): ReadonlySet<string> {
  return new Set(phase?.resources.filter(({ outcome }) => DECIDING.has(outcome)).map(keyOf));
}

/** Whether post, which lists everything that `exited-ttl` could remove, no longer found it. */
function isSeenToBeGone(resource: ResourceReport, post: PhaseReport | null): boolean {
  if (!post?.verified) return false;
  const wasListed = post.providers.some(({ name, status }) => name === resource.provider && status === 'ready');
  return wasListed && !post.resources.some((found) => keyOf(found) === keyOf(resource));
}

const GONE: readonly Outcome[] = ['graceful', 'killed', 'removed', 'gone'];

/** Whether a later phase removed it, or found it gone. */
export function isRemovedLater(resource: ResourceReport, { run, post }: Report['phases']): boolean {
  return [run, post].some((phase) =>
    phase?.resources.some((later) => keyOf(later) === keyOf(resource) && GONE.includes(later.outcome)),
  );
}
