import { accessSync, constants, lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** Files and directories of other users, as far as they were looked at. */
export interface ForeignFiles {
  readonly count: number;
  /** What this user can't delete, because it is in a directory that they may not write to. */
  readonly undeletable: number;
  /** Bytes of disk that this takes. */
  readonly bytes: number;
  /** False if time or the number of files ran out, or a directory can't be read. */
  readonly whole: boolean;
}

export interface ForeignSearch {
  /** Their own, by number. */
  readonly uid: number;
  /** Paths not to enter: something else is mounted there. */
  readonly mounts: ReadonlySet<string>;
  readonly maxFiles: number;
  /** Whether to end the search. */
  readonly isOver: () => boolean;
}

/** Entries between two pauses, in which other work goes on. */
const AT_ONCE = 1_000;

/** Looks through directories. Follows no link, and enters no other file system. Never throws. */
export async function findForeign(directories: readonly string[], search: ForeignSearch): Promise<ForeignFiles> {
  const { uid, mounts, maxFiles, isOver } = search;
  const found = { count: 0, undeletable: 0, bytes: 0, whole: true };
  // A workspace of the user's own need not be deleted.
  const pending = directories
    .flatMap((path) => entryAt(Buffer.from(path), () => isWritable(dirname(path))))
    .map((entry) => (entry.stats.uid === uid ? { ...entry, isFree: true } : entry));
  const devices = new Set(pending.map(({ stats: { dev } }) => dev));
  const isMount = (path: string) => mounts.has(path) && !directories.includes(path);
  const isElsewhere = ({ path, stats }: Entry) => isMount(path.toString()) || !devices.has(stats.dev);
  let seen = 0;
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    if (seen >= maxFiles || isOver()) return { ...found, whole: false };
    seen += 1;
    if (seen % AT_ONCE === 0) await setImmediate();
    if (isElsewhere(entry)) continue;
    const { stats } = entry;
    const { children, isStuck } = openedBy(entry, uid);
    if (children === undefined) found.whole = false;
    if (stats.uid !== uid) found.count += 1;
    if (isStuck) {
      found.undeletable += 1;
      found.bytes += stats.blocks * BLOCK;
    }
    pending.push(...(children ?? []));
  }
  return found;
}

/** Bytes of a block in `stat`. */
const BLOCK = 512;

/**
 * What is in an entry, and whether the user can't delete it: in a directory that they may not write
 * to, or one itself that is not empty. In a sticky one, as `/tmp` is, they may delete their own.
 * @returns no children if the directory can't be read
 */
function openedBy({ path, stats, isFree }: Entry, uid: number): { children: readonly Entry[] | undefined; isStuck: boolean } {
  if (!stats.isDirectory()) return { children: [], isStuck: !isFree };
  const isOwn = stats.uid === uid;
  const isOpen = isOwn || isWritable(path);
  const isSticky = (stats.mode & STICKY) !== 0;
  const names = namesIn(path);
  const children = names?.flatMap((name) =>
    entryAt(Buffer.concat([path, SLASH, name]), (child) => isOwn || (isOpen && (!isSticky || child.uid === uid))),
  );
  return { children, isStuck: !isFree || (!isOpen && names?.length !== 0) };
}

/** The mode's bit of a directory in which everyone deletes only their own. */
const STICKY = 0o1000;

const SLASH = Buffer.from('/');

interface Entry {
  /** Bytes: a name need not be text. */
  readonly path: Buffer;
  readonly stats: Stats;
  /** The directory that it is in lets the user delete it. */
  readonly isFree: boolean;
}

function entryAt(path: Buffer, isFree: (stats: Stats) => boolean): readonly Entry[] {
  try {
    const stats = lstatSync(path);
    return [{ path, stats, isFree: isFree(stats) }];
  } catch {
    return []; // Gone, or in a directory that may not be entered, which counts itself.
  }
}

function namesIn(directory: Buffer): readonly Buffer[] | undefined {
  try {
    return readdirSync(directory, { encoding: 'buffer' });
  } catch {
    return undefined;
  }
}

function isWritable(directory: string | Buffer): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where something is mounted on Linux; nowhere if that can't be read.
 * https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
export function mountPoints(): ReadonlySet<string> {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const unescaped = (path: string) => path.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    return new Set(lines.flatMap((line) => line.split(' ')[4] ?? []).map(unescaped));
  } catch {
    return new Set();
  }
}

/** A user and a group, by number. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Arguments of `find` that give directories with all in them to a user. Leaves alone what is mounted
 * there, links' targets, files with another name, which may be elsewhere, and device files, which
 * would open a device to the user.
 * @param change `-execdir` where someone may swap a directory for a link meanwhile; not every `find` has it
 */
export function chownArguments(
  directories: readonly string[],
  mounts: readonly string[],
  { uid, gid }: FileOwner,
  change: '-exec' | '-execdir',
): readonly string[] {
  const prune = mounts.flatMap((path) => ['-path', path.replace(/[\\*?[]/g, '\\$&'), '-prune', '-o']);
  const safe = ['(', '-type', 'd', '-o', '-links', '1', '(', '-type', 'f', '-o', '-type', 'l', ')', ')'];
  const chown = [change, 'chown', '-h', `${uid}:${gid}`, '{}', '+'];
  return [...directories, '-xdev', ...prune, ...safe, '!', '-user', String(uid), ...chown];
}
