import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the proxy notes the names of anonymous volumes that the session's containers had. */
export function ownVolumesFile(directory: string): string {
  return join(directory, 'volumes.txt');
}

/** Reads what the proxy noted. Never throws. */
export async function readOwnVolumes(directory: string): Promise<ReadonlySet<string>> {
  const text = await readFile(ownVolumesFile(directory), 'utf8').catch(() => '');
  return new Set(text.split('\n').filter((name) => name !== ''));
}
