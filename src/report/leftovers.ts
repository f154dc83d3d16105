import type { Outcome } from '../core/outcome';
import { keyOf } from '../core/resource';
import type { PhaseReport, Report, ResourceReport } from './model';

/** What is still there when all phases have had their say: each resource once, as the last phase that failed at it tells it. */
export interface Left {
  /** What pre-cleanup could not remove. */
  readonly earlier: readonly ResourceReport[];
  /** What `exited-ttl` could not remove while the benchmark ran, and post has not seen. */
  readonly run: readonly ResourceReport[];
  readonly post: readonly ResourceReport[];
}

/** What fails in one phase may go in a later one. */
export function leftOf({ pre, run, post }: Report['phases']): Left {
  const inPost = withTheLastWord(post);
  const inRun = withTheLastWord(run);
  return {
    earlier: failedIn(pre).filter((resource) => !inRun.has(keyOf(resource)) && !inPost.has(keyOf(resource))),
    run: failedIn(run).filter((resource) => !inPost.has(keyOf(resource)) && !isSeenToBeGone(resource, post)),
    post: failedIn(post),
  };
}

function failedIn(phase: PhaseReport | null): readonly ResourceReport[] {
  return phase?.resources.filter(({ outcome }) => outcome === 'failed') ?? [];
}

/** What became of it is told there. What is kept or planned is where it was. */
const LAST_WORDS: ReadonlySet<Outcome> = new Set<Outcome>(['graceful', 'killed', 'removed', 'gone', 'failed']);

function withTheLastWord(phase: PhaseReport | null): ReadonlySet<string> {
  return new Set(phase?.resources.filter(({ outcome }) => LAST_WORDS.has(outcome)).map(keyOf));
}

/** Post looks for all that `exited-ttl` does: what it does not find in the same place has gone by itself. */
function isSeenToBeGone(resource: ResourceReport, post: PhaseReport | null): boolean {
  if (post === null || !post.verified) return false;
  const wasLookedAt = post.providers.some(({ name, status }) => name === resource.provider && status === 'ready');
  return wasLookedAt && !post.resources.some((found) => keyOf(found) === keyOf(resource));
}
