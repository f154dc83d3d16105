import type { ContainerEvent, ContainerSource } from '../../../core/container-source';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { type Engine, isPodman } from '../connection/connect';
import { ask, openStream } from '../connection/http';
import { classify, isGone } from '../errors';
import { attach, readLog } from '../logs/logs';
import { Containers } from '../resources/containers';
import type { EngineFacts } from '../resources/engine-facts';
import type { DockerSettings } from '../resources/handler';
import { ImageInspections } from '../resources/image-inspections';
import { ResourceEnricher } from '../resources/resource-enricher';
import { EventReader, eventFilters } from './events';
import { type Inspected, statusOf } from './status';

/** A followed log takes a connection; through ssh, a process on either side. */
const MAX_FOLLOWED = { direct: 1_000, ssh: 8 };

/** Podman polls a file for its events, at worst once a second (measured: 0.85 s). */
const PODMAN_DELAY_MS = 1_000;

/** Logging drivers in the engine. Reading the log of a created container starts any other one. */
const LOCAL_DRIVERS = new Set(['json-file', 'local', 'journald']);

/** The used fields of `/info`. */
interface Info {
  readonly SystemTime?: string;
  readonly LoggingDriver?: string;
}

/**
 * The containers of a Docker engine or of Podman.
 * @param facts shared with others who ask the same engine
 */
export function dockerContainers(engine: Engine, settings: DockerSettings, clock: Clock, facts: EngineFacts): ContainerSource {
  const { docker, endpoint, version, maxConnections } = engine;
  const containers = new Containers(engine, settings, clock);
  const enricher = new ResourceEnricher(facts, new ImageInspections(docker));
  const isOfPodman = isPodman(version);
  let driver = '';
  const reader = new EventReader(settings.name, isOfPodman);

  async function* enriched(events: AsyncIterable<ContainerEvent>, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
    for await (const event of events) {
      const [container] = await enricher.enrich([event.container], signal);
      yield container ? { ...event, container } : event;
    }
  }
  const inspect = async (id: string, signal: AbortSignal) =>
    statusOf((await docker.getContainer(id).inspect({ abortSignal: signal })) as Inspected, settings.name);

  /**
   * Attaching to an ended container makes Podman prepare its next start, which loses its exit code:
   * https://github.com/containers/podman/blob/v4.3.1/pkg/api/handlers/compat/containers_attach.go
   * A container can end right after this inspection, so only those that remove themselves then are
   * attached to.
   */
  const refuseUnlessLeaving = async ({ id }: Resource, signal: AbortSignal): Promise<void> => {
    const { phase, autoRemove } = await inspect(id, signal);
    if (phase !== 'running' || !autoRemove) throw new Error('attaching to it could change it');
  };
  return {
    eventDelayMs: isOfPodman ? PODMAN_DELAY_MS : 0,
    // Twice as many are followed at worst: half of the connections stay free.
    maxFollowed: Math.min(
      endpoint.url.startsWith('ssh:') ? MAX_FOLLOWED.ssh : MAX_FOLLOWED.direct,
      Math.floor(maxConnections / 4),
    ),
    // Attaching to a created container changes it on Podman.
    followsBeforeStart: () => !isOfPodman && LOCAL_DRIVERS.has(driver),
    async now(signal) {
      const { SystemTime, LoggingDriver = '' } = await ask<Info>(docker, '/info', signal);
      driver = LoggingDriver;
      return SystemTime === undefined ? clock.now() : Date.parse(SystemTime);
    },
    async watch(since, signal) {
      // In whole milliseconds: events of this one come again.
      const query = { since: (Math.floor(since) / 1000).toFixed(3), filters: JSON.stringify(eventFilters(isOfPodman)) };
      const stream = await openStream(docker, { method: 'GET', path: '/events', query }, signal);
      return enriched(reader.read(stream), signal);
    },
    async list(signal) {
      const listed = await containers.list(signal);
      for (const { id, labels } of listed) reader.note(id, labels);
      return enricher.enrich(listed, signal);
    },
    async inspect({ id }, signal) {
      try {
        const status = await inspect(id, signal);
        reader.note(id, status.container.labels);
        const [container] = await enricher.enrich([status.container], signal);
        return container ? { ...status, container } : status;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    // Podman 4.3 loses some line feeds when asked for the last lines.
    read: ({ id }, lines, signal) => readLog(docker, id, isOfPodman ? 'all' : lines, signal),
    async attach(container, signal) {
      if (isOfPodman) await refuseUnlessLeaving(container, signal);
      return attach(docker, container.id, clock, signal);
    },
    classify,
  };
}
