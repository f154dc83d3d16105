import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../core/connection';
import type { Provider, Survey } from '../core/provider';
import { type Kind, keyOf, type Resource } from '../core/resource';
import type { Baseline } from '../core/selector';
import type { Deadline } from '../lib/deadline';

/** The content of a baseline's file. */
interface Snapshot {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Provider and kind of each complete listing. */
  readonly listed: readonly string[];
  /** By `keyOf`, with a volume's creation time, because names of volumes come again. */
  readonly resources: Readonly<Record<string, number | null>>;
  /** Provider and tag of each image's names. */
  readonly tags: readonly string[];
}

const FILE = 'snapshot.json';

/** Milliseconds to list one kind. */
const LIST_TIMEOUT_MS = 10_000;

/** Milliseconds between two measurements of the same volume's time. */
const SAME_TIME_MS = 2_000;

/** Lists everything on all engines into a file of the session's directory. */
export async function writeSnapshot(
  directory: string,
  startedAt: number,
  connections: readonly Connection[],
  deadline: Deadline,
): Promise<void> {
  const providers = connections.flatMap((connection) => (connection.status === 'ready' ? [connection.provider] : []));
  const surveys = await Promise.all(providers.map(async (provider) => ({ provider, found: await survey(provider, deadline) })));
  const resources = surveys.flatMap(({ found }) => [...found.values()].flat());
  const snapshot: Snapshot = {
    startedAt,
    listed: surveys.flatMap(({ provider, found }) => [...found.keys()].map((kind) => listingOf(provider.name, kind))),
    resources: Object.fromEntries(resources.map((resource) => [keyOf(resource), timeOf(resource)])),
    tags: resources.flatMap(({ provider, tags = [] }) => tags.map((tag) => tagKey(provider, tag))),
  };
  await writeFile(join(directory, FILE), JSON.stringify(snapshot));
}

/** @throws when main did not get so far */
export async function readSnapshot(directory: string): Promise<Baseline> {
  return baselineOf(JSON.parse(await readFile(join(directory, FILE), 'utf8')));
}

/** Lists every kind on an engine, even kinds not to clean, as far as it can. Never throws. */
export async function survey(
  { survey: surveyed }: Provider,
  deadline: Deadline,
): Promise<ReadonlyMap<Kind, readonly Resource[]>> {
  const found = new Map<Kind, readonly Resource[]>();
  const list = async (kind: Kind, { list: listKind }: Survey) => {
    try {
      found.set(kind, await deadline.within(LIST_TIMEOUT_MS, 'the listing', (signal) => listKind(kind, signal)));
    } catch {
      found.delete(kind);
    }
  };
  await Promise.all(surveyed?.kinds.map((kind) => list(kind, surveyed)) ?? []);
  return found;
}

/** @throws {TypeError} for another version's file */
export function baselineOf({ startedAt, listed, resources, tags }: Snapshot): Baseline {
  if (typeof startedAt !== 'number' || !Array.isArray(listed) || typeof resources !== 'object' || !Array.isArray(tags)) {
    throw new TypeError(`${FILE} is not a list of existing resources`);
  }
  const kinds = new Set(listed);
  const names = new Set(tags);
  return {
    startedAt,
    had(resource) {
      if (!kinds.has(listingOf(resource.provider, resource.kind))) return undefined;
      if (!Object.hasOwn(resources, keyOf(resource))) return false;
      const [before, now] = [resources[keyOf(resource)], timeOf(resource)];
      return typeof before !== 'number' || now === null || Math.abs(now - before) <= SAME_TIME_MS;
    },
    hadTag: (provider, tag) => (kinds.has(listingOf(provider, 'image')) ? names.has(tagKey(provider, tag)) : undefined),
  };
}

function listingOf(provider: string, kind: Kind): string {
  return `${provider} ${kind}`;
}

function tagKey(provider: string, tag: string): string {
  return `${provider} ${tag}`;
}

function timeOf({ kind, createdAt }: Resource): number | null {
  return kind === 'volume' ? (createdAt ?? null) : null;
}
