import { appendFile } from 'node:fs/promises';

/** Names to note at most: a client could send others for ever. */
const MAX_NAMES = 10_000;
const MAX_NAME = 500;

/**
 * Notes each image once, one name a line, for later jobs, which remove what was unused for longest.
 * Never throws, and holds nothing up.
 * @param file see `EngineSide`
 */
export function imageNotes(file: string): (name: string) => void {
  const noted = new Set<string>();
  return (name) => {
    if (noted.has(name) || noted.size >= MAX_NAMES || name.length > MAX_NAME || /\s/.test(name)) return;
    noted.add(name);
    appendFile(file, `${name}\n`).catch(() => undefined);
  };
}
