import { labels, runnerOf } from './labels';
import { type Kind, keyOf, type Resource } from './resource';

/** One condition on a label: its key is there, and has this value if one is given. */
export interface LabelFilter {
  readonly key: string;
  readonly value?: string;
}

/** What the user gave us, besides what carries our label. All filters of a line must match (AND); one line is enough (OR). */
export interface Filters {
  readonly labels: readonly (readonly LabelFilter[])[];
  readonly namePrefixes: readonly string[];
}

/** Kinds that run, and can be stopped. */
const CAN_RUN: ReadonlySet<Kind> = new Set<Kind>(['container', 'sandbox']);

/** Says which resources are owned. */
export type Selector = (resource: Resource) => boolean;

/** Sessions that are not over, whatever their ids say. Asked with each listing: a session may begin meanwhile. */
export interface LiveSessionIds {
  has(sessionId: string): boolean;
}

/** What earlier runs left: see `leftoversOf`. */
export type PreCleanup = 'none' | 'stale' | 'stopped' | 'all';

/** Images are nobody's by their name: it says where they come from. */
export function matchesFilters(resource: Resource, filters: Filters): boolean {
  const has = ({ key, value }: LabelFilter) =>
    value === undefined ? Object.hasOwn(resource.labels, key) : resource.labels[key] === value;
  return (
    filters.labels.some((line) => line.length > 0 && line.every(has)) ||
    (resource.kind !== 'image' && filters.namePrefixes.some((prefix) => prefix !== '' && resource.name.startsWith(prefix)))
  );
}

/** The session whose label the resource carries. */
export function sessionOf(resource: Resource): string | undefined {
  return resource.labels[labels.session];
}

/**
 * What is selected, and the images that are left when that is gone: used by nothing else, and without a label that says whose they are.
 * An image that something protected uses stays in use.
 */
export function includingOrphanedImages(selector: Selector): Selector {
  const goes: Selector = (user) => selector(user) && protectionOf(user) === undefined;
  return (resource) => {
    const { usedBy: heirOf = [] } = resource;
    return selector(resource) || (sessionOf(resource) === undefined && heirOf.length > 0 && heirOf.every(goes));
  };
}

/**
 * What a session owns: what carries its label, and what matches its filters unless another session's label says whose it is.
 * Without a session id (main died before it had one) only the filters are left.
 */
export function ownedBy(sessionId: string | undefined, filters: Filters): Selector {
  return includingOrphanedImages((resource) => {
    const owner = sessionOf(resource);
    return owner === undefined ? matchesFilters(resource, filters) : owner === sessionId;
  });
}

/**
 * What pre-cleanup removes: of all that carries any session's label or matches the filters, never the current session's, nor a live
 * one's,
 * - `stale`: what this runner's other sessions left (a runner runs one job at a time: they are over), and what is older than `maxAgeMs`;
 * - `stopped`: that, and what could run and does not (a volume never runs, and may be another session's that does);
 * - `all`: everything.
 */
export function leftoversOf(
  mode: PreCleanup,
  current: {
    readonly sessionId: string;
    readonly live?: LiveSessionIds;
    readonly filters: Filters;
    readonly maxAgeMs: number;
    readonly now: number;
  },
): Selector {
  const runner = runnerOf(current.sessionId);
  const isLive = (session: string) => session === current.sessionId || current.live?.has(session) === true;
  const stale = (resource: Resource, owner: string | undefined) =>
    (owner !== undefined && runner !== undefined && runnerOf(owner) === runner) ||
    (resource.createdAt !== undefined && current.now - resource.createdAt > current.maxAgeMs);
  return includingOrphanedImages((resource) => {
    const owner = sessionOf(resource);
    if (owner !== undefined && isLive(owner)) return false;
    if (owner === undefined && !matchesFilters(resource, current.filters)) return false;
    switch (mode) {
      case 'none':
        return false;
      case 'stale':
        return stale(resource, owner);
      case 'stopped':
        return stale(resource, owner) || (CAN_RUN.has(resource.kind) && !resource.running);
      case 'all':
        return true;
    }
  });
}

/** Whether it is on an engine, which one job may have to itself. Sandboxes are an organization's. */
export function isOfOneMachine(kind: Kind): boolean {
  return kind !== 'sandbox';
}

/**
 * `scope: job`: what came to be on an engine since `startedAt` (milliseconds since the epoch), was not there before, and carries no session's label.
 * Engines tell whole seconds, and clocks differ a little: what is on the edge is settled by the list of what was there.
 */
export function createdSince(startedAt: number, before: ReadonlySet<string>): Selector {
  const from = startedAt - 2_000;
  const isNew = (resource: Resource) => (resource.createdAt ?? 0) >= from && !before.has(keyOf(resource));
  return (resource) => isOfOneMachine(resource.kind) && sessionOf(resource) === undefined && isNew(resource);
}

export function olderThan(ageMs: number, now: number): Selector {
  return ({ createdAt }) => createdAt !== undefined && now - createdAt > ageMs;
}

/** @param states the provider's own words */
export function inStates(states: readonly string[]): Selector {
  return ({ state }) => states.includes(state);
}

/** What carries a session's label, whichever it is. */
export const ofAnySession: Selector = (resource) => sessionOf(resource) !== undefined;

export function ofSession(sessionId: string): Selector {
  return (resource) => sessionOf(resource) === sessionId;
}

/** @throws {RangeError} without any selector: that would select everything */
export function allOf(...selectors: readonly Selector[]): Selector {
  if (selectors.length === 0) throw new RangeError('all of no selectors would be everything');
  return (resource) => selectors.every((selects) => selects(resource));
}

export function anyOf(...selectors: readonly Selector[]): Selector {
  // An image may be left by containers of which each is selected by another of these.
  return includingOrphanedImages((resource) => selectors.some((selects) => selects(resource)));
}

/** Why a resource that matches stays all the same; undefined when nothing protects it. */
export function protectionOf(resource: Resource): string | undefined {
  if (resource.labels[labels.keep]?.toLowerCase() === 'true') return `it carries ${labels.keep}=true`;
  return resource.protection;
}
