import { labels, runnerOf } from './labels';
import type { Kind, Resource } from './resource';

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

/** Says which resources are owned. */
export type Selector = (resource: Resource) => boolean;

/** Sessions that are not over, whatever their ids say. Asked with each listing: a session may begin meanwhile. */
export interface LiveSessionIds {
  has(sessionId: string): boolean;
}

/** What pre-cleanup removes of earlier sessions: see `leftoversOf`. */
export type PreCleanup = 'none' | 'stale' | 'stopped' | 'all';

/** What was there when the session began. */
export interface Baseline {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Whether the resource was there; undefined where its kind was not listed then. */
  had(resource: Resource): boolean | undefined;
}

/** Engines tell whole seconds, and clocks differ a little: the baseline decides what lies within this time of the start. */
const CLOCK_TOLERANCE_MS = 2_000;

/** The name of an image says where it comes from, that of an anonymous volume nothing: neither is matched by its name. */
export function matchesFilters(resource: Resource, filters: Filters): boolean {
  const has = ({ key, value }: LabelFilter) =>
    value === undefined ? Object.hasOwn(resource.labels, key) : resource.labels[key] === value;
  const hasName = resource.kind !== 'image' && !resource.anonymous;
  return (
    filters.labels.some((line) => line.length > 0 && line.every(has)) ||
    (hasName && filters.namePrefixes.some((prefix) => prefix !== '' && resource.name.startsWith(prefix)))
  );
}

/** The session whose label the resource carries, wherever it has it from. */
export function sessionOf(resource: Resource): string | undefined {
  return resource.labels[labels.session];
}

/** The session that made the resource. Undefined also where its label may come from its image, and so says nothing. */
export function ownerOf(resource: Resource): string | undefined {
  // An image with a session's label is never taken for one without: it holds something of that session, whoever made it.
  return resource.inheritsSession && resource.kind !== 'image' ? undefined : sessionOf(resource);
}

/** Whether the resource appeared after the session's start. What the baseline can't tell is not new. */
export function isNew(resource: Resource, { startedAt, had }: Baseline): boolean {
  const wasThere = had(resource);
  // The time of an image is that of its tag.
  if (resource.kind === 'image') return wasThere === false;
  return wasThere === false && (resource.createdAt ?? startedAt) >= startedAt - CLOCK_TOLERANCE_MS;
}

/**
 * Whether a resource with this session's label was made by it. An inherited label counts where the container was made while the
 * session lived: a named session of the command line can come again, and its images outlive it. Images of before stay in any case.
 */
function isMadeBySession(resource: Resource, baseline: Baseline | undefined): boolean {
  if (baseline === undefined) return true;
  return resource.kind === 'image' || resource.inheritsSession ? isNew(resource, baseline) : true;
}

/**
 * What a session owns: what carries its label, and what matches its filters unless another session's label says whose it is.
 * @param sessionId undefined when main died before it had one: then only the filters are left
 * @param baseline undefined when main did not get so far: then no image goes that carries no label of the session
 */
export function ownedBy(sessionId: string | undefined, filters: Filters, baseline?: Baseline): Selector {
  const owned: Selector = (resource) => {
    const label = sessionOf(resource);
    if (label !== undefined && label === sessionId) return isMadeBySession(resource, baseline);
    if (ownerOf(resource) !== undefined || !matchesFilters(resource, filters)) return false;
    return resource.kind !== 'image' || isNewImage(resource, baseline);
  };
  return (resource) => owned(resource) || (isOrphanedBy(owned, resource) && isNewImage(resource, baseline));
}

function isNewImage(resource: Resource, baseline: Baseline | undefined): boolean {
  return baseline !== undefined && isNew(resource, baseline);
}

/** Whether it is an unlabelled image that is used by nothing when that goes which `selector` selects. */
function isOrphanedBy(selector: Selector, resource: Resource): boolean {
  const { usedBy = [] } = resource;
  return sessionOf(resource) === undefined && usedBy.length > 0 && allGo(usedBy, selector);
}

/** What is protected stays, and so stays what it uses. */
function allGo(users: readonly Resource[], selector: Selector): boolean {
  return users.every((user) => selector(user) && protectionOf(user) === undefined);
}

/** Whether it is on an engine, which one job may have to itself. Sandboxes are an organization's. */
export function isOfOneMachine(kind: Kind): boolean {
  return kind !== 'sandbox';
}

/**
 * `scope: job`: what the session owns, and what appeared on an engine since its start and carries no session's label; of images, only
 * those that nothing uses which stays.
 */
export function createdSince(owned: Selector, baseline: Baseline): Selector {
  const created: Selector = (resource) =>
    isOfOneMachine(resource.kind) && ownerOf(resource) === undefined && isNew(resource, baseline);
  return (resource) => {
    if (owned(resource)) return true;
    return created(resource) && allGo(resource.usedBy ?? [], (user) => owned(user) || created(user));
  };
}

/** Why a resource that matches stays. The words are those of the report. */
export const spareReasons = ['age', 'inherited-label', 'live-session'] as const;
export type SpareReason = (typeof spareReasons)[number];

/** Decides about one resource: it goes, it matches and stays for a reason, or it is none of ours (undefined). */
export type Judge = (resource: Resource) => 'goes' | SpareReason | undefined;

/** What pre-cleanup knows when it judges. */
export interface LeftoverContext {
  readonly sessionId: string;
  readonly live?: LiveSessionIds;
  readonly filters: Filters;
  readonly maxAgeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Judges what earlier runs left: what carries any session's label or matches the filters, never the current session's, nor a live
 * one's. Of that go with
 * - `stale`: what this runner's other sessions left (a runner runs one job at a time: they are over), and what is older than `maxAgeMs`;
 * - `stopped`: that, and containers that do not run;
 * - `all`: everything.
 *
 * A label that may be inherited condemns nothing. Nor does an image's, before it is old: what was built from a labelled image
 * carries the label, too.
 */
export function leftoverJudge(mode: PreCleanup, context: LeftoverContext): Judge {
  const { sessionId, live, filters, maxAgeMs, now } = context;
  const runner = runnerOf(sessionId);
  const isLive = (session: string) => session === sessionId || live?.has(session) === true;
  const isOld = olderThan(maxAgeMs, now);
  const goes = (resource: Resource, session: string | undefined): boolean => {
    const isOver = session !== undefined && runner !== undefined && runnerOf(session) === runner;
    if (mode === 'all' || isOver || isOld(resource)) return true;
    // A volume never runs, and Daytona stops a sandbox that only looks idle: both may be in use.
    return mode === 'stopped' && resource.kind === 'container' && !resource.running;
  };
  const isLabelEnough = (resource: Resource) =>
    !resource.inheritsSession && (resource.kind !== 'image' || mode === 'all' || isOld(resource));
  return (resource) => {
    const session = sessionOf(resource);
    if (mode === 'none' || (session !== undefined && isLive(session))) return undefined;
    if (ownerOf(resource) === undefined && matchesFilters(resource, filters)) return goes(resource, undefined) ? 'goes' : 'age';
    if (session === undefined || !goes(resource, session)) return undefined;
    return isLabelEnough(resource) ? 'goes' : 'inherited-label';
  };
}

/** What pre-cleanup removes: see `leftoverJudge`. */
export function leftoversOf(mode: PreCleanup, context: LeftoverContext): Selector {
  const judge = leftoverJudge(mode, context);
  return (resource) => judge(resource) === 'goes';
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

/** Why a resource that matches stays all the same; undefined when nothing protects it. */
export function protectionOf(resource: Resource): string | undefined {
  if (resource.labels[labels.keep]?.toLowerCase() === 'true') return `it carries ${labels.keep}=true`;
  return resource.protection;
}
