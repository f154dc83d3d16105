import type { ContainerSource, ContainerStatus, LogStream } from '../../../core/container-source';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { withTimeout } from '../../../lib/deadline';
import { asError } from '../../../lib/errors';
import { merged } from '../../../lib/merged';
import { PODS, pathOf } from '../api-kinds';
import type { KubernetesClient } from '../client';
import { classify, hasStatus, ifFound, KubernetesError } from '../errors';
import type { ObjectLabels } from '../object-labels';
import { type Scene, type Thing, thingOf } from '../scene';
import { chunksOf } from './log-stream';
import { Makers } from './makers';
import { PodWatch, type ReadRuns } from './pod-watch';
import { type RunId, runIn, runsOf } from './runs';

/** A followed log takes a connection to the API server, and from there one to the node. */
const MAX_FOLLOWED = 100;

/** Milliseconds until the labels of what made a pod are known. */
const READ_MS = 10_000;

/** Milliseconds. A node tells of an end when it next looks. */
const DELAY_MS = 2_000;

/** Milliseconds for which a listing spares inspections of ended runs: there may be thousands. */
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

/** The containers of pods in a cluster's namespaces. Each run of one counts as a container. */
export function podContainers({ name, namespaces }: PodSourceSettings, parts: PodSourceParts): ContainerSource {
  const { client, scene, labels, clock } = parts;
  const makers = new Makers(client, labels);
  const now = () => clock.now() + client.serverAheadMs;

  const labelsOf = async (pod: Thing, signal: AbortSignal) => {
    if (!labels.knows(pod)) await labels.learn([pod], pod.metadata.namespace, signal);
    return labels.of(pod, await makers.labelsFor(pod, signal));
  };
  const read: ReadRuns = async (pod, signal) =>
    runsOf(pod.item, {
      provider: name,
      labels: await withTimeout(READ_MS, { clock, signal }, (time) => labelsOf(pod, time)),
    });
  const watches = namespaces.map((namespace) => new PodWatch({ client, namespace, read, now }));
  /** Why a namespace is not watched. */
  let unseen: Error | undefined;

  let listed: { readonly at: number; readonly ended: ReadonlyMap<string, ContainerStatus> } = { at: 0, ended: new Map() };

  /** The pod that has the name of a container's pod: it may be another one. */
  async function namesakeOf(container: Resource, signal: AbortSignal): Promise<Thing | undefined> {
    const pod = await ifFound(client.ask({ path: pathTo(container), what: 'GET pods' }, signal));
    return pod && thingOf(PODS, pod);
  }

  /** The pod of a container; undefined if it is gone. */
  async function podOf(container: Resource, signal: AbortSignal): Promise<Thing | undefined> {
    const run = runIn(container.id);
    const pod = run && (await namesakeOf(container, signal));
    return pod?.metadata.uid === run?.uid ? pod : undefined;
  }

  /** @throws {KubernetesError} for a run whose log is gone */
  async function openLog(container: Resource, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LogStream> {
    const run = runIn(container.id);
    const place = run && placeOfLog(run, await namesakeOf(container, signal));
    if (run === undefined || place === undefined) throw logIsGone();
    const which = { container: run.container, timestamps: 'true', previous: String(place === 'previous') };
    const ask = { path: `${pathTo(container)}/log`, query: { ...which, ...query }, accept: '*/*', what: 'GET pods/log' };
    const log = await client.stream(ask, signal);
    // This may be another's log, if another run has begun meanwhile, or another pod has the name.
    const pod = await namesakeOf(container, signal).catch(() => undefined);
    if (pod === undefined || placeOfLog(run, pod) === place) return chunksOf(log);
    log.destroy();
    return openLog(container, query, signal);
  }

  return {
    eventDelayMs: DELAY_MS,
    maxFollowed: MAX_FOLLOWED,
    followsBeforeStart: () => false,
    attachBringsAll: true,
    labelsInEvents: true,
    async now(signal) {
      await client.ask({ path: '/version', what: 'GET the version' }, signal);
      // The cluster's times are cut off to whole seconds.
      return Math.floor(now() / 1000) * 1000;
    },
    async watch(_since, signal) {
      const { found, forbidden } = await allowed(watches.map((watch) => watch.open(signal)));
      unseen = forbidden;
      return merged(found);
    },
    unseen: () => unseen,
    async list(signal) {
      const { found } = await allowed(namespaces.map((namespace) => scene.things(PODS, namespace, signal)));
      const all = (await Promise.all(found.flat().map((pod) => read(pod, signal)))).flat();
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
  return pathOf(PODS, namespace, name.split('/')[0] ?? '');
}

/**
 * Which of the two logs that a node keeps of a container is that of a run.
 * @param pod as it is now
 * @returns undefined if it is neither
 */
function placeOfLog({ uid, container, run }: RunId, pod: Thing | undefined): 'last' | 'previous' | undefined {
  if (pod?.metadata.uid !== uid) return undefined;
  const ids = runsOf(pod.item, { provider: '', labels: {} }).flatMap((status) => runIn(status.container.id) ?? []);
  const last = Math.max(...ids.filter((id) => id.container === container).map((id) => id.run));
  return run === last ? 'last' : run === last - 1 ? 'previous' : undefined;
}

/**
 * Waits for what was asked of each namespace, and leaves out those that are forbidden.
 * @returns the answers, and an error for what was left out
 * @throws if all are forbidden, and any other error
 */
async function allowed<T>(
  asked: readonly Promise<T>[],
): Promise<{ readonly found: readonly T[]; readonly forbidden: Error | undefined }> {
  const answers = await Promise.allSettled(asked);
  const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [asError(answer.reason)] : []));
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [forbidden] = errors;
  const fatal = errors.find((error) => !isForbidden(error)) ?? (found.length === 0 ? forbidden : undefined);
  if (fatal !== undefined) throw fatal;
  return { found, forbidden };
}

function isForbidden(error: Error): boolean {
  return hasStatus(error, 403) && classify(error).kind === 'permanent';
}

function logIsGone(): KubernetesError {
  return new KubernetesError('GET pods/log', 404, 'its node has it no more', { reason: 'NotFound' });
}
