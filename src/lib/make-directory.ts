import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './errors';

/**
 * Makes a directory and its parents. Node's own `recursive` loops for ever in places like `/proc`:
 * https://github.com/nodejs/node/issues/31481
 * @throws the file system's errors
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await makeOne(path);
  }
}

/** Accepts any existing file: using it as a directory fails later. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}
