import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import { makeDirectory } from '../lib/make-directory';

/**
 * Finds the directory of this user on this host where sessions and sweeps meet: it has their
 * leases, the sweep lock, and which images they used and left.
 *
 * Logins, cron and services must find the same one. So it is in the user database's home directory:
 * cron does not set XDG_RUNTIME_DIR, which also vanishes at logout. CLEANUP_STATE_DIRECTORY names
 * another.
 * @param warn called with a line when the named directory can't be used
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

/** A service's user may have no writable home. */
function defaultDirectories(): readonly string[] {
  const { home, user } = whoIsThis();
  const inTemporary = join(process.platform === 'win32' ? tmpdir() : '/tmp', `cleanup-action-${user}`);
  return isAbsolute(home) ? [join(home, '.local', 'state', 'cleanup-action'), inTemporary] : [inTemporary];
}

/**
 * Makes the directory.
 * @param inspect `lstat` where another user may plant a symbolic link
 * @throws when it is not a directory of this user's, to which this process can write
 */
async function usable(directory: string, inspect: typeof lstat): Promise<string> {
  await makeDirectory(dirname(directory));
  await mkdir(directory, { mode: 0o700 }).catch(() => undefined); // Checked below.
  const found = await inspect(directory);
  if (!found.isDirectory()) throw new Error(`${directory} is not a directory`);
  const self = process.getuid?.();
  if (self !== undefined && found.uid !== self) throw new Error(`${directory} belongs to another user`);
  await access(directory, constants.W_OK);
  return directory;
}

/**
 * Identifies this state directory, even if another one has the same path, user and host name:
 * containers on the host's network share its name. Written once, atomically.
 * @returns undefined if it can't be read or written
 */
export async function installationId(stateDirectory: string): Promise<string | undefined> {
  const path = join(stateDirectory, 'installation');
  const read = () => readFile(path, 'utf8').catch(() => '');
  const existing = await read();
  if (existing !== '') return existing;
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, randomUUID(), { flag: 'wx', mode: 0o600 });
    await link(temporary, path); // Fails if another process was first.
  } catch {
    // Another process's file is read below.
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return (await read()) || undefined;
}

/** A container's user may be only a number. */
export function whoIsThis(): { readonly user: string; readonly home: string } {
  try {
    const { username, homedir: home } = userInfo();
    return { user: username, home };
  } catch {
    return { user: String(process.getuid?.() ?? 'unknown'), home: homedir() };
  }
}
