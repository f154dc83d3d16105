import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../core/connection';
import { type Kind, keyOf } from '../core/resource';
import { isOfOneMachine } from '../core/selector';
import { type ListingOptions, listKinds } from '../reaper/listing';

/** What was there before anything of the job was, and when that was; for `scope: job`. */
export interface Baseline {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** `keyOf` of everything. */
  readonly keys: readonly string[];
  /** Kinds that could not be listed: it is not known what was there of them. */
  readonly unlisted?: readonly Kind[];
}

const FILE = 'snapshot.json';

/** Lists what all engines have now, and writes it into the session's directory: it may be too long for the runner's state. */
export async function writeSnapshot(
  directory: string,
  startedAt: number,
  connections: readonly Connection[],
  options: Omit<ListingOptions, 'provider'>,
): Promise<void> {
  const engines = connections.flatMap((connection) =>
    connection.status === 'ready' && connection.provider.stages.flat().some(isOfOneMachine) ? connection.provider : [],
  );
  const listings = await Promise.all(engines.map((provider) => listKinds({ ...options, provider })));
  const before: Baseline = {
    startedAt,
    keys: listings.flatMap(({ resources }) => resources.map(keyOf)),
    unlisted: listings.flatMap(({ failures }) => failures.map(({ kind }) => kind)),
  };
  await writeFile(join(directory, FILE), JSON.stringify(before));
}

/** @throws when main did not get as far as writing it */
export async function readSnapshot(directory: string): Promise<Baseline> {
  return JSON.parse(await readFile(join(directory, FILE), 'utf8'));
}
