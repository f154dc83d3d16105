import type { ContainerSource, ContainerStatus, LogStream } from '../../../core/container-source';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { merged } from '../../../lib/merged';
import { PODS, pathOf } from '../api-kinds';
import type { KubernetesClient } from '../client';
import { classify, isNotFound, KubernetesError } from '../errors';
import type { ObjectLabels } from '../object-labels';
import { type Scene, type Thing, thingOf } from '../scene';
import { chunksOf } from './log-stream';
import { Makers } from './makers';
import { PodWatch, type ReadRuns } from './pod-watch';
import { type RunId, runIn, runsOf } from './runs';

/** A followed log takes a connection to the API server, and from there one to the node. */
const MAX_FOLLOWED = 100;

/** Milliseconds. A node tells of an end when it next looks. */
const DELAY_MS = 2_000;

/** Milliseconds for which a listing answers for runs that have ended, which change no more: there may be thousands. */
const LISTED_MS = 5_000;

export interface PodSourceSettings {
  readonly name: string;
  readonly namespaces: readonly string[];
}

/** What the source shares with its provider. */
export interface PodSourceParts {
  readonly client: KubernetesClient;
  readonly scene: Scene;
  readonly labels: ObjectLabels;
  readonly clock: Clock;
}

/** The containers of the pods in some namespaces of one cluster, and their logs. Each run of a container counts alone. */
export function podContainers({ name, namespaces }: PodSourceSettings, parts: PodSourceParts): ContainerSource {
  const { client, scene, labels, clock } = parts;
  const makers = new Makers(client, labels);
  const now = () => clock.now() + client.serverAheadMs;

  const read: ReadRuns = async (pod, signal) => {
    if (!labels.knows(pod)) await labels.learn([pod], pod.metadata.namespace, signal);
    return runsOf(pod.item, { provider: name, labels: labels.of(pod, await makers.labelsFor(pod, signal)) });
  };
  const watches = namespaces.map((namespace) => new PodWatch({ client, namespace, read, now }));

  let listed: { readonly at: number; readonly ended: ReadonlyMap<string, ContainerStatus> } = { at: 0, ended: new Map() };

  /** The pod of a container; undefined if it is gone, or another one has its name. */
  async function podOf(container: Resource, signal: AbortSignal): Promise<Thing | undefined> {
    const run = runIn(container.id);
    if (run === undefined) return undefined;
    try {
      const pod = thingOf(PODS, await client.ask({ path: pathTo(container), what: 'GET pods' }, signal));
      return pod?.metadata.uid === run.uid ? pod : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** @throws {KubernetesError} for a run whose log is gone */
  async function openLog(container: Resource, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LogStream> {
    const run = runIn(container.id);
    const pod = await podOf(container, signal);
    if (run === undefined || pod === undefined) throw logIsGone();
    const which = { container: run.container, timestamps: 'true', ...previous(run, pod) };
    const ask = { path: `${pathTo(container)}/log`, query: { ...which, ...query }, accept: '*/*', what: 'GET pods/log' };
    return chunksOf(await client.stream(ask, signal));
  }

  return {
    eventDelayMs: DELAY_MS,
    maxFollowed: MAX_FOLLOWED,
    followsBeforeStart: () => false,
    attachBringsAll: true,
    async now(signal) {
      await client.ask({ path: '/version', what: 'GET the version' }, signal);
      // The cluster's times are cut off to whole seconds.
      return Math.floor(now() / 1000) * 1000;
    },
    watch: async (_since, signal) => merged(await Promise.all(watches.map((watch) => watch.open(signal)))),
    async list(signal) {
      const pods = await Promise.all(namespaces.map((namespace) => scene.things(PODS, namespace, signal)));
      const all = (await Promise.all(pods.flat().map((pod) => read(pod, signal)))).flat();
      const ended = all.filter(({ phase }) => phase === 'ended').map((status) => [status.container.id, status] as const);
      listed = { at: clock.now(), ended: new Map(ended) };
      return all.map(({ container }) => container);
    },
    async inspect(container, signal) {
      const known = clock.now() - listed.at < LISTED_MS ? listed.ended.get(container.id) : undefined;
      if (known) return known;
      const pod = await podOf(container, signal);
      if (pod === undefined) return undefined;
      const runs = await read(pod, signal);
      return runs.find((status) => status.container.id === container.id);
    },
    read: (container, lines, signal) => openLog(container, { tailLines: String(lines) }, signal),
    attach: (container, signal) => openLog(container, { follow: 'true' }, signal),
    classify,
  };
}

/** The path of a container's pod, whose name stands before the container's. */
function pathTo({ name, namespace = '' }: Resource): string {
  return `${pathOf(PODS, namespace)}/${encodeURIComponent(name.split('/')[0] ?? '')}`;
}

/**
 * Says which run's log is meant: a node keeps those of the last two.
 * @throws {KubernetesError} for an earlier one
 */
function previous({ container, run }: RunId, { item }: Thing): Readonly<Record<string, string>> {
  const ids = runsOf(item, { provider: '', labels: {} }).flatMap((status) => runIn(status.container.id) ?? []);
  const last = Math.max(...ids.filter((id) => id.container === container).map((id) => id.run));
  if (run === last) return {};
  if (run === last - 1) return { previous: 'true' };
  throw logIsGone();
}

function logIsGone(): KubernetesError {
  return new KubernetesError('GET pods/log', 404, 'its node has it no more', { reason: 'NotFound' });
}
