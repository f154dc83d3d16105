import type { ContainerEvent, ContainerStatus } from '../../../core/container-source';
import type { PodRuns } from './runs';

/**
 * What happened to a pod's containers between two looks at it, in order.
 * @param before undefined: it is new
 * @param after undefined: it is gone
 * @param now stands in for times that nothing tells
 */
export function changesOf(before: PodRuns | undefined, after: PodRuns | undefined, now: number): readonly ContainerEvent[] {
  const known = new Map((before?.runs ?? []).map((status) => [status.container.id, status]));
  const still = new Set((after?.runs ?? []).map(({ container }) => container.id));
  const askedAt = before?.askedAt === undefined ? after?.askedAt : undefined;
  return [
    ...(after?.runs ?? []).flatMap((status) => changesOfRun(known.get(status.container.id), status, askedAt, now)),
    ...[...known.values()].flatMap(({ container }) => (still.has(container.id) ? [] : event('removed', now, container))),
  ];
}

/** @param askedAt if its pod's deletion was requested meanwhile */
function changesOfRun(
  before: ContainerStatus | undefined,
  after: ContainerStatus,
  askedAt: number | undefined,
  now: number,
): readonly ContainerEvent[] {
  const { container, phase, startedAt = now, endedAt = now, exitCode, oomKilled, reason } = after;
  const hadStarted = before !== undefined && !isUnstarted(before);
  const hadEnded = before?.phase === 'ended';
  const hasEnded = phase === 'ended' && !hadEnded;
  const end = { ...(exitCode === undefined ? {} : { exitCode }), ...(reason === undefined ? {} : { reason }) };
  return [
    ...(before === undefined ? [event('created', container.createdAt ?? now, container)] : []),
    ...(hadStarted || isUnstarted(after) ? [] : [event('started', startedAt, container)]),
    ...(askedAt === undefined || hadEnded ? [] : [event('asked', askedAt, container)]),
    ...(hasEnded && oomKilled ? [event('oom', endedAt, container)] : []),
    ...(hasEnded ? [{ ...event('died', endedAt, container), ...end }] : []),
  ];
}

function isUnstarted({ phase }: ContainerStatus): boolean {
  return phase === 'waiting' || phase === 'never started';
}

function event(kind: ContainerEvent['kind'], at: number, container: ContainerEvent['container']): ContainerEvent {
  return { kind, at, container };
}
