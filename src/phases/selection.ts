import type { Config } from '../config/config';
import type { EvidenceOfEnd, LivenessOfSessions } from '../core/liveness';
import { type Kind, keyOf, type Resource } from '../core/resource';
import {
  addedTags,
  type Baseline,
  createdSince,
  evidenceOf,
  type Filters,
  isNew,
  isOfOneMachine,
  type LeftoverContext,
  leftoverJudge,
  leftoversOf,
  olderThanAllowed,
  ownedBy,
  ownerOf,
  protectionOf,
  type Selector,
  type SpareReason,
  sessionOf,
} from '../core/selector';
import { excess } from '../reaper/quota';
import { canBeLeft } from '../session/left-images';
import { withComposeProjects } from './compose-projects';
import { inheriting } from './inherited-images';
import { madeByOthers, madeUnlabelledByOthers, type Seen } from './others';

/** A resource that matches but stays. */
export interface Spared {
  readonly resource: Resource;
  readonly why: SpareReason;
}

/** What a cleanup selects. */
export interface Selection {
  /** Decides about each resource on its own. */
  readonly selector: Selector;
  /** Selects by the whole state. Default: what `selector` selects. */
  readonly choose?: (selected: readonly Resource[], seen: Seen) => readonly Resource[];
  /** Lists what matches but stays. */
  readonly spared?: (seen: Seen) => readonly Spared[];
  /** Selects new resources without an owner. */
  readonly unowned?: Selector;
  /** Evidence that the session of a resource is over. */
  readonly evidence?: (resource: Resource) => EvidenceOfEnd | undefined;
  /** Called with each listing, before anything is chosen: see `LivenessOfSessions`. */
  readonly learn?: (listed: readonly Resource[]) => Promise<void>;
  /** Images that would go if no other session were at work: they are left to it. */
  readonly left?: (seen: Seen) => readonly Resource[];
  /** Filters to report if they match nothing. */
  readonly filters?: Filters;
}

/** The settings that post's selection reads. */
export type SelectionSettings = FilterSettings & Pick<Config, 'scope' | 'maxAge' | 'resources'>;

/** The settings that pre-cleanup's selection reads. */
export type PreSelectionSettings = LeftoverSettings & Pick<Config, 'preCleanup' | 'maxContainers' | 'maxSandboxes'>;

type FilterSettings = Pick<Config, 'labels' | 'namePrefixes'>;
type LeftoverSettings = FilterSettings & Pick<Config, 'maxAge' | 'maxAgeFailed'>;

/**
 * Selects for pre-cleanup: leftovers, and the excess over `max-containers` and `max-sandboxes`.
 * @param now milliseconds since the epoch
 */
export function selectBefore(
  config: PreSelectionSettings,
  sessionId: string,
  liveness: LivenessOfSessions,
  now: number,
): Selection {
  const context = leftoverContext(config, sessionId, liveness, now);
  const judge = leftoverJudge(config.preCleanup, context);
  const isLeftover: Selector = (resource) => judge(resource) === 'goes';
  const quotas = quotasOf(config);
  const selector = quotas.length === 0 ? isLeftover : leftoversOf('all', withOthers(context));
  // `all` means everything, even during another session.
  const othersIn = (seen: Seen): Selector => (config.preCleanup === 'all' ? () => false : madeByOthers(seen, context));

  return {
    selector,
    evidence: (resource) => evidenceOf(resource, context),
    learn: async (listed) => liveness.learn?.(listed),
    choose(selected, seen) {
      const candidates = withoutSpared(selected, othersIn(seen));
      const leftovers = candidates.filter(isLeftover);
      const rest = candidates.filter((resource) => !isLeftover(resource));
      const removable = (resource: Resource) => protectionOf(resource) === undefined && !mayBeLive(resource, context);
      const tooMany = quotas.flatMap(([kind, max]) =>
        excess(
          rest.filter((resource) => resource.kind === kind),
          max,
          removable,
        ),
      );
      return [...leftovers, ...tooMany];
    },
    spared(seen) {
      const isOthers = othersIn(seen);
      return unprotected(seen.listed).flatMap((resource) => {
        const judgement = judge(resource);
        if (judgement === undefined) return [];
        if (judgement !== 'goes') return { resource, why: judgement };
        return isOthers(resource) ? { resource, why: 'live-session' } : [];
      });
    },
  };
}

/** Makes the input of `leftoverJudge` from the settings. */
export function leftoverContext(
  config: LeftoverSettings,
  sessionId: string,
  liveness: LivenessOfSessions,
  now: number,
): LeftoverContext {
  const { maxAge: maxAgeMs, maxAgeFailed: maxAgeFailedMs } = config;
  return { sessionId, liveness, filters: filtersOf(config), maxAgeMs, maxAgeFailedMs, now };
}

/** For quotas, resources of other jobs' live sessions count, too. */
function withOthers({ liveness, ...context }: LeftoverContext): LeftoverContext {
  const of = (session: string) => {
    const known = liveness.of(session);
    return known.state === 'live' && known.evidence !== 'job' ? ({ state: 'unknown' } as const) : known;
  };
  return { ...context, liveness: { of } };
}

/** Whether another session may be using it: it counts for quotas, but stays. */
function mayBeLive(resource: Resource, context: LeftoverContext): boolean {
  const owner = ownerOf(resource);
  if (owner === undefined) return false;
  const { state } = context.liveness.of(owner);
  return state === 'live' || (state === 'unknown' && resource.running && !olderThanAllowed(context)(resource));
}

/**
 * Selects for post: what the session owns, and with `scope: job` what is new.
 * @param sessionId undefined when main died before it had one
 * @param before undefined when main did not get so far
 * @param volumes names of anonymous volumes that the session's containers had
 */
export function selectAfter(
  config: SelectionSettings,
  sessionId: string | undefined,
  before: Baseline | undefined,
  volumes?: ReadonlySet<string>,
): Selection {
  const baseline = before && inheriting(before);
  const filters = filtersOf(config);
  const projects = withComposeProjects(ownedBy(sessionId, filters, baseline, volumes), baseline);
  const owned = projects.selector;
  const selector = config.scope === 'job' && baseline ? createdSince(owned, baseline) : owned;
  const deciding = { sessionId, filters, maxAgeMs: config.maxAge };
  const othersIn = (seen: Seen): Selector => {
    const [matches, isUnlabelled] = [madeByOthers(seen, deciding), madeUnlabelledByOthers(seen, deciding)];
    return (resource) => matches(resource) || isUnlabelled(resource);
  };
  const tagsIn = ({ listed }: Seen) => (baseline ? listed.flatMap((image) => addedTags(image, baseline)) : []);
  return {
    selector,
    filters,
    choose(_, seen) {
      projects.learn(seen.listed);
      baseline?.inherit(seen.listed, seen.left ?? []);
      const selected = withoutParents(seen.listed.filter(selector), seen.listed);
      return withoutSpared([...selected, ...tagsIn(seen)], othersIn(seen));
    },
    spared(seen) {
      const isOthers = othersIn(seen);
      return unprotected([...seen.listed, ...tagsIn(seen)]).flatMap((resource) => {
        if (selector(resource)) return isOthers(resource) ? { resource, why: 'live-session' } : [];
        return sessionId !== undefined && sessionOf(resource) === sessionId ? { resource, why: 'inherited-label' } : [];
      });
    },
    left(seen) {
      const isOthers = othersIn(seen);
      return seen.listed.filter((one) => canBeLeft(one) && selector(one) && isOthers(one));
    },
    ...(baseline ? { unowned: unownedSince(baseline, { config, sessionId, selector }) } : {}),
  };
}

/**
 * Leaves out unlabelled images and build cache that something was made from that stays. A labelled
 * one is not left out: its removal is refused, and the report says that it is in use.
 */
function withoutParents(selected: readonly Resource[], listed: readonly Resource[]): readonly Resource[] {
  const going = new Set(selected.map(keyOf));
  const staying = new Set(listed.flatMap((one) => (canBeLeft(one) && !going.has(keyOf(one)) ? [one.id] : [])));
  const isParent = (one: Resource) => canBeLeft(one) && one.dependents?.some((id) => staying.has(id)) === true;
  const rest = selected.filter((image) => sessionOf(image) !== undefined || !isParent(image));
  return rest.length === selected.length ? rest : withoutParents(rest, listed);
}

/** A spared resource keeps what it uses. */
function withoutSpared(selected: readonly Resource[], isSpared: Selector): readonly Resource[] {
  const stays: Selector = (resource) => isSpared(resource) || resource.usedBy?.some(stays) === true;
  return selected.filter((resource) => !stays(resource));
}

/** People know images, not the layers between them. */
function unprotected(listed: readonly Resource[]): readonly Resource[] {
  return listed.filter((resource) => protectionOf(resource) === undefined && !resource.isLayer);
}

/** Selects new resources on an engine that stay: without an owner, or of a kind not to clean. */
function unownedSince(
  baseline: Baseline,
  {
    config,
    sessionId,
    selector,
  }: { readonly config: SelectionSettings; readonly sessionId: string | undefined; readonly selector: Selector },
): Selector {
  const isCleaned = ({ kind }: Resource) => config.resources.includes(kind);
  return (resource) => {
    const owner = ownerOf(resource);
    if (owner !== undefined && owner !== sessionId) return false;
    if (!isOfOneMachine(resource) || !isNew(resource, baseline) || protectionOf(resource) !== undefined) return false;
    if (resource.isLayer || resource.kind === 'builder' || resource.kind === 'build-cache') return false;
    return !isCleaned(resource) || !selector(resource);
  };
}

function quotasOf({
  maxContainers,
  maxSandboxes,
}: Pick<Config, 'maxContainers' | 'maxSandboxes'>): readonly (readonly [kind: Kind, max: number])[] {
  const quotas = [
    ['container', maxContainers],
    ['sandbox', maxSandboxes],
  ] as const;
  return quotas.flatMap(([kind, max]) => (max === undefined ? [] : [[kind, max] as const]));
}

export function filtersOf({ labels = [], namePrefixes = [] }: FilterSettings): Filters {
  return { labels, namePrefixes };
}
