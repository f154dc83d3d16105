import type { ContainerEvent, ContainerStatus } from '../../../core/container-source';
import { type Json, object, parsedJson, text } from '../../../lib/json-shape';
import { PODS, pathOf } from '../api-kinds';
import type { KubernetesClient } from '../client';
import { hasStatus, KubernetesError } from '../errors';
import { type Thing, thingOf } from '../scene';
import { changesOf } from './changes';

/** Reads the runs of a pod's containers, with the labels that tell their owner. */
export type ReadRuns = (pod: Thing, signal: AbortSignal) => Promise<Runs>;

type Runs = readonly ContainerStatus[];

/** Milliseconds. About every minute, the server tells that nothing has happened. */
const SILENCE_MS = 150_000;

/** Milliseconds for which a watch that was refused is not asked for again: each time, all pods are listed first. */
const REFUSED_MS = 30_000;

export interface PodWatchOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly read: ReadRuns;
  /** The cluster's clock. */
  readonly now: () => number;
}

/** Tells what happens to the containers of a namespace's pods. A later watch begins with what happened since the one before. */
export class PodWatch {
  readonly #options: PodWatchOptions;
  /** As they were told last, by the uids of pods. */
  #told: Map<string, Runs> | undefined;

  /** Pods may be listed, but not watched. */
  #refusal: { readonly at: number; readonly error: KubernetesError } | undefined;

  constructor(options: PodWatchOptions) {
    this.#options = options;
  }

  /** @returns when nothing is lost from now on */
  async open(signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    const { client, namespace } = this.#options;
    const path = pathOf(PODS, namespace);
    if (this.#refusal !== undefined && this.#options.now() - this.#refusal.at < REFUSED_MS) throw this.#refusal.error;
    const { items, resourceVersion } = await client.list({ path, what: 'LIST pods' }, signal);
    const pods = items.flatMap((item) => thingOf(PODS, item) ?? []);
    const read = async (pod: Thing) => [pod.metadata.uid, await this.#options.read(pod, signal)] as const;
    const listed = new Map(await Promise.all(pods.map(read)));
    const query = { watch: 'true', allowWatchBookmarks: 'true', resourceVersion };
    const lines = await client.lines({ path, query, silenceMs: SILENCE_MS, what: 'WATCH pods' }, signal).catch((error) => {
      if (hasStatus(error, 403)) this.#refusal = { at: this.#options.now(), error };
      throw error;
    });
    // Not before: what a watch that can't be opened has missed is to be told by the next one.
    const missed = this.#changesTo(listed);
    this.#told = listed;
    return this.#follow(missed, lines, signal);
  }

  /** None the first time. */
  #changesTo(listed: ReadonlyMap<string, Runs>): readonly ContainerEvent[] {
    const before = this.#told;
    if (before === undefined) return [];
    const uids = new Set([...before.keys(), ...listed.keys()]);
    return [...uids].flatMap((uid) => changesOf(before.get(uid), listed.get(uid), this.#options.now()));
  }

  async *#follow(
    missed: readonly ContainerEvent[],
    lines: AsyncIterable<string>,
    signal: AbortSignal,
  ): AsyncGenerator<ContainerEvent> {
    yield* missed;
    for await (const line of lines) {
      const event = object(parsedJson(line));
      const type = text(event['type']);
      if (type === 'ERROR') throw errorIn(object(event['object']));
      const pod = thingOf(PODS, object(event['object']));
      if (pod !== undefined) yield* await this.#changesIn(pod, type === 'DELETED', signal);
    }
  }

  async #changesIn(pod: Thing, isGone: boolean, signal: AbortSignal): Promise<readonly ContainerEvent[]> {
    const { read, now } = this.#options;
    const { uid } = pod.metadata;
    const [before, last] = [this.#told?.get(uid), await read(pod, signal)];
    if (!isGone) {
      this.#told?.set(uid, last);
      return changesOf(before, last, now());
    }
    // Its last state may tell how it ended.
    this.#told?.delete(uid);
    return [...changesOf(before, last, now()), ...changesOf(last, undefined, now())];
  }
}

/** What ends a watch: 410 when it began with what is too old. */
function errorIn({ code, message, reason }: Json): KubernetesError {
  const word = text(reason);
  return new KubernetesError('WATCH pods', typeof code === 'number' ? code : 0, text(message) ?? 'it ended', {
    ...(word === undefined ? {} : { reason: word }),
  });
}
