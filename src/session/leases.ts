import { lstatSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { chmod, lstat, mkdir, open, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Filters, LabelFilter } from '../core/selector';
import type { Environment } from '../lib/environment';
import { isAlive, isProcessIdentity, type ProcessIdentity } from '../lib/process-identity';

/** A session at work on this host, with what tells which resources it may claim. */
export interface Lease {
  readonly session: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The engines' own ids. */
  readonly engines: readonly string[];
  readonly filters: Filters;
}

/** A lease, and what it lives by. */
export interface HeldLease extends Lease {
  /** The session is over when this process has ended: the runner's Worker, or `run`. */
  readonly keeper: ProcessIdentity;
  /** The session is over when this directory is gone: the runner empties it for each job. */
  readonly directory: string;
}

/**
 * The one place that all users of a host share. Anyone may put a file there: a lease can at most spare a resource, never condemn
 * one.
 */
export function leaseDirectory({ PUBLIC }: Environment): string {
  return join(process.platform === 'win32' ? PUBLIC || tmpdir() : '/tmp', 'cleanup-action-leases');
}

/** Files beyond this number or size are not ours. */
const MAX_FILES = 1_000;
const MAX_BYTES = 256 * 1024;

/** Each user of the directory may remove only own files in it. */
const SHARED_DIRECTORY = 0o1777;

/** @throws what the system says, and when another user has put something else in the directory's place */
export async function takeLease(directory: string, lease: HeldLease): Promise<void> {
  await mkdir(directory).then(
    () => chmod(directory, SHARED_DIRECTORY), // What mkdir is told goes through the umask.
    () => undefined, // Whether it is a directory is asked next.
  );
  if (!(await lstat(directory)).isDirectory()) throw new Error(`${directory} is not a directory`);
  const file = await open(pathOf(directory, lease.session), 'wx', 0o644);
  try {
    await file.writeFile(JSON.stringify({ ...lease, host: hostname() }));
  } finally {
    await file.close();
  }
}

export async function releaseLease(directory: string, session: string): Promise<void> {
  await rm(pathOf(directory, session), { force: true });
}

/** The leases of sessions that are live, read anew. Removes those of sessions that are over, where it may. Never throws. */
export function liveLeases(directory: string): readonly Lease[] {
  return filesIn(directory).flatMap((path) => {
    try {
      const lease = readLease(path);
      if (lease === undefined || isLive(lease)) return lease ?? [];
      rmSync(path, { force: true });
    } catch {
      return []; // It is not ours, or went meanwhile.
    }
    return [];
  });
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .slice(0, MAX_FILES)
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function pathOf(directory: string, session: string): string {
  return join(directory, `${session}.json`);
}

/** @throws when it can't be read */
function readLease(path: string): HeldLease | undefined {
  const found = lstatSync(path);
  return found.isFile() && found.size <= MAX_BYTES ? leaseIn(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}

function isLive({ keeper, directory }: HeldLease): boolean {
  return isAlive(keeper) && isThere(directory);
}

/** False only when it is known to be gone: another user's directory may be closed to us. */
function isThere(directory: string): boolean {
  try {
    return statSync(directory).isDirectory();
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
}

/** The lease that a file holds. Undefined for a file that is not one, and for one of another host: hosts may share a directory. */
function leaseIn(value: unknown): HeldLease | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { host, session, since, engines, filters, keeper, directory } = value as Partial<HeldLease & { readonly host: string }>;
  if (host !== hostname() || typeof session !== 'string' || typeof since !== 'number' || typeof directory !== 'string')
    return undefined;
  if (!isProcessIdentity(keeper) || !isListOf(engines, isText) || !areFilters(filters)) return undefined;
  return { session, since, engines, filters, keeper, directory };
}

function areFilters(value: unknown): value is Filters {
  if (typeof value !== 'object' || value === null || !('labels' in value && 'namePrefixes' in value)) return false;
  return isListOf(value.labels, (line) => isListOf(line, isLabelFilter)) && isListOf(value.namePrefixes, isText);
}

function isLabelFilter(value: unknown): value is LabelFilter {
  if (typeof value !== 'object' || value === null || !('key' in value)) return false;
  return isText(value.key) && (!('value' in value) || isText(value.value));
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[];
function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean;
function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
