import { runnerOf } from '../core/labels';
import { isUnsigned, type Resource } from '../core/resource';
import { type Filters, matchesFilters, olderThan, ownerOf, type Selector, sessionOf } from '../core/selector';
import type { Lease } from '../session/leases';
import type { LeftImage } from '../session/left-images';

/** The state of a provider when a selection is made. */
export interface Seen {
  /** The whole listing. */
  readonly listed: readonly Resource[];
  /** Of live sessions of this host on the same engine. */
  readonly leases: readonly Lease[];
  /** What other sessions have left to this one on the same engine. */
  readonly left?: readonly LeftImage[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The session that selects. */
export interface Deciding {
  readonly sessionId: string | undefined;
  readonly filters: Filters;
  readonly maxAgeMs: number;
}

/** Engines round to seconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** Another session: from `since` on, it may have made what matches its filters. */
interface OtherSession {
  readonly since: number;
  readonly filters: Filters;
}

/**
 * Selects what another live session may have made: unlabelled resources that match its filters and
 * are not older. Without a lease, the filters are unknown: then the other session counts if ours
 * match its resources.
 */
export function madeByOthers(seen: Seen, deciding: Deciding): Selector {
  const isOurs = oursBy(deciding.sessionId);
  const others = [...seen.leases.filter(({ session }) => !isOurs(session)), ...sessionsAtWork(seen, isOurs, deciding)];
  return (resource) =>
    sessionOf(resource) !== deciding.sessionId &&
    ownerOf(resource) === undefined &&
    others.some(
      ({ since, filters }) => matchesFilters(resource, filters) && (resource.createdAt ?? since) >= since - CLOCK_TOLERANCE_MS,
    );
}

/**
 * Selects the images, tags, builders and build cache that another live session may have made or
 * used, and that do not carry our label: all of them where a lease shows such a session, because
 * containers that used them may be gone already. Where only its label on something that runs does,
 * it may be over: then images with known users are left out, because these tell whose they are.
 */
export function madeUnlabelledByOthers(seen: Seen, { sessionId, maxAgeMs }: Omit<Deciding, 'filters'>): Selector {
  const isOurs = oursBy(sessionId);
  const isOld = olderThan(maxAgeMs, seen.now);
  const isAtWork = (resource: Resource) => {
    const owner = sessionOf(resource);
    return owner !== undefined && !isOurs(owner) && resource.running && !isOld(resource);
  };
  const hasLease = seen.leases.some(({ session }) => !isOurs(session));
  const mayBeThere = hasLease || seen.listed.some(isAtWork);
  return (resource) => {
    const { kind, tagOf, usedBy = [] } = resource;
    if (!isUnsigned(kind)) return false;
    if (tagOf === undefined && sessionId !== undefined && sessionOf(resource) === sessionId) return false;
    return kind === 'image' && tagOf === undefined && usedBy.length > 0 ? hasLease : mayBeThere;
  };
}

/** Sessions with the same runner part are of one job. */
function oursBy(sessionId: string | undefined): (session: string) => boolean {
  const runner = runnerOf(sessionId ?? '');
  return (session) => session === sessionId || (runner !== undefined && runnerOf(session) === runner);
}

/** Other sessions with something running that our filters match. */
function sessionsAtWork(
  { listed, now }: Seen,
  isOurs: (session: string) => boolean,
  { filters, maxAgeMs }: Deciding,
): readonly OtherSession[] {
  const isOld = olderThan(maxAgeMs, now);
  const matching = listed.filter((resource) => {
    const owner = ownerOf(resource);
    return owner !== undefined && !isOurs(owner) && !isOld(resource) && matchesFilters(resource, filters);
  });
  return [...Map.groupBy(matching, ownerOf).values()]
    .filter((resources) => resources.some(({ running }) => running))
    .map((resources) => ({ since: Math.min(...resources.map(({ createdAt }) => createdAt ?? now)), filters }));
}
