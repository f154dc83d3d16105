import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Environment } from '../../lib/environment';
import { asError } from '../../lib/errors';
import { makeDirectory } from '../../lib/make-directory';

/**
 * Finds the directory of this user on this host where the processes of the command line meet: which sessions are live, who sweeps.
 *
 * It must be the same for a login, for cron and for a service. So it is below the home directory of the user database, whatever HOME and
 * XDG_RUNTIME_DIR say: cron does not set the latter, and it goes away at the last logout. CLEANUP_STATE_DIRECTORY names another.
 * @param warn called with a line when the directory that was named can't be used
 * @returns undefined when no directory can be trusted
 */
export async function stateDirectory(env: Environment, warn: (line: string) => void): Promise<string | undefined> {
  const named = env['CLEANUP_STATE_DIRECTORY'];
  if (named) {
    try {
      return await usable(named, stat);
    } catch (error) {
      warn(`CLEANUP_STATE_DIRECTORY is not used: ${asError(error).message}`);
    }
  }
  for (const directory of defaultDirectories()) {
    const found = await usable(directory, lstat).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A service's user may have no home to write to. */
function defaultDirectories(): readonly string[] {
  const { home, user } = whoIsThis();
  const inTemporary = join(process.platform === 'win32' ? tmpdir() : '/tmp', `cleanup-action-${user}`);
  return isAbsolute(home) ? [join(home, '.local', 'state', 'cleanup-action'), inTemporary] : [inTemporary];
}

/**
 * Makes the directory where it is missing.
 * @param inspect `lstat` where another user may have planted a symbolic link
 * @throws when it is not a directory that only this user can write to
 */
async function usable(directory: string, inspect: typeof lstat): Promise<string> {
  await makeDirectory(dirname(directory));
  await mkdir(directory, { mode: 0o700 }).catch(() => undefined); // Whether it is there is asked next.
  const found = await inspect(directory);
  if (!found.isDirectory()) throw new Error(`${directory} is not a directory`);
  const self = process.getuid?.();
  if (self !== undefined && found.uid !== self) throw new Error(`${directory} belongs to another user`);
  await access(directory, constants.W_OK);
  return directory;
}

/**
 * Tells this state directory from all others, also where the path, the user and the host's name are the same: containers on the host's
 * network have its name, and each has a home of its own. The first process makes it; no process ever reads half of it.
 * @returns undefined where it can't be read or written
 */
export async function installationId(stateDirectory: string): Promise<string | undefined> {
  const path = join(stateDirectory, 'installation');
  const read = () => readFile(path, 'utf8').catch(() => '');
  const existing = await read();
  if (existing !== '') return existing;
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, randomUUID(), { flag: 'wx', mode: 0o600 });
    await link(temporary, path); // Fails where another process was first.
  } catch {
    // Read below: what is there now, if anything, is another process's.
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return (await read()) || undefined;
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
