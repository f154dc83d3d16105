import type { Config } from '../config/config';
import { runnerOf } from '../core/labels';
import type { Kind, Resource } from '../core/resource';
import {
  anyOf,
  createdSince,
  type Filters,
  type LiveSessionIds,
  leftoversOf,
  olderThan,
  ownedBy,
  protectionOf,
  type Selector,
  sessionOf,
} from '../core/selector';
import { excess } from '../reaper/quota';
import type { Baseline } from './snapshot';

/** What one cleanup is about: see `SweepOptions`. */
export interface Selection {
  readonly selector: Selector;
  readonly choose?: (selected: readonly Resource[]) => readonly Resource[];
}

/**
 * What pre-cleanup removes: leftovers, and what is more than `max-containers` and `max-sandboxes`.
 * @param live other sessions that are not over
 */
export function selectBefore(config: Config, sessionId: string, live: LiveSessionIds, now: number): Selection {
  const owned = { sessionId, live, filters: filtersOf(config), maxAgeMs: config.maxAge, now };
  const leftovers = leftoversOf(config.preCleanup, owned);
  const quotas = quotasOf(config);
  if (quotas.length === 0) return { selector: leftovers };

  const mayBeLive = (resource: Resource) => {
    const owner = sessionOf(resource);
    const isOthers = owner !== undefined && runnerOf(owner) !== runnerOf(sessionId);
    return isOthers && resource.running && !olderThan(config.maxAge, now)(resource);
  };
  const removable = (resource: Resource) => protectionOf(resource) === undefined && !mayBeLive(resource);
  return {
    selector: leftoversOf('all', owned),
    choose(selected) {
      const stale = selected.filter(leftovers);
      const others = (kind: Kind) => selected.filter((resource) => resource.kind === kind && !leftovers(resource));
      return [...stale, ...quotas.flatMap(([kind, most]) => excess(others(kind), most, removable))];
    },
  };
}

/** What post removes: what the session owns, and with `scope: job` what came to be since main's start. */
export function selectAfter(config: Config, sessionId: string | undefined, before: Baseline | undefined): Selection {
  const owned = ownedBy(sessionId, filtersOf(config));
  if (config.scope === 'session' || before === undefined) return { selector: owned };
  const { startedAt, keys, unlisted = [] } = before;
  const isNew = createdSince(startedAt, new Set(keys));
  // Of a kind that main could not list, nobody can say what was there before.
  return { selector: anyOf(owned, (resource) => !unlisted.includes(resource.kind) && isNew(resource)) };
}

function quotasOf({ maxContainers, maxSandboxes }: Config): readonly (readonly [kind: Kind, most: number])[] {
  const quotas = [
    ['container', maxContainers],
    ['sandbox', maxSandboxes],
  ] as const;
  return quotas.flatMap(([kind, most]) => (most === undefined ? [] : [[kind, most] as const]));
}

function filtersOf({ labels = [], namePrefixes = [] }: Config): Filters {
  return { labels, namePrefixes };
}
