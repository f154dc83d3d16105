import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { quietly } from './quietly';

/** Paths of a directory's JSON files; empty if it can't be read. */
export function jsonFilesIn(directory: string, prefix = ''): readonly string[] {
  const names = quietly(() => readdirSync(directory)) ?? [];
  return names.filter((name) => name.startsWith(prefix) && name.endsWith('.json')).map((name) => join(directory, name));
}

/**
 * Reads a file that may be anything: does not block on a pipe, and does not follow a link.
 * @returns undefined if it is not a regular file, or is longer than `maxBytes`
 * @throws the file system's errors
 */
export function readSmallFile(path: string, maxBytes: number): string | undefined {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const found = fstatSync(descriptor);
    return found.isFile() && found.size <= maxBytes ? readFileSync(descriptor, 'utf8') : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of files together; of one that can't be looked at, none. */
export async function bytesOf(paths: readonly string[]): Promise<number> {
  const found = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)));
  return found.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}
