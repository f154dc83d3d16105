import type { Outcome } from '../core/outcome';
import { keyOf } from '../core/resource';
import type { PhaseReport, Report, ResourceReport } from './model';

/**
 * The resources that are still there after all phases: each once, as reported by the last phase
 * that failed to remove it.
 */
export interface Leftovers {
  /** Pre-cleanup could not remove these. */
  readonly earlier: readonly ResourceReport[];
  /** `exited-ttl` could not remove these while the benchmark ran, and post did not settle them. */
  readonly run: readonly ResourceReport[];
  readonly post: readonly ResourceReport[];
}

/** A later phase may remove what an earlier one could not. */
export function leftoversIn({ pre, run, post }: Report['phases']): Leftovers {
  const inPost = settledIn(post);
  const inRun = settledIn(run);
  return {
    earlier: failedIn(pre).filter((resource) => !inRun.has(keyOf(resource)) && !inPost.has(keyOf(resource))),
    run: failedIn(run).filter((resource) => !inPost.has(keyOf(resource)) && !isSeenToBeGone(resource, post)),
    post: failedIn(post),
  };
}

function failedIn(phase: PhaseReport | null): readonly ResourceReport[] {
  return phase?.resources.filter(({ outcome }) => outcome === 'failed') ?? [];
}

/** These outcomes decide about a resource; `kept` and `planned` leave it as it was. */
const DECIDING: ReadonlySet<Outcome> = new Set<Outcome>(['graceful', 'killed', 'removed', 'gone', 'failed']);

function settledIn(phase: PhaseReport | null): ReadonlySet<string> {
  return new Set(phase?.resources.filter(({ outcome }) => DECIDING.has(outcome)).map(keyOf));
}

/**
 * Post lists everything that `exited-ttl` could have removed: a resource that it does not find in
 * the same place is gone.
 */
function isSeenToBeGone(resource: ResourceReport, post: PhaseReport | null): boolean {
  if (!post?.verified) return false;
  const wasListed = post.providers.some(({ name, status }) => name === resource.provider && status === 'ready');
  return wasListed && !post.resources.some((found) => keyOf(found) === keyOf(resource));
}

const GONE: readonly Outcome[] = ['graceful', 'killed', 'removed', 'gone'];

/** Whether a resource that pre-cleanup could not remove was gone in a later phase. */
export function isRemovedLater(resource: ResourceReport, { run, post }: Report['phases']): boolean {
  return [run, post].some((phase) =>
    phase?.resources.some((later) => keyOf(later) === keyOf(resource) && GONE.includes(later.outcome)),
  );
}
