import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../core/connection';
import { keyOf } from '../core/resource';
import { isOfOneMachine } from '../core/selector';
import type { Deadline } from '../lib/deadline';

/** What was there before anything of the job was, and when that was; for `scope: job`. */
export interface Baseline {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** `keyOf` of everything. */
  readonly keys: readonly string[];
}

const FILE = 'snapshot.json';

/** Milliseconds for one provider's listing. */
const LIST_TIMEOUT_MS = 30_000;

/** Lists what all engines have now, and writes it into the session's directory: it may be too long for the runner's state. */
export async function writeSnapshot(
  directory: string,
  startedAt: number,
  connections: readonly Connection[],
  deadline: Deadline,
): Promise<void> {
  const listings = await Promise.all(
    connections.map((connection) =>
      connection.status === 'ready' && connection.provider.stages.flat().some(isOfOneMachine)
        ? deadline.within(LIST_TIMEOUT_MS, 'listing', (signal) => connection.provider.list(signal))
        : [],
    ),
  );
  const before: Baseline = { startedAt, keys: listings.flat().map(keyOf) };
  await writeFile(join(directory, FILE), JSON.stringify(before));
}

/** @throws when main did not get as far as writing it */
export async function readSnapshot(directory: string): Promise<Baseline> {
  return JSON.parse(await readFile(join(directory, FILE), 'utf8'));
}
