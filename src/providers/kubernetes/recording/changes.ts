import type { ContainerEvent, ContainerStatus } from '../../../core/container-source';

/**
 * What happened to a pod's containers between two looks at it, in order.
 * @param before the runs of its containers; none if it is new
 * @param after none if it is gone
 * @param now stands in for times that nothing tells
 */
export function changesOf(
  before: readonly ContainerStatus[] = [],
  after: readonly ContainerStatus[] = [],
  now: number,
): readonly ContainerEvent[] {
  const known = new Map(before.map((status) => [status.container.id, status]));
  const still = new Set(after.map(({ container }) => container.id));
  return [
    ...after.flatMap((status) => changesOfRun(known.get(status.container.id), status, now)),
    ...[...known.values()].flatMap(({ container }) => (still.has(container.id) ? [] : event('removed', now, container))),
  ];
}

function changesOfRun(before: ContainerStatus | undefined, after: ContainerStatus, now: number): readonly ContainerEvent[] {
  const { container, startedAt = now, endedAt = now, askedAt, oomKilled, exitCode, reason, error } = after;
  const hadStarted = before !== undefined && !isUnstarted(before);
  const hadEnded = before !== undefined && isOver(before);
  const hasEnded = isOver(after) && !hadEnded;
  const isAsked = askedAt !== undefined && before?.askedAt === undefined && !hadEnded;
  const end = {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
  };
  return [
    ...(before === undefined ? [event('created', container.createdAt ?? now, container)] : []),
    ...(hadStarted || isUnstarted(after) ? [] : [event('started', startedAt, container)]),
    ...(isAsked ? [event('asked', askedAt, container)] : []),
    ...(hasEnded && oomKilled ? [event('oom', endedAt, container)] : []),
    ...(hasEnded ? [{ ...event('died', endedAt, container), ...end }] : []),
  ];
}

/** A start that has failed has an exit code; one that may still succeed has none. */
function isOver({ phase, exitCode }: ContainerStatus): boolean {
  return phase === 'ended' || (phase === 'never started' && exitCode !== undefined);
}

function isUnstarted({ phase }: ContainerStatus): boolean {
  return phase === 'waiting' || phase === 'never started';
}

function event(kind: ContainerEvent['kind'], at: number, container: ContainerEvent['container']): ContainerEvent {
  return { kind, at, container };
}
