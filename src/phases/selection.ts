import type { Config } from '../config/config';
import type { EvidenceOfEnd, LivenessOfSessions } from '../core/liveness';
import type { Kind, Resource } from '../core/resource';
import {
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
import { madeByOthers, type Seen } from './others';

/** A resource that matches, and stays. */
export interface Spared {
  readonly resource: Resource;
  readonly why: SpareReason;
}

/** What one cleanup is about. */
export interface Selection {
  /** Decides about each resource by itself. */
  readonly selector: Selector;
  /** Of what the selector selects, what is to go when everything else is known; all of it by default. */
  readonly choose?: (selected: readonly Resource[], seen: Seen) => readonly Resource[];
  /** What matches, and stays. */
  readonly spared?: (seen: Seen) => readonly Spared[];
  /** Selects what appeared while the job ran and belongs to no session. */
  readonly unowned?: Selector;
  /** What shows that the session is over that left a resource. */
  readonly evidence?: (resource: Resource) => EvidenceOfEnd | undefined;
}

/**
 * What pre-cleanup removes: leftovers, and what is more than `max-containers` and `max-sandboxes`.
 * @param now milliseconds since the epoch
 */
export function selectBefore(config: Config, sessionId: string, liveness: LivenessOfSessions, now: number): Selection {
  const context = leftoverContext(config, sessionId, liveness, now);
  const judge = leftoverJudge(config.preCleanup, context);
  const isLeftover: Selector = (resource) => judge(resource) === 'goes';
  const quotas = quotasOf(config);
  const selector = quotas.length === 0 ? isLeftover : leftoversOf('all', withOthers(context));
  // `all` is asked for by people who want everything gone, whoever works.
  const othersIn = (seen: Seen): Selector => (config.preCleanup === 'all' ? () => false : madeByOthers(seen, context));

  return {
    selector,
    evidence: (resource) => evidenceOf(resource, context),
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

/** What pre-cleanup judges by, as the settings say. */
export function leftoverContext(
  config: Pick<Config, 'labels' | 'namePrefixes' | 'maxAge' | 'maxAgeFailed'>,
  sessionId: string,
  liveness: LivenessOfSessions,
  now: number,
): LeftoverContext {
  const { maxAge: maxAgeMs, maxAgeFailed: maxAgeFailedMs } = config;
  return { sessionId, liveness, filters: filtersOf(config), maxAgeMs, maxAgeFailedMs, now };
}

/** For a quota, what live sessions of other jobs have counts, too. */
function withOthers({ liveness, ...context }: LeftoverContext): LeftoverContext {
  const of = (session: string) => {
    const known = liveness.of(session);
    return known.state === 'live' && known.evidence !== 'job' ? ({ state: 'unknown' } as const) : known;
  };
  return { ...context, liveness: { of } };
}

/** Whether another session may be at work with it: it counts for a quota, and stays. */
function mayBeLive(resource: Resource, context: LeftoverContext): boolean {
  const owner = ownerOf(resource);
  if (owner === undefined) return false;
  const { state } = context.liveness.of(owner);
  return state === 'live' || (state === 'unknown' && resource.running && !olderThanAllowed(context)(resource));
}

/**
 * What post removes: what the session owns, and with `scope: job` what appeared since main's start.
 * @param sessionId undefined when main died before it had one
 * @param baseline undefined when main did not get as far as writing it
 */
export function selectAfter(config: Config, sessionId: string | undefined, baseline: Baseline | undefined): Selection {
  const filters = filtersOf(config);
  const owned = ownedBy(sessionId, filters, baseline);
  const selector = config.scope === 'job' && baseline ? createdSince(owned, baseline) : owned;
  const othersIn = (seen: Seen) => madeByOthers(seen, { sessionId, filters, maxAgeMs: config.maxAge });
  return {
    selector,
    choose: (selected, seen) => withoutSpared(selected, othersIn(seen)),
    spared(seen) {
      const isOthers = othersIn(seen);
      return unprotected(seen.listed).flatMap((resource) => {
        if (selector(resource)) return isOthers(resource) ? { resource, why: 'live-session' } : [];
        return sessionId !== undefined && sessionOf(resource) === sessionId ? { resource, why: 'inherited-label' } : [];
      });
    },
    ...(baseline ? { unowned: unownedSince(baseline, { config, sessionId, selector }) } : {}),
  };
}

/** With what is spared stays what it uses. */
function withoutSpared(selected: readonly Resource[], isSpared: Selector): readonly Resource[] {
  return selected.filter((resource) => !isSpared(resource) && !resource.usedBy?.some(isSpared));
}

function unprotected(listed: readonly Resource[]): readonly Resource[] {
  return listed.filter((resource) => protectionOf(resource) === undefined);
}

/** What is new on an engine and stays: it belongs to no session, or is of a kind that is not cleaned. */
function unownedSince(
  baseline: Baseline,
  {
    config,
    sessionId,
    selector,
  }: { readonly config: Config; readonly sessionId: string | undefined; readonly selector: Selector },
): Selector {
  const isCleaned = ({ kind }: Resource) => config.resources.includes(kind);
  return (resource) => {
    const owner = ownerOf(resource);
    if (owner !== undefined && owner !== sessionId) return false;
    if (!isOfOneMachine(resource.kind) || !isNew(resource, baseline) || protectionOf(resource) !== undefined) return false;
    if (isPartOfAnother(resource)) return false;
    return !isCleaned(resource) || !selector(resource);
  };
}

/** A layer between two images is not an image that people know. */
function isPartOfAnother({ dependents = [] }: Resource): boolean {
  return dependents.length > 0;
}

function quotasOf({ maxContainers, maxSandboxes }: Config): readonly (readonly [kind: Kind, max: number])[] {
  const quotas = [
    ['container', maxContainers],
    ['sandbox', maxSandboxes],
  ] as const;
  return quotas.flatMap(([kind, max]) => (max === undefined ? [] : [[kind, max] as const]));
}

export function filtersOf({ labels = [], namePrefixes = [] }: Pick<Config, 'labels' | 'namePrefixes'>): Filters {
  return { labels, namePrefixes };
}
