import { runnerOf } from '../core/labels';
import type { Resource } from '../core/resource';
import { type Filters, matchesFilters, olderThan, ownerOf, type Selector, sessionOf } from '../core/selector';
import type { Lease } from '../session/leases';

/** What is known of a provider when it is decided what goes. */
export interface Seen {
  /** Everything that was listed. */
  readonly listed: readonly Resource[];
  /** Live sessions of this host that use the same engine. */
  readonly leases: readonly Lease[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The session that decides. */
export interface Deciding {
  readonly sessionId: string | undefined;
  readonly filters: Filters;
  readonly maxAgeMs: number;
}

/** Engines tell whole seconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** A time from which on another session may have made what matches its filters. */
interface OtherSession {
  readonly since: number;
  readonly filters: Filters;
}

/**
 * Selects what another live session may have made: it carries no session's label, and began while a session was at work whose filters
 * match it. Of sessions without a lease on this host, filters are not known: there, what carries the session's label must match ours.
 */
export function madeByOthers(seen: Seen, deciding: Deciding): Selector {
  const runner = runnerOf(deciding.sessionId ?? '');
  const isOurs = (session: string) => session === deciding.sessionId || (runner !== undefined && runnerOf(session) === runner);
  const others = [...seen.leases.filter(({ session }) => !isOurs(session)), ...sessionsAtWork(seen, isOurs, deciding)];
  return (resource) =>
    sessionOf(resource) !== deciding.sessionId &&
    ownerOf(resource) === undefined &&
    others.some(
      ({ since, filters }) => matchesFilters(resource, filters) && (resource.createdAt ?? since) >= since - CLOCK_TOLERANCE_MS,
    );
}

/** Other sessions that have something running which our filters match, too. */
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
