import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Environment } from '../../config/types';

/**
 * A directory of this user's own on this host, where the processes of the command line meet: which sessions are live, who sweeps.
 *
 * It must be the same for a login, for cron and for a service: so it is the home directory of the user database, whatever HOME and
 * XDG_RUNTIME_DIR say (which cron does not set, and which goes away at the last logout). CLEANUP_STATE_DIRECTORY names another.
 * @throws when there is none that only this user may write to
 */
export async function stateDirectory(env: Environment): Promise<string> {
  const named = env['CLEANUP_STATE_DIRECTORY'];
  if (named) return own(named);
  const { home, user } = whoIsThis();
  if (isAbsolute(home)) {
    const inHome = await own(join(home, '.local', 'state', 'cleanup-action')).catch(() => undefined);
    if (inHome !== undefined) return inHome;
  }
  // A service's user may have no home to write to.
  return own(join(process.platform === 'win32' ? tmpdir() : '/tmp', `cleanup-action-${user}`));
}

/** @throws when it is somebody else's: in a directory that all may write to, anybody could have made it */
async function own(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(directory);
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) {
    throw new Error(`${directory} belongs to another user: set CLEANUP_STATE_DIRECTORY to a directory of your own`);
  }
  return directory;
}

/**
 * Tells this state directory from all others, also where the path, the user and the host's name are the same: containers on the host's
 * network have its name, and a home of their own each. Made by whichever process comes first.
 * @returns undefined where it can't be read or written
 */
export async function installationId(stateDirectory: string): Promise<string | undefined> {
  const path = join(stateDirectory, 'installation');
  // Fails where there is one already.
  await writeFile(path, randomUUID(), { flag: 'wx', mode: 0o600 }).catch(() => undefined);
  const id = await readFile(path, 'utf8').catch(() => '');
  return id || undefined;
}

/** A container's user may have a number only. */
export function whoIsThis(): { readonly user: string; readonly home: string } {
  try {
    const { username, homedir: home } = userInfo();
    return { user: username, home };
  } catch {
    return { user: String(process.getuid?.() ?? 'unknown'), home: homedir() };
  }
}
