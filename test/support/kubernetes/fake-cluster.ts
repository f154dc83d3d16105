import type { Clock } from '../../../src/lib/clock';
import { type Json, object } from '../../../src/lib/json-shape';
import { pathOf } from '../../../src/providers/kubernetes/api-kinds';
import type { Ask, KubernetesClient } from '../../../src/providers/kubernetes/client';
import { KubernetesError } from '../../../src/providers/kubernetes/errors';
import { metadataOf } from '../../../src/providers/kubernetes/objects';
import { apiKindOf } from '../../../src/providers/kubernetes/scene';

/** What an object is made of, besides its name. */
export interface Made {
  readonly uid?: string;
  readonly namespace?: string;
  readonly metadata?: Json;
  readonly spec?: Json;
  readonly status?: Json;
  readonly data?: Json;
}

/** A cluster in memory, with a client of its API. It has no watches: what waits for an end looks. */
export class FakeCluster {
  /** Milliseconds that its clock is ahead. */
  serverAheadMs = 0;
  readonly asked: Ask[] = [];
  readonly #clock: Clock;
  readonly #objects = new Map<string, Json>();
  readonly #answers = new Map<string, () => Json>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get client(): KubernetesClient {
    const cluster = this;
    const client = {
      ask: async (ask: Ask) => cluster.#answer(ask),
      list: async (ask: Ask) => ({ items: cluster.#listed(ask), resourceVersion: '1' }),
      lines: async ({ what }: Ask) => {
        throw new KubernetesError(what, 410, 'too old', { reason: 'Expired' });
      },
      get serverAheadMs() {
        return cluster.serverAheadMs;
      },
    };
    return client as unknown as KubernetesClient;
  }

  /** Makes an object in the namespace `bench`, with its name as its uid, unless it says otherwise. */
  add(
    kind: 'node' | Parameters<typeof apiKindOf>[0],
    name: string,
    { uid = name, namespace = 'bench', ...made }: Made = {},
  ): void {
    const api = kind === 'node' ? undefined : apiKindOf(kind);
    const all = api === undefined ? '/api/v1/nodes' : pathOf(api, namespace);
    const place = api === undefined || api.isClusterWide ? {} : { namespace };
    this.#objects.set(`${all}/${name}`, { ...made, metadata: { uid, name, ...place, ...made.metadata } });
  }

  /** Has an object's path answer this, or fail with it. */
  answer(path: string, answer: Json | Error): void {
    this.#answers.set(path, () => {
      if (answer instanceof Error) throw answer;
      return answer;
    });
  }

  remove(path: string): void {
    this.#objects.delete(path);
  }

  /** The options of the deletions that were asked for, with the last part of their paths. */
  get deletions(): readonly Json[] {
    return this.asked
      .filter(({ method }) => method === 'DELETE')
      .map(({ path, body = {} }) => {
        const { apiVersion, kind, ...options } = body;
        return { of: path.split('/').at(-1), ...options };
      });
  }

  #answer(ask: Ask): Json {
    this.asked.push(ask);
    const answer = this.#answers.get(ask.path);
    if (answer) return answer();
    const item = this.#objects.get(ask.path);
    if (item === undefined) throw new KubernetesError(ask.what, 404, 'not found', { reason: 'NotFound' });
    return ask.method === 'DELETE' ? this.#delete(ask, item) : item;
  }

  /** A pod goes after its grace period, all else at once. */
  #delete({ path, body = {}, what }: Ask, item: Json): Json {
    const uid = metadataOf(item)?.uid;
    const wanted = object(body['preconditions'])['uid'];
    if (wanted !== undefined && wanted !== uid) throw new KubernetesError(what, 409, 'another uid', { reason: 'Conflict' });
    const seconds = body['gracePeriodSeconds'];
    if (typeof seconds !== 'number' || seconds === 0) {
      this.#objects.delete(path);
      return { kind: 'Status', details: { uid } };
    }
    const deletionTimestamp = new Date(this.#clock.now() + seconds * 1_000).toISOString();
    this.#objects.set(path, { ...item, metadata: { ...object(item['metadata']), deletionTimestamp } });
    this.#clock.after(seconds * 1_000, () => this.#objects.delete(path));
    return this.#objects.get(path) ?? {};
  }

  #listed(ask: Ask): readonly Json[] {
    this.asked.push(ask);
    const [key, value] = (ask.query?.['labelSelector'] ?? '').split('=');
    return [...this.#objects]
      .filter(([path]) => path.slice(0, path.lastIndexOf('/')) === ask.path)
      .map(([, item]) => item)
      .filter((item) => !key || metadataOf(item)?.labels[key] === value);
  }
}
