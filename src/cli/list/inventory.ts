import type { Sizes } from '../../core/connection';
import { labels } from '../../core/labels';
import type { EvidenceOfEnd, LivenessOfSessions } from '../../core/liveness';
import { KIND_NAMES, keyOf, type Resource } from '../../core/resource';
import { protectionOf, type Selector, sessionOf } from '../../core/selector';
import { systemClock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import { asError } from '../../lib/errors';
import { listKinds } from '../../reaper/listing';
import type { RetryPolicy } from '../../reaper/retry';
import { plainLine } from '../../report/escape';
import type { Ready } from '../host/connect';

/** A resource with what `list` shows about it. */
export interface InventoryItem {
  readonly resource: Resource;
  readonly session: string | undefined;
  /** Whether its session is known to be at work. */
  readonly live: boolean;
  /** Shows that its session is over. */
  readonly evidence: EvidenceOfEnd | undefined;
  /** The page of the run that made it: foreign text. */
  readonly runUrl: string | undefined;
  /** Milliseconds since its creation, if known. */
  readonly ageMs: number | undefined;
  /** Bytes of disk that its removal frees, if measured. */
  readonly size: number | undefined;
  /** Why it is never removed. */
  readonly protection: string | undefined;
}

export interface Inventory {
  readonly resources: readonly InventoryItem[];
  /** One line for each failed listing. */
  readonly problems: readonly string[];
}

export interface ListingOptions {
  readonly selector: Selector;
  readonly withSizes: boolean;
  readonly liveness: LivenessOfSessions;
  readonly evidence: (resource: Resource) => EvidenceOfEnd | undefined;
  readonly deadline: Deadline;
}

/** Milliseconds. To measure sizes, an engine walks through all its files. */
const SIZES_TIMEOUT_MS = 300_000;

const NO_SIZES: Sizes = new Map();

const NO_RETRIES: RetryPolicy = { retries: 0, delayMs: 0, factor: 1 };

/** Lists all providers side by side. Never throws. */
export async function listAll(connections: readonly Ready[], options: ListingOptions): Promise<Inventory> {
  const listings = await Promise.all(connections.map((connection) => listOne(connection, options)));
  return {
    resources: listings.flatMap(({ resources }) => resources),
    problems: listings.flatMap(({ problems }) => problems),
  };
}

async function listOne({ name, provider, sizes }: Ready, options: ListingOptions): Promise<Inventory> {
  const { selector, withSizes, liveness, evidence, deadline } = options;
  const problems: string[] = [];
  const onFailure = (what: string) => (error: unknown) => {
    problems.push(plainLine(`${name}: ${what} can’t be listed: ${asError(error).message}`));
    return undefined;
  };
  const [listing, bytes = NO_SIZES] = await Promise.all([
    listKinds({ provider, deadline, clock: systemClock, retry: NO_RETRIES }),
    withSizes && sizes ? deadline.within(SIZES_TIMEOUT_MS, 'measuring', sizes).catch(onFailure('the sizes')) : undefined,
  ]);
  for (const { kind, error } of listing.failures) onFailure(KIND_NAMES[kind])(error);
  await liveness.learn?.(listing.resources);
  const now = systemClock.now();
  const resources = listing.resources.filter(selector).map((resource) => {
    const session = sessionOf(resource);
    const live = session !== undefined && liveness.of(session).state === 'live';
    return {
      resource,
      session,
      live,
      evidence: live ? undefined : evidence(resource),
      runUrl: resource.labels[labels.runUrl],
      ageMs: resource.createdAt === undefined ? undefined : Math.max(0, now - resource.createdAt),
      size: bytes.get(keyOf(resource)),
      protection: protectionOf(resource),
    };
  });
  return { resources, problems };
}
