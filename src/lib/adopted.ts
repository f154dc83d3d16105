import { readFileSync } from 'node:fs';

/** Programs that adopt processes whose parent has ended, and that never start a step themselves. */
const INITS: ReadonlySet<string> = new Set([
  'systemd',
  'init',
  'launchd',
  'tini',
  'docker-init',
  'dumb-init',
  'catatonit',
  's6-svscan',
  'runit',
]);

/**
 * Whether this process's parent has ended before anyone could look at it.
 * @param parent the pid of the parent that it has now
 * @param proc where the kernel shows processes: without it, nothing is known
 */
export function isAdopted(parent: number, proc = '/proc'): boolean {
  try {
    return INITS.has(readFileSync(`${proc}/${parent}/comm`, 'utf8').trim());
  } catch {
    return false;
  }
}
