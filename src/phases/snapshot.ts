import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../core/connection';
import type { Provider, Survey } from '../core/provider';
import { type Kind, keyOf, type Resource } from '../core/resource';
import type { Baseline } from '../core/selector';
import type { Deadline } from '../lib/deadline';

/** A baseline as its file has it. */
interface Snapshot {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Provider and kind of all that was listed. Of the others it is not known what was there. */
  readonly listed: readonly string[];
  /** By `keyOf`. Of a volume, when it was made: its id is its name, which a later volume may have again. */
  readonly resources: Readonly<Record<string, number | null>>;
}

const FILE = 'snapshot.json';

/** Milliseconds for one kind's listing. */
const LIST_TIMEOUT_MS = 10_000;

/** The same volume's time by two measurements of the engine's clock. */
const SAME_TIME_MS = 2_000;

/** Lists what all engines have now, and writes it into the session's directory: it may be too long for the runner's state. */
export async function writeSnapshot(
  directory: string,
  startedAt: number,
  connections: readonly Connection[],
  deadline: Deadline,
): Promise<void> {
  const providers = connections.flatMap((connection) => (connection.status === 'ready' ? [connection.provider] : []));
  const surveys = await Promise.all(providers.map(async (provider) => ({ provider, found: await survey(provider, deadline) })));
  const snapshot: Snapshot = {
    startedAt,
    listed: surveys.flatMap(({ provider, found }) => [...found.keys()].map((kind) => listingOf(provider.name, kind))),
    resources: Object.fromEntries(
      surveys.flatMap(({ found }) => [...found.values()].flat().map((resource) => [keyOf(resource), timeOf(resource)])),
    ),
  };
  await writeFile(join(directory, FILE), JSON.stringify(snapshot));
}

/** @throws when main did not get as far as writing it */
export async function readSnapshot(directory: string): Promise<Baseline> {
  return baselineOf(JSON.parse(await readFile(join(directory, FILE), 'utf8')));
}

/** Lists each kind of what is on an engine, whether it is cleaned or not. A kind that can't be listed is missing. Never throws. */
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

/** @throws {TypeError} for what another version wrote */
export function baselineOf({ startedAt, listed, resources }: Snapshot): Baseline {
  if (typeof startedAt !== 'number' || !Array.isArray(listed) || typeof resources !== 'object') {
    throw new TypeError(`${FILE} is not a list of what was there before`);
  }
  const kinds = new Set(listed);
  return {
    startedAt,
    had(resource) {
      if (!kinds.has(listingOf(resource.provider, resource.kind))) return undefined;
      if (!Object.hasOwn(resources, keyOf(resource))) return false;
      const [before, now] = [resources[keyOf(resource)], timeOf(resource)];
      return typeof before !== 'number' || now === null || Math.abs(now - before) <= SAME_TIME_MS;
    },
  };
}

function listingOf(provider: string, kind: Kind): string {
  return `${provider} ${kind}`;
}

function timeOf({ kind, createdAt }: Resource): number | null {
  return kind === 'volume' ? (createdAt ?? null) : null;
}
