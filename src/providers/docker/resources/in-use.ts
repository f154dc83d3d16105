import { type Holder, InUse } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { protectionOf } from '../../../core/selector';
import { asError } from '../../../lib/errors';
import { dockerCommand, type Endpoint } from '../connection/endpoint';

export const MAX_NAMES = 5;

/**
 * A refusal that names the containers which use the resource; the engine only gives ids or nothing.
 * @param command removes the resource although it is in use
 */
export function inUseBy(
  users: readonly Resource[],
  endpoint: Endpoint,
  { command, cause }: { readonly command?: string; readonly cause?: unknown } = {},
): InUse {
  const names = users.slice(0, MAX_NAMES).map(({ name }) => name);
  const others = users.length > MAX_NAMES ? ` and ${users.length - MAX_NAMES} more` : '';
  const message = `it is in use by the ${users.length === 1 ? 'container' : 'containers'} ${names.join(', ')}${others}`;
  const reasons = users.flatMap((user) => protectionOf(user) ?? []);
  return new InUse(message, {
    holders: users.map((user) => holder(user, endpoint)),
    ...(command === undefined ? {} : { command }),
    ...(reasons.length === users.length ? { keptBecause: `${message}, which stays: ${reasons[0]}` } : {}),
    ...(cause === undefined ? {} : { cause }),
  });
}

function holder({ kind, name, id }: Resource, endpoint: Endpoint): Holder {
  return { kind, name, command: removeContainer(id, endpoint) };
}

export function removeContainer(id: string, endpoint: Endpoint): string {
  return dockerCommand(endpoint, 'rm', '--force', '--volumes', id.slice(0, 12));
}

/** The engine's refusal, if the users are unknown. */
export function refused(cause: unknown): InUse {
  return new InUse(asError(cause).message, { cause });
}
