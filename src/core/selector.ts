import { matchesGlob } from './glob';
import { labels } from './labels';
import type { EvidenceOfEnd, LivenessOfSessions } from './liveness';
import { isUnsigned, type Resource } from './resource';

/** Matches a label's key, and its value if one is given. */
export interface LabelFilter {
  readonly key: string;
  /** `*` stands for any characters. */
  readonly value?: string;
}

/** The user's own selection. All filters of a line must match (AND), one line is enough (OR). */
export interface Filters {
  readonly labels: readonly (readonly LabelFilter[])[];
  /** `*` stands for any characters. */
  readonly namePrefixes: readonly string[];
}

/** Says which resources are owned. */
export type Selector = (resource: Resource) => boolean;

/** Sessions that are not over. Asked with each listing, because a session may begin meanwhile. */
export interface LiveSessionIds {
  has(sessionId: string): boolean;
}

/** See `leftoverJudge`. */
export type PreCleanup = 'none' | 'stale' | 'stopped' | 'all';

/** The state of the engines when the session began. */
export interface Baseline {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Whether the resource existed; undefined if its kind was not listed then. */
  had(resource: Resource): boolean | undefined;
  /** Whether any image had the tag; undefined if images were not listed then. */
  hadTag(provider: string, tag: string): boolean | undefined;
}

/** Engines round to seconds and clocks differ: the baseline decides within this time. */
const CLOCK_TOLERANCE_MS = 2_000;

/** Ignores names that tell no owner: of images, builders, build cache and anonymous volumes. */
export function matchesFilters(resource: Resource, filters: Filters): boolean {
  const has = ({ key, value = '*' }: LabelFilter) => {
    const found = Object.hasOwn(resource.labels, key) ? resource.labels[key] : undefined;
    return found !== undefined && matchesGlob(found, value);
  };
  const hasName = !isUnsigned(resource.kind) && !resource.anonymous;
  return (
    filters.labels.some((line) => line.length > 0 && line.every(has)) ||
    (hasName && filters.namePrefixes.some((prefix) => namesOf(resource).some((name) => hasPrefix(name, prefix))))
  );
}

/**
 * Compose calls a container `<short id>_<name>` while it makes it anew, and leaves that name when
 * it is interrupted:
 * https://github.com/docker/compose/blob/v2.29.0/pkg/compose/convergence.go (recreateContainer)
 */
function namesOf({ kind, name, labels: own }: Resource): readonly string[] {
  if (kind !== 'container' || !Object.hasOwn(own, 'com.docker.compose.project')) return [name];
  return [name, name.replace(/^[0-9a-f]{12}_/, '')];
}

/** Whether a name begins with one of `name-prefixes`. An empty one matches nothing. */
export function hasPrefix(name: string, prefix: string): boolean {
  return prefix !== '' && matchesGlob(name, `${prefix}*`);
}

/** The session in the resource's label, inherited or not. */
export function sessionOf(resource: Resource): string | undefined {
  return resource.labels[labels.session];
}

/** The session that made the resource. Undefined if its label may come from its image. */
export function ownerOf(resource: Resource): string | undefined {
  // An image with a session's label contains something of that session, whoever built it.
  return resource.inheritsSession && resource.kind !== 'image' ? undefined : sessionOf(resource);
}

/** Whether the resource appeared after the session's start. False if the baseline can't tell. */
export function isNew(resource: Resource, { startedAt, had }: Baseline): boolean {
  const wasThere = had(resource);
  // `createdAt` of an image is the time of its tag.
  if (resource.kind === 'image') return wasThere === false;
  return wasThere === false && (resource.createdAt ?? startedAt) >= startedAt - CLOCK_TOLERANCE_MS;
}

/**
 * Whether the session made a resource with its label. An inherited label counts only if the
 * container is new, because a named session can come again, and its images outlive it. Older images
 * stay.
 */
function isMadeBySession(resource: Resource, baseline: Baseline | undefined): boolean {
  if (baseline === undefined) return true;
  return resource.kind === 'image' || resource.inheritsSession ? isNew(resource, baseline) : true;
}

/**
 * Selects what carries the session's label, and what matches its filters and no other session owns.
 * @param sessionId undefined when main died before it had one: then only filters select
 * @param baseline undefined when main did not get so far: then unlabelled images stay
 * @param volumes names of anonymous volumes that its containers had
 */
export function ownedBy(
  sessionId: string | undefined,
  filters: Filters,
  baseline?: Baseline,
  volumes: ReadonlySet<string> = new Set(),
): Selector {
  const owned: Selector = (resource) => {
    const label = sessionOf(resource);
    if (label !== undefined && label === sessionId) return isMadeBySession(resource, baseline);
    if (ownerOf(resource) !== undefined || !matchesFilters(resource, filters)) return false;
    return resource.kind !== 'image' || isKnownToBeNew(resource, baseline);
  };
  const selects: Selector = (resource) => {
    if (resource.kind === 'builder') return isMadeBuilder(selects, resource, baseline);
    if (resource.kind === 'build-cache') return isKnownToBeNew(resource, baseline);
    if (resource.tagOf !== undefined) return baseline !== undefined && isAddedTag(resource.tagOf, resource, baseline);
    if (!resource.isLayer && owned(resource)) return true;
    if (isKnownByUsers(resource)) return isOnlyForOwned(selects, resource, { baseline, volumes });
    const label = sessionOf(resource);
    const mayBeOurs = label === undefined || (resource.isLayer === true && label === sessionId);
    return mayBeOurs && isMadeSince(resource, baseline) && isLeftBy(selects, resource);
  };
  return selects;
}

function isKnownToBeNew(resource: Resource, baseline: Baseline | undefined): boolean {
  return baseline !== undefined && isNew(resource, baseline);
}

/** Whether its users lead to its owner: an engine made its name up, or it is Kubernetes'. */
function isKnownByUsers({ anonymous, namespace }: Resource): boolean {
  return anonymous === true || namespace !== undefined;
}

/**
 * Whether only owned containers had a new anonymous volume: as was noted, or as its users show. For
 * what is Kubernetes', see `isMadeForPods`.
 */
function isOnlyForOwned(
  selector: Selector,
  volume: Resource,
  { baseline, volumes }: { readonly baseline: Baseline | undefined; readonly volumes: ReadonlySet<string> },
): boolean {
  if (volume.namespace !== undefined) return isMadeForPods(selector, volume, baseline);
  const { id, usedBy = [] } = volume;
  if (baseline === undefined || ownerOf(volume) !== undefined || !isNew(volume, baseline)) return false;
  return (usedBy.length > 0 || volumes.has(id)) && allGo(usedBy, selector);
}

/**
 * Whether something of Kubernetes without a session's label was made during the session, and only
 * owned pods use it: a service that leads to them, their claim. Its time is in whole seconds.
 */
function isMadeForPods(selector: Selector, resource: Resource, baseline: Baseline | undefined): boolean {
  const { usedBy = [], createdAt } = resource;
  if (baseline === undefined || createdAt === undefined || sessionOf(resource) !== undefined) return false;
  return createdAt >= Math.floor(baseline.startedAt / 1000) * 1000 && usedBy.length > 0 && allGo(usedBy, selector);
}

/**
 * Whether a builder is new, and each of its containers and state volumes is owned, or new and
 * unlabelled. The label alone proves nothing: a builder of before makes its container anew.
 */
function isMadeBuilder(selector: Selector, builder: Resource, baseline: Baseline | undefined): boolean {
  const { usedBy = [] } = builder;
  if (baseline === undefined || usedBy.length === 0 || !isNew(builder, baseline)) return false;
  const isOurs: Selector = (part) => selector(part) || (sessionOf(part) === undefined && isNew(part, baseline));
  return allGo(usedBy, isOurs);
}

/** Whether an image is new, and has no name that another image had before: that name stays. */
function isMadeSince(resource: Resource, baseline: Baseline | undefined): boolean {
  if (baseline === undefined || resource.kind !== 'image' || !isNew(resource, baseline)) return false;
  return (resource.tags ?? []).every((tag) => baseline.hadTag(resource.provider, tag) === false);
}

/** Whether nothing uses it any more once the selected resources are gone. A layer had a user. */
function isLeftBy(selector: Selector, { usedBy = [], isLayer = false }: Resource): boolean {
  return (usedBy.length > 0 || !isLayer) && allGo(usedBy, selector);
}

/** Whether the session gave an older image this name, which no image had before. */
function isAddedTag(imageId: string, tag: Resource, { had, hadTag }: Baseline): boolean {
  return had({ ...tag, id: imageId }) === true && hadTag(tag.provider, tag.id) === false;
}

/**
 * The tags that were added to an older image: they go, the image stays. None where no other tag is
 * left: without any, an engine removes the image.
 */
export function addedTags(image: Resource, baseline: Baseline): readonly Resource[] {
  const { id, kind, tags = [], isLayer, usedBy: _, dependents: __, ...rest } = image;
  if (kind !== 'image' || isLayer) return [];
  const asTag = (tag: string): Resource => ({ ...rest, kind, id: tag, name: tag, state: 'tag', tagOf: id });
  const added = tags.map(asTag).filter((tag) => isAddedTag(id, tag, baseline));
  return added.length < tags.length ? added : [];
}

/** A protected resource stays, and so does what it uses. */
function allGo(users: readonly Resource[], selector: Selector): boolean {
  return users.every((user) => selector(user) && protectionOf(user) === undefined);
}

/**
 * Whether it lives on one engine, which may be one job's alone. Organizations share sandboxes, and
 * the nodes of a swarm share what it has.
 */
export function isOfOneMachine({ kind, shared }: Resource): boolean {
  return kind !== 'sandbox' && shared !== true;
}

/**
 * `scope: job`: selects what the session owns, and new resources on an engine without an owner. Of
 * new images, only those without a user that stays.
 */
export function createdSince(owned: Selector, baseline: Baseline): Selector {
  const created: Selector = (resource) =>
    isOfOneMachine(resource) &&
    resource.tagOf === undefined &&
    resource.kind !== 'builder' &&
    ownerOf(resource) === undefined &&
    (resource.kind === 'image' ? isMadeSince(resource, baseline) : isNew(resource, baseline));
  const selects: Selector = (resource) => owned(resource) || (created(resource) && allGo(resource.usedBy ?? [], selects));
  return selects;
}

/**
 * Why a resource that matches stays. `age`: it is younger than `max-age`, and its session may live.
 * `inherited-label`: its label may come from its image. `live-session`: it appeared while another
 * session was running.
 */
export type SpareReason = 'age' | 'inherited-label' | 'live-session';

/** Decides about one resource: it goes, it stays for a reason, or it does not match (undefined). */
export type Judge = (resource: Resource) => 'goes' | SpareReason | undefined;

/** Input of `leftoverJudge`. */
export interface LeftoverContext {
  readonly sessionId: string;
  readonly liveness: LivenessOfSessions;
  readonly filters: Filters;
  readonly maxAgeMs: number;
  /** For what has failed or is stopped; as `maxAgeMs` by default. */
  readonly maxAgeFailedMs?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Judges what earlier runs left: resources with any session's label or matching the filters, except
 * those of the current and of live sessions. What goes:
 * - `stale`: what sessions left that are over, and anything older than `maxAgeMs`;
 * - `stopped`: also containers that do not run;
 * - `all`: everything.
 *
 * A label that may be inherited is no proof. Nor is a young image's: builds copy the labels of
 * their base image.
 */
export function leftoverJudge(mode: PreCleanup, context: LeftoverContext): Judge {
  const { sessionId, liveness, filters } = context;
  const isOld = olderThanAllowed(context);
  const goes = (resource: Resource, session: string | undefined): boolean => {
    const isOver = session !== undefined && liveness.of(session).state === 'over';
    if (mode === 'all' || isOver || isOld(resource)) return true;
    // Volumes never run, and Daytona stops idle sandboxes: both may be in use.
    return mode === 'stopped' && resource.kind === 'container' && !resource.running;
  };
  const isLabelEnough = (resource: Resource) =>
    !resource.inheritsSession && (resource.kind !== 'image' || mode === 'all' || isOld(resource));
  const isLive = (session: string | undefined) =>
    session !== undefined && (session === sessionId || liveness.of(session).state === 'live');
  const judge: Judge = (resource) => {
    const session = sessionOf(resource);
    if (mode === 'none' || isLive(session)) return undefined;
    if (ownerOf(resource) === undefined && matchesFilters(resource, filters)) return goes(resource, undefined) ? 'goes' : 'age';
    if (session === undefined || !goes(resource, session)) return undefined;
    return isLabelEnough(resource) ? 'goes' : 'inherited-label';
  };
  // A layer was there when the session began, and says nothing about itself: what was made from it
  // does. A builder may be older than its containers, and only its session knows.
  return (resource) => (resource.isLayer || resource.kind === 'builder' ? undefined : judge(resource));
}

/** Selects what pre-cleanup removes. */
export function leftoversOf(mode: PreCleanup, context: LeftoverContext): Selector {
  const judge = leftoverJudge(mode, context);
  return (resource) => judge(resource) === 'goes';
}

/** The evidence that the resource's session is over. Undefined if it goes for another reason. */
export function evidenceOf(resource: Resource, context: LeftoverContext): EvidenceOfEnd | undefined {
  const owner = ownerOf(resource);
  const known = owner === undefined ? undefined : context.liveness.of(owner);
  if (known?.state === 'over') return known.evidence;
  return olderThanAllowed(context)(resource) ? 'age' : undefined;
}

/** States of what has ended or stopped, not of what never started; words of all the providers. */
const AT_AN_END = new Set(['exited', 'dead', 'stopped', 'error', 'build_failed', 'Succeeded', 'Complete', 'Failed']);

/** Selects what is older than `maxAgeMs`, or ended longer than its own limit ago, if known. */
export function olderThanAllowed({
  maxAgeMs,
  maxAgeFailedMs,
  now,
}: Pick<LeftoverContext, 'maxAgeMs' | 'maxAgeFailedMs' | 'now'>): Selector {
  const isOld = olderThan(maxAgeMs, now);
  if (maxAgeFailedMs === undefined) return isOld;
  return (resource) => {
    if (!AT_AN_END.has(resource.state)) return isOld(resource);
    const since = resource.stateSince ?? resource.createdAt;
    return since !== undefined && now - since > maxAgeFailedMs;
  };
}

export function olderThan(ageMs: number, now: number): Selector {
  return ({ createdAt }) => createdAt !== undefined && now - createdAt > ageMs;
}

/** @param states the provider's own words */
export function inStates(states: readonly string[]): Selector {
  return ({ state }) => states.includes(state);
}

/** Selects what carries any session's label. */
export const ofAnySession: Selector = (resource) => sessionOf(resource) !== undefined;

export function ofSession(sessionId: string): Selector {
  return (resource) => sessionOf(resource) === sessionId;
}

/** @throws {RangeError} without any selector: that would select everything */
export function allOf(...selectors: readonly Selector[]): Selector {
  if (selectors.length === 0) throw new RangeError('all of no selectors would be everything');
  return (resource) => selectors.every((selects) => selects(resource));
}

/** Why a resource stays although it matches; undefined if nothing protects it. */
export function protectionOf(resource: Resource): string | undefined {
  if (resource.labels[labels.keep]?.toLowerCase() === 'true') return `it carries ${labels.keep}=true`;
  return resource.protection;
}
