import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from './make-directory';

/** Writes a file so that a reader sees the old one or the new one, never half of one. Makes the directory that it is in. */
export async function writeWhole(path: string, text: string | Iterable<string>): Promise<void> {
  await makeDirectory(dirname(path));
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
