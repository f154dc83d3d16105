import type { StopOutcome } from '../../core/provider';
import { items, type Json, object, text, timeIn } from '../../lib/json-shape';

/** What a pod's status says of it. */
export interface PodStatus {
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`. */
  readonly phase: string;
  /** A container of it runs, or may. */
  readonly isRunning: boolean;
  /** Milliseconds since the epoch, by the server's clock, when its last container ended. */
  readonly endedAt?: number;
  /** Empty while no node has it. */
  readonly node: string;
  /** How it ended, if a container's end is known. */
  readonly ending?: StopOutcome;
  /** Names of its persistent volume claims. */
  readonly claims: readonly string[];
}

/** 128 + SIGKILL. */
const KILLED = 137;

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ */
const DEFAULT_GRACE_MS = 30_000;

export function podStatusOf(pod: Json): PodStatus {
  const [spec, status] = [object(pod['spec']), object(pod['status'])];
  const states = (field: string) => items(status[field]).map(({ state }) => object(state));
  const containers = states('containerStatuses');
  const runs = [...containers, ...states('initContainerStatuses')].some(({ running }) => running !== undefined);
  const ends = containers.flatMap(({ terminated }) => (terminated === undefined ? [] : [object(terminated)]));
  const endedAt = Math.max(0, ...ends.map((end) => timeIn(end['finishedAt']) ?? 0));
  const wasKilled = ends.some((end) => end['exitCode'] === KILLED);
  const phase = text(status['phase']) ?? 'Unknown';
  const node = text(spec['nodeName']) ?? '';
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  return {
    phase,
    // A node that does not answer may run it still.
    isRunning: runs || (!isOver && node !== '' && containers.length === 0) || phase === 'Unknown',
    ...(endedAt > 0 ? { endedAt } : {}),
    node,
    ...(ends.length > 0 && !runs ? { ending: wasKilled ? 'killed' : 'graceful' } : {}),
    claims: items(spec['volumes']).flatMap(({ persistentVolumeClaim }) => text(object(persistentVolumeClaim)['claimName']) ?? []),
  };
}

/** Milliseconds of grace in the spec of a pod, or in the template of what makes pods. */
export function graceOf(spec: Json): number {
  const seconds = spec['terminationGracePeriodSeconds'];
  return typeof seconds === 'number' ? seconds * 1000 : DEFAULT_GRACE_MS;
}
