import { type Command, Option } from 'commander';
import type { Config } from '../../config/config';
import { duration, InvalidValue, labelLine, lines, namePrefix } from '../../config/types';
import type { EvidenceOfEnd, LivenessOfSessions } from '../../core/liveness';
import { KINDS, type Kind, type Resource } from '../../core/resource';
import {
  allOf,
  evidenceOf,
  type Filters,
  inStates,
  type LeftoverContext,
  leftoverJudge,
  leftoversOf,
  matchesFilters,
  ofAnySession,
  ofSession,
  olderThan,
  type Selector,
  sessionOf,
} from '../../core/selector';
import { type ProviderName, providers } from '../../phases/providers';
import { leftoverContext } from '../../phases/selection';
import { UsageError } from '../exit';

const PROVIDER_NAMES = providers.map(({ name }) => name);

/** As commander reads the options of `addFilters`. */
export interface FilterOptions {
  readonly label?: readonly string[];
  readonly namePrefix?: readonly string[];
  readonly session?: readonly string[];
  readonly olderThan?: readonly string[];
  readonly status?: readonly string[];
  readonly stale?: boolean;
  readonly all?: boolean;
  readonly provider?: readonly ProviderName[];
  readonly kind?: readonly Kind[];
}

/** The typed filters. A filter that was not typed is empty. */
export interface TypedFilters {
  readonly labels: Filters['labels'];
  readonly namePrefixes: readonly string[];
  readonly sessions: readonly string[];
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly states: readonly string[];
  readonly stale: boolean;
  readonly all: boolean;
  readonly providers: readonly ProviderName[];
  readonly kinds: readonly Kind[];
}

const HEADING = 'Filters (different filters must all match; of a repeated filter, one is enough):';

/** Adds the options that select resources. */
export function addFilters(command: Command): void {
  const options = [
    new Option(
      '--label <filter>',
      'with this label: key or key=value, where * is a wildcard. Labels joined by commas must all match',
    ),
    new Option('--name-prefix <text>', 'with a name that starts with this; * is a wildcard'),
    new Option('--session <id>', 'of this session'),
    new Option('--older-than <time>', 'older than this: 90m, 24h, 7d'),
    new Option('--status <state>', 'in this state, in the provider’s words: exited, paused, stopped'),
    new Option(
      '--stale',
      'left behind by an ended session of this user on this host (or of this runner), or older than --max-age',
    ),
    new Option('--all', 'with this action’s label, of any session'),
    new Option('--provider <name>', 'at this provider, which must answer').choices(PROVIDER_NAMES),
    new Option('--kind <kind>', 'of this kind').choices(KINDS),
  ];
  for (const option of options) command.addOption((option.required ? repeatable(option) : option).helpGroup(HEADING));
}

function repeatable(option: Option): Option {
  const choices = option.argChoices ?? [];
  return option.argParser((value, before: readonly string[] = []) => {
    if (choices.length > 0 && !choices.includes(value)) {
      throw new UsageError(`${option.long}: ${JSON.stringify(value)} is unknown; use one of ${choices.join(', ')}`);
    }
    return [...before, value];
  });
}

/** @throws {UsageError} naming the option that can't be read */
export function readFilters(options: FilterOptions): TypedFilters {
  const { label = [], namePrefix: prefixes = [], session = [], status = [], provider = [], kind = [] } = options;
  const ages = (options.olderThan ?? []).map(readAge);
  return {
    labels: label.flatMap(readLabels),
    namePrefixes: prefixes.map(readPrefix),
    sessions: session.map((id) => notEmpty('--session', id)),
    // A resource must match one of them: take the shortest age.
    ...(ages.length > 0 ? { olderThan: Math.min(...ages) } : {}),
    states: status.map((state) => notEmpty('--status', state)),
    stale: options.stale === true,
    all: options.all === true,
    providers: PROVIDER_NAMES.filter((name) => provider.includes(name)),
    kinds: KINDS.filter((name) => kind.includes(name)),
  };
}

function readAge(text: string): number {
  const age = duration.parse(text.trim(), {});
  if (age === undefined) throw new UsageError(`--older-than: ${JSON.stringify(text)} can’t be read; use ${duration.accepts}`);
  return age;
}

function readLabels(text: string): Filters['labels'] {
  const typed = notEmpty('--label', text);
  return orUsageError('--label', () => lines.parse(typed).map(labelLine));
}

function readPrefix(text: string): string {
  const typed = notEmpty('--name-prefix', text);
  return orUsageError('--name-prefix', () => namePrefix(typed));
}

function orUsageError<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new UsageError(`${option}: ${error.message}`, { cause: error });
  }
}

/** An unset variable of a script would select everything. */
function notEmpty(option: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`${option} is empty, which could match everything`);
  return text.trim();
}

/** Whether a filter was typed. `--provider` and `--kind` only narrow the others. */
export function isSelecting({ labels, namePrefixes, sessions, olderThan: age, states, stale, all }: TypedFilters): boolean {
  return all || stale || age !== undefined || [labels, namePrefixes, sessions, states].some(({ length }) => length > 0);
}

/** Milliseconds. A shorter age excludes almost nothing. */
const MIN_AGE_MS = 60_000;

/** Whether the filters may select resources of any session: `--all`, a state or short age alone. */
export function selectsAllSessions(filters: TypedFilters): boolean {
  const { all, stale, labels, namePrefixes, sessions, olderThan: age = 0 } = filters;
  if (all) return true;
  return !stale && age < MIN_AGE_MS && [labels, namePrefixes, sessions].every(({ length }) => length === 0);
}

/** Input of filters, besides the resource. */
export interface FilterContext {
  /** This process's own session, which identifies the runner. */
  readonly sessionId: string;
  readonly liveness: LivenessOfSessions;
  /** See `Leases`. */
  readonly areLeasesKept: boolean;
  readonly config: Pick<Config, 'labels' | 'namePrefixes' | 'maxAge' | 'maxAgeFailed'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Combines all typed filters. Without labels or names, a resource must carry a session's label. */
export function selectorOf(typed: TypedFilters, context: FilterContext): Selector {
  const { labels, namePrefixes, sessions, olderThan: age, states, kinds, providers } = typed;
  const hasAny = ({ length }: readonly unknown[]) => length > 0;
  const parts: Selector[] = [({ isLayer = false }) => !isLayer];
  if (hasAny(labels)) parts.push((resource) => matchesFilters(resource, { labels, namePrefixes: [] }));
  if (hasAny(namePrefixes)) parts.push((resource) => matchesFilters(resource, { labels: [], namePrefixes }));
  if (![labels, namePrefixes].some(hasAny) && !typed.stale) parts.push(ofAnySession);
  if (hasAny(sessions)) parts.push((resource) => sessions.some((id) => ofSession(id)(resource)));
  if (age !== undefined) parts.push(olderThan(age, context.now));
  if (hasAny(states)) parts.push(inStates(states));
  if (typed.stale) parts.push(staleOf(typed, context));
  if (hasAny(kinds)) parts.push(({ kind }) => kinds.includes(kind));
  if (hasAny(providers)) parts.push((resource) => providers.some((name) => isAt(name, resource)));
  return allOf(...parts);
}

/** `--stale` also selects unlabelled resources that the labels or names of the settings match. */
function staleOf(typed: TypedFilters, context: FilterContext): Selector {
  return leftoversOf('stale', contextOf(typed, context));
}

/**
 * Selects what the filters would select if no label came from an image. Asked about resources whose
 * session's label may come from one.
 */
export function selectorOfInherited(typed: TypedFilters, context: FilterContext): Selector {
  const isSelected = selectorOf({ ...typed, stale: false }, context);
  const judge = leftoverJudge('stale', contextOf(typed, context));
  return (resource) => isSelected(resource) && (!typed.stale || judge(resource) === 'inherited-label');
}

/** Finds the evidence that the session of a resource is over: see `evidenceOf`. */
export function evidenceFor(typed: TypedFilters, context: FilterContext): (resource: Resource) => EvidenceOfEnd | undefined {
  const leftovers = contextOf(typed, context);
  return (resource) => evidenceOf(resource, leftovers);
}

function contextOf(typed: TypedFilters, { sessionId, liveness, config, now }: FilterContext): LeftoverContext {
  const { labels = [], namePrefixes = [] } = config;
  const filters = { labels: [...labels, ...typed.labels], namePrefixes: [...namePrefixes, ...typed.namePrefixes] };
  return { ...leftoverContext(config, sessionId, liveness, now), filters };
}

/** With several engines, a provider's name contains an address. */
function isAt(provider: ProviderName, resource: Resource): boolean {
  return resource.provider === provider || resource.provider.startsWith(`${provider} `);
}

/**
 * Excludes the resources of live sessions, unless `--session` names the session or `--all` is
 * given. If no leases are kept, any session may be live until its resources are older than
 * `--max-age`.
 */
export function excludeLive(
  { all, sessions }: Pick<TypedFilters, 'all' | 'sessions'>,
  { liveness, config, now, areLeasesKept }: Pick<FilterContext, 'liveness' | 'config' | 'now' | 'areLeasesKept'>,
): Selector {
  if (all) return () => true;
  const isOld = olderThan(config.maxAge, now);
  return (resource) => {
    const owner = sessionOf(resource);
    if (owner === undefined || sessions.includes(owner)) return true;
    return liveness.of(owner).state !== 'live' && (areLeasesKept || isOld(resource));
  };
}
