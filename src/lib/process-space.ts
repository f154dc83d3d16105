import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Life, lifeOf, type ProcessIdentity, startOfMachine } from './process-identity';

/** Where a process's number means something. */
export interface ProcessSpace {
  readonly hostName: string;
  /** The id of the installation; empty where the system has none. https://man7.org/linux/man-pages/man5/machine-id.5.html */
  readonly machine: string;
  /** Those in which processes are numbered and their time is counted; empty everywhere but on Linux. */
  readonly namespaces: string;
}

/** The space of this process. */
export function thisSpace(): ProcessSpace {
  return {
    hostName: hostname(),
    machine: quietly(() => readFileSync('/etc/machine-id', 'utf8').trim()),
    namespaces: quietly(() => ['pid', 'time'].map((name) => readlinkSync(`/proc/self/ns/${name}`)).join(' ')),
  };
}

export function isProcessSpace(value: unknown): value is ProcessSpace {
  if (typeof value !== 'object' || value === null) return false;
  const { hostName, machine, namespaces }: Partial<Record<keyof ProcessSpace, unknown>> = value;
  return [hostName, machine, namespaces].every((part) => typeof part === 'string');
}

/**
 * Whether a process runs that was seen in a space, as far as this process can tell from its own space. A container has process numbers of
 * its own. What ran before the machine was started anew has ended; another machine, which may have this one's host name, starts at other
 * times, too, and so does not count as the same one without its id.
 */
export function lifeIn(space: ProcessSpace, identity: ProcessIdentity, here = thisSpace()): Life {
  const { machine, namespaces } = here;
  if (space.hostName !== here.hostName) return 'unknown';
  const [start, startHere] = [identity.startedAt.split(' ')[0] ?? '', startOfMachine()];
  if (start !== startHere && start !== '' && startHere !== '') {
    return machine !== '' && machine === space.machine ? 'ended' : 'unknown';
  }
  return namespaces === space.namespaces ? lifeOf(identity) : 'unknown';
}

function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
