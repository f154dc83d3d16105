import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Life, lifeOf, type ProcessIdentity, startOfMachine } from './process-identity';
import { quietly } from './quietly';

/** The scope in which a pid is unique. */
export interface ProcessSpace {
  readonly hostName: string;
  /** The installation's id, if any: https://man7.org/linux/man-pages/man5/machine-id.5.html */
  readonly machine: string;
  /** The namespaces of pids and time; empty everywhere but on Linux. */
  readonly namespaces: string;
}

export function thisSpace(): ProcessSpace {
  return {
    hostName: hostname(),
    machine: quietly(() => readFileSync('/etc/machine-id', 'utf8').trim()) ?? '',
    namespaces: quietly(() => ['pid', 'time'].map((name) => readlinkSync(`/proc/self/ns/${name}`)).join(' ')) ?? '',
  };
}

export function isProcessSpace(value: unknown): value is ProcessSpace {
  if (typeof value !== 'object' || value === null) return false;
  const { hostName, machine, namespaces }: Partial<Record<keyof ProcessSpace, unknown>> = value;
  return [hostName, machine, namespaces].every((part) => typeof part === 'string');
}

/**
 * Whether a process seen in `space` still runs, as far as this process can tell. Pids of other
 * namespaces are unknown. A restart of the machine ends all processes, but another machine with the
 * same host name also has another start: the machine's id must match.
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
