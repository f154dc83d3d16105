import type { ContainerStatus } from '../../../core/container-source';
import type { Resource } from '../../../core/resource';
import { type Json, object, text } from '../../../lib/json-shape';
import { itemsIn, type Metadata, metadataOf, timeField, timeOf } from '../objects';

/** A run of a pod's container: each start after an end is a run of its own, with a log of its own. */
export interface RunId {
  /** Of the pod. */
  readonly uid: string;
  readonly container: string;
  /** How often the container had been started before. */
  readonly run: number;
}

/** What does not stand in a pod itself. */
export interface Surroundings {
  readonly provider: string;
  readonly labels: Resource['labels'];
}

/** The runs that a pod still tells of: of each container the last one, and the one before. */
export interface PodRuns {
  readonly runs: readonly ContainerStatus[];
  /** When somebody asked for the pod's deletion. Absent for an eviction: that is a failure. */
  readonly askedAt?: number;
}

/** Reasons for waiting that do not pass without help. Kubernetes says `ImagePullBackOff` after a second failure. */
const NEVER_STARTS: ReadonlySet<string> = new Set([
  ...['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'],
]);

/** Reasons for an end that say no more than the exit code. */
const PLAIN: ReadonlySet<string> = new Set(['Completed', 'Error']);

export function textOfRun({ uid, container, run }: RunId): string {
  return `${uid}/${container}#${run}`;
}

/** @returns undefined for the id of anything else */
export function runIn(id: string): RunId | undefined {
  const [, uid, container, run] = /^([^/#]+)\/([^/#]+)#(\d+)$/.exec(id) ?? [];
  return uid === undefined || container === undefined ? undefined : { uid, container, run: Number(run) };
}

/** @returns no runs for what is no pod. All times are the cluster's, in whole seconds */
export function runsOf(pod: Json, around: Surroundings): PodRuns {
  const metadata = metadataOf(pod);
  if (metadata === undefined) return { runs: [] };
  const [spec, status] = [object(pod['spec']), object(pod['status'])];
  const disruption = itemsIn(status['conditions']).find((one) => one['type'] === 'DisruptionTarget' && one['status'] === 'True');
  const reader = new Reader(metadata, pod, text(status['reason']) ?? text(disruption?.['reason']), around);
  const runs = [...itemsIn(spec['initContainers']), ...itemsIn(spec['containers'])].flatMap((one) => reader.runsOf(one));
  const { deletedAt } = metadata;
  if (deletedAt === undefined || disruption !== undefined) return { runs };
  const graceSeconds = object(pod['metadata'])['deletionGracePeriodSeconds'];
  return { runs, askedAt: deletedAt - (typeof graceSeconds === 'number' ? graceSeconds * 1000 : 0) };
}

/** Reads the runs of one pod's containers. */
class Reader {
  readonly #metadata: Metadata;
  readonly #spec: Json;
  readonly #status: Json;
  /** Why the whole pod ended: `Evicted`. */
  readonly #podReason: string | undefined;
  readonly #around: Surroundings;

  constructor(metadata: Metadata, pod: Json, podReason: string | undefined, around: Surroundings) {
    this.#metadata = metadata;
    this.#spec = object(pod['spec']);
    this.#status = object(pod['status']);
    this.#podReason = podReason;
    this.#around = around;
  }

  /** @param container of the pod's spec */
  runsOf(container: Json): readonly ContainerStatus[] {
    const all = [...itemsIn(this.#status['initContainerStatuses']), ...itemsIn(this.#status['containerStatuses'])];
    const known = all.find(({ name }) => name === container['name']) ?? {};
    const last = typeof known['restartCount'] === 'number' ? known['restartCount'] : 0;
    const [state, before] = [object(known['state']), object(known['lastState'])];
    const endBefore = endIn(before);
    const running = state['running'];
    const end = endIn(state);
    if (running === undefined && end === undefined) {
      // It waits for its next start, or for its first.
      return [endBefore ? this.#ended(container, last, endBefore) : this.#waiting(container, last, object(state['waiting']))];
    }
    const now = end ? this.#ended(container, last, end) : this.#running(container, last, object(running));
    return endBefore && last > 0 ? [this.#ended(container, last - 1, endBefore), now] : [now];
  }

  #running(container: Json, run: number, { startedAt }: Json): ContainerStatus {
    return { ...this.#phase(container, run, 'running'), ...timeField('startedAt', timeOf(startedAt)) };
  }

  #ended(container: Json, run: number, end: Json): ContainerStatus {
    const word = text(end['reason']);
    const reason = this.#podReason ?? (word === undefined || PLAIN.has(word) ? undefined : word);
    return {
      ...this.#phase(container, run, 'ended'),
      ...timeField('startedAt', timeOf(end['startedAt'])),
      ...timeField('endedAt', timeOf(end['finishedAt'])),
      ...(typeof end['exitCode'] === 'number' ? { exitCode: end['exitCode'] } : {}),
      oomKilled: word === 'OOMKilled',
      ...(reason === undefined ? {} : { reason }),
    };
  }

  #waiting(container: Json, run: number, waiting: Json): ContainerStatus {
    const isOver = this.#status['phase'] === 'Failed';
    const reason = isOver ? (this.#podReason ?? 'Failed') : (text(waiting['reason']) ?? '');
    if (!isOver && !NEVER_STARTS.has(reason)) return this.#phase(container, run, 'waiting');
    const message = text(isOver ? this.#status['message'] : waiting['message']);
    const error = message === undefined ? reason : `${reason}: ${message}`;
    return { ...this.#phase(container, run, 'never started'), reason, error };
  }

  #phase(container: Json, run: number, phase: ContainerStatus['phase']): ContainerStatus {
    return { container: this.#resource(container, run, phase === 'running'), phase, oomKilled: false, autoRemove: false };
  }

  #resource(container: Json, run: number, running: boolean): Resource {
    const { uid, name: podName, namespace, createdAt } = this.#metadata;
    const name = text(container['name']) ?? '';
    const [only, ...others] = itemsIn(this.#spec['containers']);
    const isOnly = others.length === 0 && only?.['name'] === name;
    const image = text(container['image']);
    return {
      provider: this.#around.provider,
      kind: 'pod',
      id: textOfRun({ uid, container: name, run }),
      name: isOnly ? podName : `${podName}/${name}`,
      namespace,
      ...(image === undefined ? {} : { image }),
      state: text(this.#status['phase']) ?? 'Unknown',
      running,
      labels: this.#around.labels,
      ...(createdAt === undefined ? {} : { createdAt }),
    };
  }
}

/** How a run ended, in one of the states of a container. */
function endIn({ terminated }: Json): Json | undefined {
  return terminated === undefined || terminated === null ? undefined : object(terminated);
}
