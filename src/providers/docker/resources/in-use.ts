import { asError } from '../../../lib/errors';

/** Something else uses it: asking again does not help before that is gone. */
export class InUse extends Error {
  override readonly name = 'InUse';
}

/** More names than these tell nobody more. */
export const MAX_NAMES = 5;

/**
 * A refusal, the engine's or ours, with the names of those who use it. The engine's own message has their ids, or nothing.
 * @param users names of containers
 */
export function inUseBy(users: readonly string[], cause?: unknown): InUse {
  const names = users.slice(0, MAX_NAMES).join(', ');
  const others = users.length > MAX_NAMES ? ` and ${users.length - MAX_NAMES} more` : '';
  return new InUse(
    `it is in use by the ${users.length === 1 ? 'container' : 'containers'} ${names}${others}`,
    cause === undefined ? {} : { cause },
  );
}

/** The refusal where nobody is known who uses it: as the engine says it. */
export function refused(cause: unknown): InUse {
  return new InUse(asError(cause).message, { cause });
}
