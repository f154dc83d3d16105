import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The command line's bundle: the built one, or another that CLEANUP_TEST_CLI names. */
export const commandLineBundle = resolve(
  process.env['CLEANUP_TEST_CLI'] ?? join(import.meta.dirname, '..', '..', '..', 'dist', 'cli', 'index.js'),
);

/** For examples/cleanup-action.sh: where to fetch a program, and its checksum. */
export function pinned(program: string): Readonly<Record<string, string>> {
  return {
    CLEANUP_ACTION_URL: pathToFileURL(program).href,
    CLEANUP_ACTION_SHA256: createHash('sha256').update(readFileSync(program)).digest('hex'),
  };
}
