import { InUse } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { items, type Json, object, text } from '../../../lib/json-shape';
import { shellWord } from '../../../lib/shell-word';

/** An engine's place in a swarm. */
export interface SwarmNode {
  /** `none`: nothing makes containers again. `unknown`: a proxy forbids the question. */
  readonly role: 'none' | 'manager' | 'worker' | 'unknown';
  readonly id: string | undefined;
  /** Other machines, and their users, may make what this engine lists. */
  readonly isOneOfMany: boolean;
  /** Addresses of managers, without ports. */
  readonly managers: readonly string[];
}

/** Asks which place the engine has in a swarm. */
export type AskSwarm = (signal: AbortSignal) => Promise<SwarmNode>;

/** The labels that Swarm sets on a task's container. */
export const SERVICE_LABELS = { id: 'com.docker.swarm.service.id', name: 'com.docker.swarm.service.name' } as const;

/** @param info the engine's answer to `/info` */
export function swarmNodeIn(info: Json): SwarmNode {
  const swarm = object(info['Swarm']);
  const state = swarm['LocalNodeState'];
  if (state === undefined) return { role: 'unknown', id: undefined, isOneOfMany: false, managers: [] };
  if (state === '' || state === 'inactive') return { role: 'none', id: undefined, isOneOfMany: false, managers: [] };
  const isManager = swarm['ControlAvailable'] === true;
  return {
    role: isManager ? 'manager' : 'worker',
    id: text(swarm['NodeID']),
    isOneOfMany: !isManager || swarm['Nodes'] !== 1,
    managers: items(swarm['RemoteManagers']).flatMap(({ Addr }) => text(Addr)?.replace(/:\d+$/, '') ?? []),
  };
}

/** Whether it may come from a service of the swarm that the engine is in. */
export function isOfSwarm({ kind, service, anonymous = false, shared }: Resource): boolean {
  if (kind === 'service' || kind === 'secret' || kind === 'config') return true;
  return service !== undefined || shared === true || (kind === 'volume' && !anonymous);
}

/**
 * The service of a Swarm task's container, whose name is `<service>.<slot>.<task id>`. Images made
 * from it have the same labels, so that labels alone prove nothing.
 * https://docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states/
 */
export function taskOf({ name, labels }: Resource): { readonly service: string; readonly serviceId: string } | undefined {
  const task = labels['com.docker.swarm.task.id'];
  if (!task || !name.endsWith(`.${task}`)) return undefined;
  const service = labels[SERVICE_LABELS.name];
  const serviceId = labels[SERVICE_LABELS.id] ?? service;
  return serviceId ? { service: service ?? serviceId, serviceId } : undefined;
}

/**
 * A refusal of an engine that can't change the swarm. The command is for another one: it names no host.
 * @param managers addresses, if known
 */
export function onlyOnManagers(
  why: string,
  words: readonly string[],
  { managers = [], cause }: { readonly managers?: readonly string[]; readonly cause?: unknown } = {},
): InUse {
  const where = managers.length > 0 ? ` (${managers.join(', ')})` : '';
  const command = ['docker', ...words].map(shellWord).join(' ');
  return new InUse(`${why}: run the command on a manager of the swarm${where}`, { command, cause });
}
