import type { ContainerStatus } from '../../../core/container-source';
import type { Resource } from '../../../core/resource';
import { field, items, type Json, object, text, timeIn } from '../../../lib/json-shape';
import { type Metadata, metadataOf } from '../objects';

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

/** Reasons for waiting that do not pass without help. Kubernetes says `ImagePullBackOff` after a second failure. */
const NEVER_STARTS: ReadonlySet<string> = new Set([
  ...['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'],
]);

/** Reasons for an end that say no more than the exit code. */
const PLAIN: ReadonlySet<string> = new Set(['Completed', 'Error']);

/** The reason for the end of what never began, such as a command that is not there. */
const START_ERROR = 'StartError';

export function textOfRun({ uid, container, run }: RunId): string {
  return `${uid}/${container}#${run}`;
}

/** @returns undefined for the id of anything else */
export function runIn(id: string): RunId | undefined {
  const [, uid, container, run] = /^([^/#]+)\/([^/#]+)#(\d+)$/.exec(id) ?? [];
  return uid === undefined || container === undefined ? undefined : { uid, container, run: Number(run) };
}

/**
 * The runs that a pod still tells of: of each container the last one, and the one before.
 * @returns none for what is no pod. All times are the cluster's, in whole seconds
 */
export function runsOf(pod: Json, around: Surroundings): readonly ContainerStatus[] {
  const metadata = metadataOf(pod);
  return metadata === undefined ? [] : new Reader(metadata, pod, around).runs();
}

/** Reads the runs of one pod's containers. */
class Reader {
  readonly #metadata: Metadata;
  readonly #spec: Json;
  readonly #status: Json;
  readonly #statuses: readonly Json[];
  /** Why the whole pod ended: `Evicted`. */
  readonly #podReason: string | undefined;
  /** When somebody asked for the pod's deletion. Absent for an eviction: that is a failure. */
  readonly #askedAt: number | undefined;
  readonly #around: Surroundings;

  constructor(metadata: Metadata, pod: Json, around: Surroundings) {
    this.#metadata = metadata;
    this.#spec = object(pod['spec']);
    this.#status = object(pod['status']);
    this.#statuses = [...items(this.#status['initContainerStatuses']), ...items(this.#status['containerStatuses'])];
    const disruption = items(this.#status['conditions']).find(
      ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
    );
    this.#podReason = text(this.#status['reason']) ?? text(disruption?.['reason']);
    this.#askedAt = disruption === undefined ? requestOfDeletion(metadata, pod) : undefined;
    this.#around = around;
  }

  runs(): readonly ContainerStatus[] {
    const overAt = this.#overAt();
    return [...items(this.#spec['initContainers']), ...items(this.#spec['containers'])].flatMap((container) => {
      // A sidecar is asked to end when the others have ended.
      const askedAt = this.#askedAt ?? (container['restartPolicy'] === 'Always' ? overAt : undefined);
      return this.#runsOf(container).map((status) => withRequest(status, askedAt));
    });
  }

  /** When the last of the containers ended that the pod lives for; undefined while one runs, or is to be started again. */
  #overAt(): number | undefined {
    const { restartPolicy } = this.#spec;
    const endings = items(this.#spec['containers']).map((container) => {
      const end = endIn(object(this.#statusOf(container)['state']));
      const isFinal = restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && end?.['exitCode'] === 0);
      return isFinal ? timeIn(end?.['finishedAt']) : undefined;
    });
    return endings.some((at) => at === undefined) ? undefined : Math.max(...endings.map((at) => at ?? 0));
  }

  #statusOf(container: Json): Json {
    return this.#statuses.find(({ name }) => name === container['name']) ?? {};
  }

  #runsOf(container: Json): readonly ContainerStatus[] {
    const known = this.#statusOf(container);
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
    return { ...this.#phase(container, run, 'running'), ...field('startedAt', timeIn(startedAt)) };
  }

  #ended(container: Json, run: number, end: Json): ContainerStatus {
    const word = text(end['reason']);
    const reason = this.#podReason ?? (word === undefined || PLAIN.has(word) ? undefined : word);
    const how = {
      ...field('endedAt', timeIn(end['finishedAt'])),
      ...(typeof end['exitCode'] === 'number' ? { exitCode: end['exitCode'] } : {}),
      ...(reason === undefined ? {} : { reason }),
    };
    if (word === START_ERROR) {
      // The time of its start is that of 1970.
      return { ...this.#phase(container, run, 'never started'), ...how, error: explained(word, end['message']) };
    }
    const startedAt = field('startedAt', timeIn(end['startedAt']));
    return { ...this.#phase(container, run, 'ended'), ...startedAt, ...how, oomKilled: word === 'OOMKilled' };
  }

  #waiting(container: Json, run: number, waiting: Json): ContainerStatus {
    const isOver = this.#status['phase'] === 'Failed';
    const reason = isOver ? (this.#podReason ?? 'Failed') : (text(waiting['reason']) ?? '');
    if (!isOver && !NEVER_STARTS.has(reason)) return this.#phase(container, run, 'waiting');
    const error = explained(reason, isOver ? this.#status['message'] : waiting['message']);
    return { ...this.#phase(container, run, 'never started'), reason, error };
  }

  #phase(container: Json, run: number, phase: ContainerStatus['phase']): ContainerStatus {
    return { container: this.#resource(container, run, phase === 'running'), phase, oomKilled: false, autoRemove: false };
  }

  #resource(container: Json, run: number, running: boolean): Resource {
    const { uid, name: podName, namespace, createdAt } = this.#metadata;
    const name = text(container['name']) ?? '';
    const [only, ...others] = items(this.#spec['containers']);
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

/** When somebody asked for a pod's deletion. */
function requestOfDeletion({ deletedAt }: Metadata, pod: Json): number | undefined {
  const graceSeconds = object(pod['metadata'])['deletionGracePeriodSeconds'];
  return deletedAt === undefined ? undefined : deletedAt - (typeof graceSeconds === 'number' ? graceSeconds * 1000 : 0);
}

/** A run that had ended before the request was not asked. */
function withRequest(status: ContainerStatus, askedAt: number | undefined): ContainerStatus {
  return askedAt === undefined || (status.endedAt ?? askedAt) < askedAt ? status : { ...status, askedAt };
}

function explained(reason: string, message: unknown): string {
  const says = text(message);
  return says === undefined ? reason : `${reason}: ${says}`;
}

/** How a run ended, in one of the states of a container. */
function endIn({ terminated }: Json): Json | undefined {
  return terminated === undefined || terminated === null ? undefined : object(terminated);
}
