import { randomBytes } from 'node:crypto';
import { constants, renameSync, writeFileSync } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf } from './errors';
import { makeDirectory } from './make-directory';

/**
 * Writes a file so that readers see the old or the new one, never a part. Makes its directory.
 *
 * Writes into what is not a regular file (`/dev/null`, `/dev/stdout`, a pipe): replacing it would
 * take it from other programs. Replaces a symbolic link without following it: in a directory that
 * others may write to, another user may have planted it.
 * @throws the file system's errors; for a block device, an error: a report would destroy its data
 */
export async function writeWhole(path: string, text: string | Iterable<string>): Promise<void> {
  const descriptor = await descriptorOf(path);
  if (descriptor !== undefined) return writeToDescriptor(descriptor, text);
  const found = await lstat(path).catch(() => undefined);
  if (found?.isBlockDevice()) throw new Error(`${path} is a block device, which a file must not overwrite`);
  if (found?.isCharacterDevice() || found?.isFIFO()) return writeDirectly(path, constants.O_NOFOLLOW, text);
  await replace(path, text);
}

async function replace(path: string, text: string | Iterable<string>): Promise<void> {
  await makeDirectory(dirname(path));
  const unfinished = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    // Exclusive: fails if another user guessed the name and planted a link there.
    await writeFile(unfinished, text, { flag: 'wx' });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/**
 * The number of our own file descriptor that the path stands for. `/dev/stdout` is a link to
 * `/proc/self/fd/1`, which may itself be a link to a regular file.
 */
async function descriptorOf(path: string): Promise<number | undefined> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return undefined;
  for (const candidate of [path, resolve(dirname(path), target)]) {
    const directory = await realpath(dirname(candidate)).catch(() => '');
    if (directory === `/proc/${process.pid}/fd` || directory === '/dev/fd') return Number(basename(candidate));
  }
  return undefined;
}

async function writeToDescriptor(descriptor: number, text: string | Iterable<string>): Promise<void> {
  // Opening a standard stream by its path fails if it is a socket, and overwrites a file.
  const standard = { 1: process.stdout, 2: process.stderr }[descriptor];
  if (standard === undefined) return writeDirectly(`/dev/fd/${descriptor}`, 0, text);
  await pipeline(Readable.from(typeof text === 'string' ? [text] : text), standard, { end: false });
}

/** Milliseconds between two attempts at a full pipe, and without progress before giving up. */
const FULL_PIPE_MS = { pause: 20, max: 10_000 };

/** Never blocks: opening a pipe without a reader fails, and a stalled reader is given up. */
async function writeDirectly(path: string, flags: number, text: string | Iterable<string>): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | flags);
  try {
    for (const part of typeof text === 'string' ? [text] : text) await writeAll(file, Buffer.from(part));
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  for (let waitedMs = 0; written < bytes.length; ) {
    try {
      written += (await file.write(bytes, written)).bytesWritten;
      waitedMs = 0;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || waitedMs >= FULL_PIPE_MS.max) throw error;
      waitedMs += FULL_PIPE_MS.pause;
      await pause(FULL_PIPE_MS.pause);
    }
  }
}

/**
 * Writes a small file of our own at once, readable only for this user. A full disk leaves the old
 * one.
 * @throws the file system's errors
 */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
