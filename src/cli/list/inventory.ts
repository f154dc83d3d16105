import type { Sizes } from '../../core/connection';
import { labels } from '../../core/labels';
import { keyOf, type Resource } from '../../core/resource';
import { protectionOf, type Selector, sessionOf } from '../../core/selector';
import { systemClock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import { asError } from '../../lib/errors';
import { listKinds } from '../../reaper/listing';
import type { RetryPolicy } from '../../reaper/retry';
import { plainLine } from '../../report/escape';
import type { Ready } from '../host/connect';

/** One resource, as `list` tells of it. */
export interface InventoryItem {
  readonly resource: Resource;
  readonly session: string | undefined;
  /** Its session is a `run` in progress on this host. */
  readonly live: boolean;
  /** Where the run that made it can be looked at: foreign text. */
  readonly runUrl: string | undefined;
  /** Milliseconds since it was made, where the provider tells. */
  readonly ageMs: number | undefined;
  /** Bytes of disk that its removal frees; undefined where nobody knows, or nobody asked. */
  readonly size: number | undefined;
  /** Why it is never removed. */
  readonly protection: string | undefined;
}

export interface Inventory {
  readonly resources: readonly InventoryItem[];
  /** What could not be listed, and why; a line each. */
  readonly problems: readonly string[];
}

export interface ListingOptions {
  readonly selector: Selector;
  readonly withSizes: boolean;
  readonly isLive: (session: string) => boolean;
  readonly deadline: Deadline;
}

/** Milliseconds for the sizes, for which an engine walks through all its files. */
const SIZES_TIMEOUT_MS = 300_000;

const NO_SIZES: Sizes = new Map();

const NO_RETRIES: RetryPolicy = { retries: 0, delayMs: 0, factor: 1 };

/** Lists what is selected, at all providers side by side. Never throws. */
export async function listAll(connections: readonly Ready[], options: ListingOptions): Promise<Inventory> {
  const listings = await Promise.all(connections.map((connection) => listOne(connection, options)));
  return {
    resources: listings.flatMap(({ resources }) => resources),
    problems: listings.flatMap(({ problems }) => problems),
  };
}

async function listOne({ name, provider, sizes }: Ready, options: ListingOptions): Promise<Inventory> {
  const { selector, withSizes, isLive, deadline } = options;
  const problems: string[] = [];
  const tell = (what: string) => (error: unknown) => {
    problems.push(plainLine(`${name} does not tell ${what}: ${asError(error).message}`));
    return undefined;
  };
  const [listing, bytes = NO_SIZES] = await Promise.all([
    listKinds({ provider, deadline, clock: systemClock, retry: NO_RETRIES }),
    withSizes && sizes ? deadline.within(SIZES_TIMEOUT_MS, 'measuring', sizes).catch(tell('sizes')) : undefined,
  ]);
  for (const { kind, error } of listing.failures) tell(`what there is of the kind ${kind}`)(error);
  const now = systemClock.now();
  const resources = listing.resources.filter(selector).map((resource) => {
    const session = sessionOf(resource);
    return {
      resource,
      session,
      live: session !== undefined && isLive(session),
      runUrl: resource.labels[labels.runUrl],
      ageMs: resource.createdAt === undefined ? undefined : Math.max(0, now - resource.createdAt),
      size: bytes.get(keyOf(resource)),
      protection: protectionOf(resource),
    };
  });
  return { resources, problems };
}
