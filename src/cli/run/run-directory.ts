import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../lib/environment';
import { bytesOf } from '../../lib/small-file';

/** Directories of earlier runs to keep, and their bytes. */
const MAX_KEPT = 10;
const MAX_KEPT_BYTES = 500_000_000;

export interface RunDirectoryOptions {
  /** See `stateDirectory`. */
  readonly state: string | undefined;
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Directories of running sessions are kept. */
  readonly isLive: (session: string) => boolean;
  readonly env: Environment;
}

/**
 * Makes a directory for a run's label file, logs and report: `runs/<start>-<session>` in the state
 * directory. Removes all but the last few.
 *
 * Makes a temporary directory without a state directory, and in a GitHub job, where RUNNER_TEMP is
 * emptied.
 * @throws when none can be made
 */
export async function makeRunDirectory(options: RunDirectoryOptions): Promise<string> {
  const { state, sessionId, startedAt, env } = options;
  const temporary = () => mkdtemp(join(env['RUNNER_TEMP'] || tmpdir(), 'cleanup-action-'));
  if (state === undefined || env['RUNNER_TEMP']) return temporary();
  const runs = join(state, 'runs');
  try {
    await mkdir(runs, { recursive: true, mode: 0o700 });
    await removeOldest(runs, options.isLive).catch(() => undefined); // The next run tries again.
    const directory = join(runs, `${new Date(startedAt).toISOString().replaceAll(/[-:.]/g, '')}-${sessionId}`);
    await mkdir(directory, { mode: 0o700 });
    return directory;
  } catch {
    return temporary();
  }
}

/** Names begin with the time of the run. */
async function removeOldest(runs: string, isLive: (session: string) => boolean): Promise<void> {
  const names = (await readdir(runs)).toSorted().toReversed();
  let bytes = 0;
  for (const [index, name] of names.entries()) {
    const directory = join(runs, name);
    bytes += await bytesIn(directory);
    const isKept = index < MAX_KEPT && bytes <= MAX_KEPT_BYTES;
    if (!isKept && !isLive(name.slice(name.indexOf('-') + 1))) await rm(directory, { recursive: true, force: true });
  }
}

async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return bytesOf(entries.map((entry) => join(directory, entry)));
}
