import type { StopOutcome } from '../../core/provider';
import { type Clock, sleep } from '../../lib/clock';
import { object, parsedJson, text } from '../../lib/json-shape';
import { PODS, pathOf } from './api-kinds';
import type { KubernetesClient } from './client';
import { isNotFound } from './errors';
import { metadataOf } from './objects';
import { podStatusOf } from './pod-status';

/** Milliseconds between two looks at one pod: while a watch tells, and without one. */
const LOOK_MS = { watched: 15_000, first: 200, max: 3_000 };

/** Milliseconds until a deletion is sent although its watch has not begun. */
const MAX_OPENING_MS = 1_000;

/** A pod to wait for. */
export interface Ending {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

type Client = Pick<KubernetesClient, 'ask' | 'lines'>;

interface Watch {
  readonly controller: AbortController;
  readonly opened: Promise<void>;
  isOpen: boolean;
  waiting: number;
}

/**
 * Waits for the ends of pods. One watch a namespace tells them all, open only while something waits; looks at single pods
 * make sure, and take its place where there is none.
 */
export class PodEnds {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #watches = new Map<string, Watch>();
  readonly #gone = new Set<string>();
  readonly #endings = new Map<string, StopOutcome>();
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Of the last listing, by namespace: a watch goes on from there. */
  readonly #versions = new Map<string, string>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Notes the state of a listing: see `metadata.resourceVersion`. */
  listed(namespace: string, resourceVersion: string): void {
    this.#versions.set(namespace, resourceVersion);
  }

  /** How the pod ended; undefined if that is not known. */
  endingOf(uid: string): StopOutcome | undefined {
    return this.#endings.get(uid);
  }

  /**
   * Does `work`, and waits until the pod is gone.
   * @param work what makes it go; the watch is open before. `gone`: it is gone already
   * @throws what `work` throws, and the signal's reason
   */
  async after(pod: Ending, work: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const watch = this.#watch(pod.namespace);
    watch.waiting += 1;
    try {
      await this.#untilOpen(watch, signal);
      if ((await work()) === 'gone') this.#noteGone(pod.uid);
      await this.#untilGone(pod, watch, signal);
    } finally {
      watch.waiting -= 1;
      if (watch.waiting === 0) this.#close(pod.namespace, watch);
    }
  }

  /** Waits for the watch, but not for one that something between holds back: single looks tell, too. */
  async #untilOpen({ opened }: Watch, signal: AbortSignal): Promise<void> {
    const waited = new AbortController();
    const pause = sleep(this.#clock, MAX_OPENING_MS, AbortSignal.any([signal, waited.signal])).catch(() => undefined);
    await Promise.race([opened, pause]);
    waited.abort();
    signal.throwIfAborted();
  }

  async #untilGone(pod: Ending, watch: Watch, signal: AbortSignal): Promise<void> {
    for (let pause = LOOK_MS.first; !this.#gone.has(pod.uid); pause = Math.min(pause * 2, LOOK_MS.max)) {
      await this.#pause(pod.uid, watch.isOpen ? LOOK_MS.watched : pause, signal);
      if (!this.#gone.has(pod.uid)) await this.#look(pod, signal);
    }
  }

  /** Waits until the watch says that the pod is gone, or for some time. */
  async #pause(uid: string, ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    const wakers = this.#waiting.get(uid) ?? new Set();
    this.#waiting.set(uid, wakers.add(wake));
    try {
      await sleep(this.#clock, ms, AbortSignal.any([signal, woken.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      wakers.delete(wake);
      if (wakers.size === 0) this.#waiting.delete(uid);
    }
  }

  async #look({ uid, name, namespace }: Ending, signal: AbortSignal): Promise<void> {
    const path = pathOf(PODS, namespace, name);
    try {
      const pod = await this.#client.ask({ path, what: 'GET pods' }, signal);
      const there = metadataOf(pod)?.uid;
      if (there === uid) this.#note(uid, podStatusOf(pod).ending);
      // Another one has its name. Something that is no pod at all is no news.
      else if (there !== undefined) this.#noteGone(uid);
    } catch (error) {
      if (signal.aborted) throw error;
      if (isNotFound(error)) this.#noteGone(uid);
      // Else the next look tells.
    }
  }

  #watch(namespace: string): Watch {
    const known = this.#watches.get(namespace);
    if (known) return known;
    const controller = new AbortController();
    const opened = Promise.withResolvers<void>();
    const watch: Watch = { controller, opened: opened.promise, isOpen: false, waiting: 0 };
    this.#watches.set(namespace, watch);
    const ended = () => {
      watch.isOpen = false;
      opened.resolve();
      if (this.#watches.get(namespace) === watch) this.#watches.delete(namespace);
      this.#wakeAll();
    };
    this.#follow(namespace, watch, opened.resolve).then(ended, ended);
    return watch;
  }

  #close(namespace: string, watch: Watch): void {
    if (this.#watches.get(namespace) === watch) this.#watches.delete(namespace);
    watch.controller.abort(new Error('no one waits'));
  }

  /** Never throws: without a watch, looks tell. */
  async #follow(namespace: string, watch: Watch, opened: () => void): Promise<void> {
    const resourceVersion = this.#versions.get(namespace);
    if (resourceVersion === undefined) return;
    const { signal } = watch.controller;
    // It may be too old: then no other watch is to begin with it.
    this.#versions.delete(namespace);
    try {
      const query = { watch: 'true', resourceVersion };
      const lines = await this.#client.lines({ path: pathOf(PODS, namespace), query, what: 'WATCH pods' }, signal);
      watch.isOpen = true;
      opened();
      for await (const line of lines) this.#onEvent(line);
    } catch {
      // The next listing brings a newer state to go on from.
    }
  }

  #onEvent(line: string): void {
    const event = object(parsedJson(line));
    const pod = object(event['object']);
    const uid = metadataOf(pod)?.uid;
    const type = text(event['type']);
    if (uid === undefined || (type !== 'MODIFIED' && type !== 'DELETED')) return;
    this.#note(uid, podStatusOf(pod).ending);
    if (type === 'DELETED') this.#noteGone(uid);
  }

  #note(uid: string, ending: StopOutcome | undefined): void {
    if (ending !== undefined) this.#endings.set(uid, ending);
  }

  #noteGone(uid: string): void {
    this.#gone.add(uid);
    for (const wake of this.#waiting.get(uid) ?? []) wake();
  }

  #wakeAll(): void {
    for (const wakers of this.#waiting.values()) for (const wake of wakers) wake();
  }
}
