import { type Holder, InUse, type InUseOptions } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { protectionOf } from '../../../core/selector';
import { asError } from '../../../lib/errors';
import { dockerCommand, type Endpoint } from '../connection/endpoint';
import { taskOf } from './swarm';

export const MAX_NAMES = 5;

/**
 * A refusal that names the containers which use the resource; the engine only gives ids or nothing.
 * @param command removes the resource although it is in use
 */
export function inUseBy(
  users: readonly Resource[],
  endpoint: Endpoint,
  { command, cause }: Pick<InUseOptions, 'command' | 'cause'> = {},
): InUse {
  const names = users.slice(0, MAX_NAMES).map(({ name }) => name);
  const others = users.length > MAX_NAMES ? ` and ${users.length - MAX_NAMES} more` : '';
  const message = `it is in use by the ${users.length === 1 ? 'container' : 'containers'} ${names.join(', ')}${others}`;
  const reasons = users.flatMap((user) => protectionOf(user) ?? []);
  return new InUse(message, {
    holders: users.map((user) => holder(user, endpoint)),
    command,
    ...(reasons.length === users.length ? { keptBecause: `${message}, which stays: ${reasons[0]}` } : {}),
    cause,
  });
}

/** Swarm's refusal names services, by name or id, or a task. */
const IN_USE_BY_SERVICES = /in use by (?:service|the following services?:) ([^"]+)/;

/** @returns undefined for another error than Swarm's refusal */
export function inUseByServices(cause: unknown, endpoint: Endpoint): InUse | undefined {
  const services = IN_USE_BY_SERVICES.exec(asError(cause).message)?.[1]?.trim().split(/, */);
  if (services === undefined) return undefined;
  const names = services.slice(0, MAX_NAMES).join(', ');
  const others = services.length > MAX_NAMES ? ` and ${services.length - MAX_NAMES} more` : '';
  return new InUse(`it is in use by the Swarm ${services.length === 1 ? 'service' : 'services'} ${names}${others}`, {
    holders: services.map((name) => ({ kind: 'service', name, command: dockerCommand(endpoint, 'service', 'rm', name) })),
    cause,
  });
}

function holder(user: Resource, endpoint: Endpoint): Holder {
  return { kind: user.kind, name: user.name, command: removeUser(user, endpoint) };
}

/** Removes a container, or what would make it again. */
export function removeUser(user: Resource, endpoint: Endpoint): string {
  const task = taskOf(user);
  return task ? dockerCommand(endpoint, 'service', 'rm', task.service) : removeContainer(user.id, endpoint);
}

export function removeContainer(id: string, endpoint: Endpoint): string {
  return dockerCommand(endpoint, 'rm', '--force', '--volumes', id.slice(0, 12));
}

/** The engine's refusal, if the users are unknown. */
export function refused(cause: unknown): InUse {
  return new InUse(asError(cause).message, { cause });
}
