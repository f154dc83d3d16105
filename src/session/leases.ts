import { randomUUID } from 'node:crypto';
import { lstatSync, rmSync, statSync } from 'node:fs';
import { chmod, lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isUnique } from '../core/labels';
import type { LeaseWord } from '../core/liveness';
import type { Filters, LabelFilter } from '../core/selector';
import { writeWhole } from '../lib/atomic-file';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import { codeOf } from '../lib/errors';
import { isProcessIdentity, type ProcessIdentity } from '../lib/process-identity';
import { isProcessSpace, lifeIn, type ProcessSpace, thisSpace } from '../lib/process-space';
import { quietly } from '../lib/quietly';
import { jsonFilesIn, readSmallFile } from '../lib/small-file';
import { MAX_JOB_MS, SESSION_FILE_NAME } from './job-sessions';
import { stateDirectory } from './state-directory';

/** A session at work on this host, and the resources that it may claim. */
export interface Lease {
  readonly session: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The engines' own ids. */
  readonly engines: readonly string[];
  readonly filters: Filters;
  /** The file in which its proxy notes the images that it uses. */
  readonly imageNotes?: string;
}

/** A lease and the conditions of its end. */
export interface HeldLease extends Lease {
  /** The session is over when this process, the runner's Worker or `run`, has ended. */
  readonly keeper: ProcessIdentity;
  /**
   * In a job: the session may be over when this directory is gone. Runners empty it for each job;
   * other programs run all jobs in one process.
   */
  readonly directory?: string;
}

/** The content of a lease's file. */
interface LeaseFile extends HeldLease {
  /** The space of the keeper's pid. */
  readonly space: ProcessSpace;
  /** The session has ended, and may have left resources. */
  readonly hasEnded?: boolean;
}

/** Directories with one file for each session. */
export interface LeasePlaces {
  /** Writable only for this user and root. Undefined without such a place. */
  readonly own: string | undefined;
  /** Shared by all users of a host: anyone may put a file there. */
  readonly shared: string;
}

/** Larger files are not ours. Their number has no limit: anyone may put files there, and behind a limit they would hide a live session. */
const MAX_BYTES = 256 * 1024;

/** Users may remove only their own files. */
const SHARED_DIRECTORY = 0o1777;
const OWN_DIRECTORY = 0o700;

/** Milliseconds that an ended session is remembered: longer than any `max-age`. */
const MAX_REMEMBERED_MS = 30 * 24 * 60 * 60 * 1000;

/** @param state see `stateDirectory` */
export function leasePlaces(state: string | undefined, { PUBLIC }: Environment): LeasePlaces {
  return {
    own: state === undefined ? undefined : join(state, 'leases'),
    shared: join(process.platform === 'win32' ? PUBLIC || tmpdir() : '/tmp', 'cleanup-action-leases'),
  };
}

/**
 * Opens the leases of this host's sessions.
 * @param warn see `stateDirectory`
 */
export async function openLeases(env: Environment, clock: Pick<Clock, 'now'>, warn: (line: string) => void): Promise<Leases> {
  return new Leases(leasePlaces(await stateDirectory(env, warn), env), clock);
}

/**
 * Knows which sessions are at work on this host, and which are over. Any lease can show that a
 * session is at work: a planted one only spares resources. Only a lease that no other user could
 * write can show that a session is over.
 */
export class Leases {
  readonly #places: LeasePlaces;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #here: ProcessSpace;

  constructor(places: LeasePlaces, clock: Pick<Clock, 'now'>, here = thisSpace()) {
    this.#places = places;
    this.#clock = clock;
    this.#here = here;
  }

  /** False: sessions of this user may be at work without a lease. */
  get areKept(): boolean {
    return this.#places.own !== undefined;
  }

  /**
   * Takes a lease in both places.
   * @throws the file system's errors, and when another user's file is in the way
   */
  async take(lease: HeldLease): Promise<void> {
    const { own, shared } = this.#places;
    const file: LeaseFile = { ...lease, space: this.#here };
    const taken = await Promise.allSettled([own === undefined ? undefined : this.#takeOwn(own, file), takeShared(shared, file)]);
    for (const result of taken) if (result.status === 'rejected') throw result.reason;
  }

  async #takeOwn(directory: string, file: LeaseFile): Promise<void> {
    await mkdir(directory, { mode: OWN_DIRECTORY }).catch(() => undefined); // The write below reports it.
    this.#forgetOld(directory);
    await writeWhole(pathOf(directory, file.session), JSON.stringify(file));
  }

  /**
   * Ends a lease.
   * @param isClean whether the session has left nothing: then its end need not be remembered
   */
  async release(session: string, isClean: boolean): Promise<void> {
    const { own, shared } = this.#places;
    await rm(pathOf(shared, session), { force: true });
    if (own === undefined) return;
    const path = pathOf(own, session);
    const file = quietly(() => readLease(path, this.#here));
    if (isClean || file === undefined) await rm(path, { force: true });
    else await writeWhole(path, JSON.stringify({ ...file, hasEnded: true } satisfies LeaseFile));
  }

  /** Reads the leases of a session, whose id is foreign text. Never throws. */
  wordOf(session: string): LeaseWord {
    if (!SESSION_FILE_NAME.test(session)) return undefined;
    const { own, shared } = this.#places;
    const ownFile = own === undefined ? undefined : this.#read(own, session);
    const ownWord = ownFile && this.#wordIn(ownFile);
    const sharedFile = this.#read(shared, session);
    const words = [ownWord, sharedFile && this.#wordIn(sharedFile)];
    if (words.includes('live')) return 'live';
    if (words.includes('unknown')) return 'unknown';
    return ownWord === 'over' && own !== undefined && isUnique(session) && isOnlyOurs(own) ? 'over' : undefined;
  }

  /** Sessions that may be at work on this host. Removes leases of ended ones. Never throws. */
  atWork(): readonly Lease[] {
    const leases: Lease[] = [];
    for (const path of jsonFilesIn(this.#places.shared)) {
      const file = quietly(() => readLease(path, this.#here));
      if (file === undefined) continue;
      const word = this.#wordIn(file);
      if (word === 'live' || (word === 'unknown' && !this.#isOlderThan(MAX_JOB_MS, file))) {
        const { session, since, engines, filters, imageNotes } = file;
        leases.push({ session, since, engines, filters, ...(imageNotes === undefined ? {} : { imageNotes }) });
      } else if (word !== 'unknown') quietly(() => rmSync(path, { force: true })); // It may be another user's.
    }
    return leases;
  }

  #read(directory: string, session: string): LeaseFile | undefined {
    const file = quietly(() => readLease(pathOf(directory, session), this.#here));
    return file?.session === session ? file : undefined;
  }

  #wordIn(file: LeaseFile): LeaseWord {
    const { hasEnded, space, keeper, directory } = file;
    const life = hasEnded ? 'ended' : lifeIn(space, keeper, this.#here);
    if (life === 'ended') return 'over';
    if (directory !== undefined && (!isThere(directory) || this.#isOlderThan(MAX_JOB_MS, file))) return undefined;
    return life === 'alive' ? 'live' : 'unknown';
  }

  #isOlderThan(ms: number, { since }: LeaseFile): boolean {
    return this.#clock.now() - since > ms;
  }

  #forgetOld(directory: string): void {
    for (const path of jsonFilesIn(directory)) {
      const file = quietly(() => readLease(path, this.#here));
      const isOver = file !== undefined && this.#wordIn(file) === 'over';
      if (isOver && this.#isOlderThan(MAX_REMEMBERED_MS, file)) quietly(() => rmSync(path, { force: true }));
    }
  }
}

/** Writes without following a link or replacing another's file. */
async function takeShared(directory: string, file: LeaseFile): Promise<void> {
  await mkdir(directory).then(
    () => chmod(directory, SHARED_DIRECTORY), // mkdir applies the umask.
    () => undefined, // Checked below.
  );
  if (!(await lstat(directory)).isDirectory()) throw new Error(`${directory} is not a directory`);
  const path = pathOf(directory, file.session);
  const unfinished = `${path}.${randomUUID()}`;
  try {
    await writeFile(unfinished, JSON.stringify(file), { flag: 'wx', mode: 0o644 });
    // Replaces what a killed session with the same hand-chosen id has left. Another user's file stays: the directory is sticky.
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

function pathOf(directory: string, session: string): string {
  return join(directory, `${session}.json`);
}

/** Whether only this user and root can write to the directory. Windows sees to that itself. */
function isOnlyOurs(directory: string): boolean {
  const self = process.getuid?.();
  if (self === undefined) return true;
  const found = quietly(() => lstatSync(directory));
  return found?.isDirectory() === true && [self, 0].includes(found.uid) && (found.mode & 0o077) === 0;
}

/** False only if it is surely gone: another user's directory may be unreadable. */
function isThere(directory: string): boolean {
  try {
    return statSync(directory).isDirectory();
  } catch (error) {
    return codeOf(error) !== 'ENOENT';
  }
}

/**
 * @returns undefined if the file is not a lease, or is another host's (hosts may share a directory)
 * @throws when it can't be read
 */
function readLease(path: string, here: ProcessSpace): LeaseFile | undefined {
  const file = leaseIn(JSON.parse(readSmallFile(path, MAX_BYTES) ?? 'null'));
  return file?.space.hostName === here.hostName ? file : undefined;
}

function leaseIn(value: unknown): LeaseFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { session, since, engines, filters, keeper, directory, space, hasEnded, imageNotes }: Partial<LeaseFile> = value;
  if (typeof session !== 'string' || typeof since !== 'number' || !isProcessSpace(space)) return undefined;
  if (directory !== undefined && typeof directory !== 'string') return undefined;
  if (!isProcessIdentity(keeper) || !isListOf(engines, isText) || !areFilters(filters)) return undefined;
  const optional = {
    ...(directory === undefined ? {} : { directory }),
    ...(isText(imageNotes) ? { imageNotes } : {}),
    ...(hasEnded === true ? { hasEnded } : {}),
  };
  return { session, since, engines, filters, keeper, space, ...optional };
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
