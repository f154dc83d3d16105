import type { Rung, RungAnswer } from '../../core/provider';
import type { Resource } from '../../core/resource';
import { type Clock, sleep } from '../../lib/clock';
import type { KubernetesClient } from './client';
import { type Deletion, deletion } from './deletion';
import type { Discovery } from './discovery';
import { Nodes } from './nodes';
import type { PodEnds } from './pod-ends';
import { podStatusOf } from './pod-status';
import { uninstall } from './releases';
import { type Resources, TERMINATING } from './resources';
import type { Thing } from './scene';

export interface LadderSettings {
  /** Milliseconds of each rung, for one request and then for its effect. */
  readonly stopMs: number;
  readonly killMs: number;
  readonly removeMs: number;
}

/** Milliseconds more than the pods' own grace period until what makes them is gone. */
const AFTER_GRACE_MS = 10_000;

/** Milliseconds for a whole release or namespace. */
const WHOLE_MS = 60_000;

/** Milliseconds between two looks at a release that goes. */
const RELEASE_POLL_MS = 2_000;

/** Milliseconds after the end of its grace period when a pod counts as overdue. */
const OVERDUE_MS = 2_000;

/** The shortest grace period that the kubelet keeps. With 0, the pod is only hidden. */
const LEAST_GRACE_MS = 1_000;

/** What the ladders share with their provider. */
export interface LaddersParts {
  readonly client: KubernetesClient;
  readonly resources: Resources;
  readonly ends: PodEnds;
  readonly discovery: Discovery;
  readonly clock: Clock;
}

/** How pods, releases and other objects are removed. */
export class Ladders {
  readonly #settings: LadderSettings;
  readonly #parts: LaddersParts;
  readonly #nodes: Nodes;

  constructor(settings: LadderSettings, parts: LaddersParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#nodes = new Nodes(parts.client, parts.clock);
  }

  /** Looks at the node of a pod that should be gone: its ladder depends on that. */
  async checkNode({ metadata, item }: Thing, signal: AbortSignal): Promise<void> {
    const { clock, resources } = this.#parts;
    const { node } = podStatusOf(item);
    const deletedAt = resources.here(metadata.deletedAt);
    const overdue = deletedAt !== undefined && clock.now() - deletedAt > OVERDUE_MS;
    if (node !== '' && overdue) await this.#nodes.look(node, signal);
  }

  of(resource: Resource): readonly Rung[] {
    if (resource.kind === 'pod') return this.#ofPod(resource);
    if (resource.kind === 'release') {
      const run = (signal: AbortSignal) => this.#uninstall(resource, signal);
      return [{ action: 'remove', timeoutMs: Math.max(WHOLE_MS, this.#settings.removeMs), waits: true, run }];
    }
    const { api, graceMs } = this.#parts.resources.known(resource);
    const least = graceMs === undefined ? 0 : graceMs + AFTER_GRACE_MS;
    return [
      {
        action: 'remove',
        timeoutMs: Math.max(this.#settings.removeMs, resource.kind === 'namespace' ? WHOLE_MS : least),
        waits: false,
        run: (signal) => this.#delete(resource, { propagationPolicy: api.isPlain ? 'Background' : 'Foreground' }, signal),
        reached: () => false,
      },
    ];
  }

  /**
   * The first deletion carries the grace period that is meant, because a later one can't shorten it. A forced one (0 s)
   * only hides what still runs: it is for pods whose node does not answer.
   */
  #ofPod(pod: Resource): readonly Rung[] {
    const { stopMs, killMs, removeMs } = this.#settings;
    const isLeaving = pod.state === TERMINATING;
    const silence = this.#nodes.silenceOf(this.#parts.resources.known(pod).node ?? '');
    const end = (graceMs: number) => (signal: AbortSignal) => this.#endPod(pod, isLeaving ? undefined : graceMs, signal);
    const remove: Rung = {
      action: 'remove',
      timeoutMs: removeMs,
      waits: false,
      ...(silence === undefined && isLeaving
        ? { skip: 'its node answers: a forced deletion would only hide what still runs' }
        : {}),
      run: (signal) =>
        silence === undefined ? end(LEAST_GRACE_MS)(signal) : this.#delete(pod, { gracePeriodSeconds: 0 }, signal),
    };
    if (!pod.running && !isLeaving) return [remove];
    return [
      { action: 'stop', timeoutMs: stopMs, waits: true, run: (signal, graceMs) => end(graceMs)(signal) },
      { action: 'kill', timeoutMs: killMs, waits: true, run: end(LEAST_GRACE_MS) },
      remove,
    ];
  }

  async #endPod(pod: Resource, graceMs: number | undefined, signal: AbortSignal): Promise<RungAnswer> {
    const { clock, ends } = this.#parts;
    const { id: uid, name, namespace = '' } = pod;
    const startedAt = clock.now();
    const seconds = Math.max(1, Math.round((graceMs ?? 0) / 1000));
    const work = async () => (graceMs === undefined ? undefined : this.#delete(pod, { gracePeriodSeconds: seconds }, signal));
    await ends.after({ uid, name, namespace }, work, signal);
    if (!pod.running) return 'gone';
    const inTime = graceMs !== undefined && clock.now() - startedAt < seconds * 1000;
    return ends.endingOf(uid) ?? (inTime ? 'graceful' : 'killed');
  }

  async #uninstall(resource: Resource, signal: AbortSignal): Promise<RungAnswer> {
    const { client, resources, discovery, clock } = this.#parts;
    for (;;) {
      const release = resources.releaseOf(resource);
      if (release === undefined || (await uninstall(release, client, discovery, signal))) return 'gone';
      await sleep(clock, RELEASE_POLL_MS, signal);
    }
  }

  async #delete(
    resource: Resource,
    options: Pick<Deletion, 'gracePeriodSeconds' | 'propagationPolicy'>,
    signal: AbortSignal,
  ): Promise<RungAnswer> {
    const { client, resources } = this.#parts;
    const what = `DELETE ${resources.known(resource).api.plural}`;
    const answer = await deletion(client, { path: resources.pathTo(resource), uid: resource.id, what, ...options }, signal);
    return answer === 'gone' ? 'gone' : undefined;
  }
}
