import { realpath } from 'node:fs/promises';
import type { Connection } from '../core/connection';
import type { GiveBack, Helper } from '../core/give-back';
import { labels } from '../core/labels';
import type { Resource } from '../core/resource';
import type { RunProgram } from '../core/run-program';
import type { Selector } from '../core/selector';
import type { Deadline } from '../lib/deadline';
import { asError } from '../lib/errors';
import { chownArguments, type FileOwner, type ForeignFiles, findForeign, mountPoints } from '../lib/foreign-files';
import { shellWord } from '../lib/shell-word';
import type { WorkspaceReport } from '../report/model';
import type { Selection } from './selection';

/** Directories that a command names: one that fits a screen. */
const MAX_NAMED = 20;

/** Files to look at. A million take some seconds. */
const MAX_FILES = 1_000_000;

/** The time for a look and for giving back: milliseconds at most, and a share of the remaining deadline at most. */
const LIMITS = { look: { ms: 10_000, share: 0.1 }, restore: { ms: 60_000, share: 0.5 }, removal: { ms: 10_000 } };

/** What the session's containers could write to, and the images that they were made from. */
export class BindSources {
  readonly #paths: Set<string>;
  readonly #images = new Set<string>();

  constructor(noted: readonly string[]) {
    this.#paths = new Set(noted);
  }

  get paths(): readonly string[] {
    return [...this.#paths];
  }

  get images(): readonly string[] {
    return [...this.#images];
  }

  /** A selection that takes them from the listings, too. */
  watching(selection: Selection): Selection {
    return {
      ...selection,
      learn: async (listed) => {
        this.#learn(listed, selection.selector);
        await selection.learn?.(listed);
      },
    };
  }

  #learn(listed: readonly Resource[], isOwned: Selector): void {
    for (const container of listed) {
      if (container.kind !== 'container' || container.binds === undefined || !isOwned(container)) continue;
      for (const path of container.binds) this.#paths.add(path);
      if (container.imageId) this.#images.add(container.imageId);
    }
  }
}

export interface WorkspaceCheck {
  /** The workspace's path; undefined if it is not to be looked at. */
  readonly path: string | undefined;
  readonly restore: boolean;
  readonly sources: BindSources;
  readonly connections: readonly Connection[];
  readonly sessionId: string | undefined;
  readonly runProgram: RunProgram | undefined;
  readonly deadline: Deadline;
}

/**
 * Looks for files that the session's containers left to other users in the workspace, and gives them
 * back if that is wanted.
 * @returns undefined if there is nothing to report
 */
export async function checkWorkspace(check: WorkspaceCheck): Promise<WorkspaceReport | undefined> {
  const { path, restore, sources } = check;
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (path === undefined || uid === 0 || process.platform !== 'linux') return undefined;
  const directories = await mountedFrom(path, sources.paths);
  if (directories.length === 0) return undefined;
  const before = await look(directories, uid, check);
  const helpers = new Map<string, Helper>();
  const problem = restore && before.count > 0 ? await give({ directories, uid, gid, helpers }, check) : null;
  const after = restore && before.count > 0 ? await look(directories, uid, check) : before;
  const restored = Math.max(0, before.count - after.count);
  if (after.undeletable === 0 && restored === 0 && after.whole && helpers.size === 0) return undefined;
  const { undeletable, bytes, whole } = after;
  return {
    path,
    undeletable,
    bytes,
    restored,
    whole,
    ...(undeletable === 0 ? { problem: null, command: null } : { problem, ...commandFor(directories, { uid, gid }) }),
    ...(helpers.size === 0 ? {} : { helpers: [...helpers].map(([name, helper]) => ({ name, ...helper })) }),
  };
}

/** Gives directories to a user by hand. Never a directory around them: not all that is in it was mounted. */
function commandFor(directories: readonly string[], { uid, gid }: FileOwner): Pick<WorkspaceReport, 'command' | 'omitted'> {
  const named = directories.slice(0, MAX_NAMED);
  const omitted = directories.length - named.length;
  return {
    command: `sudo chown -hR ${[`${uid}:${gid}`, ...named.map(shellWord)].join(' ')}`,
    ...(omitted === 0 ? {} : { omitted }),
  };
}

/**
 * The parts of the workspace that were mounted, none in another. A source that leads elsewhere by now
 * is none, nor is one on another mount; a source around the workspace is all of it.
 */
async function mountedFrom(workspace: string, sources: readonly string[]): Promise<readonly string[]> {
  const root = await realpath(workspace).catch(() => undefined);
  if (root === undefined || root === '/') return [];
  const real = await Promise.all(sources.map((source) => realpath(source).catch(() => undefined)));
  const within = real.flatMap((path) => (path === undefined ? [] : isIn(path, root) ? path : isIn(root, path) ? root : []));
  const others = [...mountPoints()].filter((mount) => mount !== root && isIn(mount, root));
  const all = [...new Set(within)].filter((path) => !others.some((mount) => isIn(path, mount)));
  return all.filter((path) => !all.some((other) => other !== path && isIn(path, other))).sort();
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

async function look(directories: readonly string[], uid: number, { deadline }: WorkspaceCheck): Promise<ForeignFiles> {
  const ms = Math.min(LIMITS.look.ms, deadline.remaining() * LIMITS.look.share);
  const end = deadline.remaining() - ms;
  const isOver = () => deadline.remaining() <= end;
  return findForeign(directories, { uid, mounts: mountPoints(), maxFiles: MAX_FILES, isOver });
}

/** Gives the directories to the user: by an engine, or else by sudo. @returns why it failed */
async function give(
  { directories, uid, gid, helpers }: Pick<GiveBack, 'directories' | 'uid' | 'gid' | 'helpers'>,
  { connections, sources, sessionId, runProgram, deadline }: WorkspaceCheck,
): Promise<string | null> {
  const mounts = [...mountPoints()].filter((mount) => directories.some((path) => mount !== path && isIn(mount, path)));
  const request: GiveBack = {
    directories,
    mounts,
    uid,
    gid,
    labels: sessionId === undefined ? {} : { [labels.session]: sessionId },
    images: sources.images,
    helpers,
  };
  const ways = [
    ...connections.flatMap((connection) =>
      connection.status === 'ready' && connection.giveBack ? [withRequest(connection.giveBack, request)] : [],
    ),
    ...(runProgram ? [(signal: AbortSignal) => bySudo(runProgram, request, signal)] : []),
  ];
  const problems: string[] = [];
  for (const way of ways) {
    const ms = Math.min(LIMITS.restore.ms, deadline.remaining() * LIMITS.restore.share);
    let work: Promise<void> | undefined;
    const begin = (signal: AbortSignal) => {
      work = way(signal);
      return work;
    };
    try {
      await deadline.within(ms, 'giving files back', begin);
      return null;
    } catch (error) {
      problems.push(asError(error).message);
      // A helper that ran out of time is still being removed.
      await deadline.within(LIMITS.removal.ms, 'removing the helper', async () => work).catch(() => undefined);
    }
  }
  return problems.join('; ');
}

function withRequest(giveBack: NonNullable<Extract<Connection, { status: 'ready' }>['giveBack']>, request: GiveBack) {
  return (signal: AbortSignal) => giveBack(request, signal);
}

async function bySudo(runProgram: RunProgram, { directories, mounts, uid, gid }: GiveBack, signal: AbortSignal): Promise<void> {
  const find = chownArguments(directories, mounts, { uid, gid }, '-execdir');
  const { exitCode, stderr } = await runProgram('sudo', ['-n', 'find', ...find], { signal });
  if (exitCode !== 0) throw new Error(`sudo: ${stderr.trim().split('\n')[0] || `exit code ${exitCode}`}`);
}
