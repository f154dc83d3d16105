import { type Command, Option } from 'commander';
import { settings } from '../../config/settings';
import { duration } from '../../config/types';
import type { Kind, Resource } from '../../core/resource';
import {
  allOf,
  type Filters,
  inStates,
  type LiveSessionIds,
  leftoversOf,
  matchesFilters,
  ofAnySession,
  ofSession,
  olderThan,
  type Selector,
  sessionOf,
} from '../../core/selector';
import { UsageError } from './usage-error';

export const KINDS: readonly Kind[] = ['container', 'network', 'volume', 'image', 'sandbox'];

export const PROVIDER_KINDS = ['docker', 'daytona'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** What was typed to say which resources are meant. Empty lists: not asked for. */
export interface TypedFilters {
  readonly labels: Filters['labels'];
  readonly namePrefixes: readonly string[];
  readonly sessions: readonly string[];
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly states: readonly string[];
  readonly stale: boolean;
  readonly all: boolean;
  readonly providers: readonly ProviderKind[];
  readonly kinds: readonly Kind[];
}

const HEADING = 'Which (of different kinds all must hold, of the same kind one):';

/** Adds the options that say which resources are meant. */
export function addFilters(command: Command): void {
  const options = [
    new Option('--label <filter>', 'carry these labels: key or key=value, several joined by commas where all must match'),
    new Option('--name-prefix <text>', 'whose name starts so'),
    new Option('--session <id>', 'of this session'),
    new Option('--older-than <time>', 'made longer ago than this: 90m, 24h, 7d'),
    new Option('--status <state>', 'in this state, in the provider’s word: exited, paused, stopped'),
    new Option(
      '--stale',
      'left by sessions that are over: this user’s on this host (or this runner’s), and all older than --max-age',
    ),
    new Option('--all', 'everything that carries this action’s label'),
    new Option('--provider <name>', 'at this provider; it is required then').choices(PROVIDER_KINDS),
    new Option('--kind <kind>', 'of this kind').choices(KINDS),
  ];
  for (const option of options) command.addOption((option.required ? repeatable(option) : option).helpGroup(HEADING));
}

function repeatable(option: Option): Option {
  const choices = option.argChoices ?? [];
  return option.argParser((value, before: readonly string[] = []) => {
    if (choices.length > 0 && !choices.includes(value)) {
      throw new UsageError(`${option.long}: ${JSON.stringify(value)} is none; use one of ${choices.join(', ')}`);
    }
    return [...before, value];
  });
}

/** @throws {UsageError} naming the option that can't be read */
export function readFilters(options: Readonly<Record<string, unknown>>): TypedFilters {
  const list = (name: string): readonly string[] => (Array.isArray(options[name]) ? options[name] : []);
  const age = list('olderThan').map(readAge);
  return {
    labels: list('label').flatMap(readLabels),
    namePrefixes: list('namePrefix').map((prefix) => notEmpty('--name-prefix', prefix)),
    sessions: list('session').map((id) => notEmpty('--session', id)),
    // Of the same kind one is enough: the least age.
    ...(age.length > 0 ? { olderThan: Math.min(...age) } : {}),
    states: list('status').map((state) => notEmpty('--status', state)),
    stale: options['stale'] === true,
    all: options['all'] === true,
    providers: PROVIDER_KINDS.filter((name) => list('provider').includes(name)),
    kinds: KINDS.filter((kind) => list('kind').includes(kind)),
  };
}

function readAge(text: string): number {
  const age = duration.parse(text.trim(), {});
  if (age === undefined) throw new UsageError(`--older-than: ${JSON.stringify(text)} can’t be read; use ${duration.accepts}`);
  return age;
}

function readLabels(text: string): Filters['labels'] {
  const typed = notEmpty('--label', text);
  try {
    return settings.labels.type.parse(typed, {}) ?? [];
  } catch (error) {
    throw new UsageError(`--label: ${JSON.stringify(text)} can’t be read; use key or key=value, joined by commas`, {
      cause: error,
    });
  }
}

/** An empty variable of a script would select everything. */
function notEmpty(option: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`${option} is empty, which could match everything`);
  return text.trim();
}

/** Whether something was typed that selects. `--provider` and `--kind` only narrow what others select. */
export function isSelecting({ labels, namePrefixes, sessions, olderThan: age, states, stale, all }: TypedFilters): boolean {
  return all || stale || age !== undefined || [labels, namePrefixes, sessions, states].some(({ length }) => length > 0);
}

/** What filters are about, besides the resource. */
export interface FilterContext {
  /** Of this process: says which runner this is. */
  readonly sessionId: string;
  readonly live: LiveSessionIds;
  /** What else is owned, of that which carries no session's label: only `--stale` asks. */
  readonly owned: Filters;
  readonly maxAgeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Says which resources are meant: what carries a session's label, unless labels or names were typed, and all else that was typed.
 */
export function selectorOf(typed: TypedFilters, where: FilterContext): Selector {
  const { labels, namePrefixes, sessions, olderThan: age, states, kinds, providers } = typed;
  const hasAny = ({ length }: readonly unknown[]) => length > 0;
  const parts: Selector[] = [];
  if (hasAny(labels)) parts.push((resource) => matchesFilters(resource, { labels, namePrefixes: [] }));
  if (hasAny(namePrefixes)) parts.push((resource) => matchesFilters(resource, { labels: [], namePrefixes }));
  if (parts.length === 0 && !typed.stale) parts.push(ofAnySession);
  if (hasAny(sessions)) parts.push((resource) => sessions.some((id) => ofSession(id)(resource)));
  if (age !== undefined) parts.push(olderThan(age, where.now));
  if (hasAny(states)) parts.push(inStates(states));
  if (typed.stale) parts.push(staleOf(typed, where));
  if (hasAny(kinds)) parts.push(({ kind }) => kinds.includes(kind));
  if (hasAny(providers)) parts.push((resource) => providers.some((name) => isAt(name, resource)));
  return allOf(...parts);
}

/** What was typed is owned, too: `--stale` alone would leave out what carries no session's label. */
function staleOf({ labels, namePrefixes }: TypedFilters, { sessionId, live, owned, maxAgeMs, now }: FilterContext): Selector {
  const filters = { labels: [...owned.labels, ...labels], namePrefixes: [...owned.namePrefixes, ...namePrefixes] };
  return leftoversOf('stale', { sessionId, live, filters, maxAgeMs, now });
}

/** Where there are several engines, each has its address in its name. */
function isAt(provider: ProviderKind, resource: Resource): boolean {
  return resource.provider === provider || resource.provider.startsWith(`${provider} `);
}

/**
 * Leaves alone what belongs to a `run` that is in progress, unless its session or everything was asked for.
 * @param isLive asked with each listing: a run may begin meanwhile
 */
export function excludeLive(
  { all, sessions }: Pick<TypedFilters, 'all' | 'sessions'>,
  isLive: (sessionId: string) => boolean,
): Selector {
  if (all) return () => true;
  return (resource) => {
    const owner = sessionOf(resource);
    return owner === undefined || sessions.includes(owner) || !isLive(owner);
  };
}
