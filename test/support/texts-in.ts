import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What is in all files below a directory, byte for character, by path. A process may be at work there: a file that has gone since it was
 * listed, as the unfinished one of `writeWhole` does, is left out.
 */
export async function textsIn(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((file) => join(file.parentPath, file.name));
  const texts = new Map<string, string>();
  for (const path of paths) {
    const text = await readFile(path, 'latin1').catch(ifGone);
    if (text !== undefined) texts.set(path, text);
  }
  return texts;
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
