import type { ContainerEvent, ContainerSource } from '../../../core/container-source';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import { BrokenAnswer } from '../connection/answers';
import type { Engine } from '../connection/connect';
import { ask } from '../connection/request';
import { openStream } from '../connection/stream';
import { classify, hasStatus } from '../errors';
import { followLog, followLogOnPodman, readLog } from '../logs/logs';
import { Containers } from '../resources/containers';
import type { DockerSettings } from '../resources/handler';
import { ResourceEnricher } from '../resources/resource-enricher';
import { type Inspected, lifeOf } from './container-status';
import { eventFilters, happeningsIn } from './events';

/** Each log that is followed is two connections. Through ssh each is a process of its own, here and there. */
const MAX_FOLLOWED = { direct: 500, ssh: 8 };

/** Podman looks for its events in a file, once a second at worst (measured: 0.85 s). */
const PODMAN_LATE_MS = 1_000;

/** Drivers whose logs the engine has itself: asking another for the log of a container that does not run yet may wake up who knows what. */
const LOCAL_DRIVERS = new Set(['json-file', 'local', 'journald']);

/** What of `info` is needed here. */
interface Info {
  readonly SystemTime?: string;
  readonly LoggingDriver?: string;
}

/** The containers of a Docker engine, or of what speaks its API. */
export function dockerRecordable(engine: Engine, settings: DockerSettings, clock: Clock): ContainerSource {
  const { docker, endpoint, version } = engine;
  const containers = new Containers(engine, settings, clock);
  const facts = new ResourceEnricher(docker, clock);
  const isPodman = version.startsWith('Podman');
  let driver = '';

  async function* told(happenings: AsyncIterable<ContainerEvent>, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
    for await (const happening of happenings) {
      const [container] = await facts.enrich([happening.container], signal);
      yield container ? { ...happening, container } : happening;
    }
  }
  return {
    lateMs: isPodman ? PODMAN_LATE_MS : 0,
    maxFollowed: endpoint.url.startsWith('ssh:') ? MAX_FOLLOWED.ssh : MAX_FOLLOWED.direct,
    async now(signal) {
      const { SystemTime, LoggingDriver = '' } = await ask<Info>(docker, '/info', signal);
      driver = LoggingDriver;
      return SystemTime === undefined ? clock.now() : Date.parse(SystemTime);
    },
    async watch(since, signal) {
      // Whole milliseconds: what happened in this one comes again.
      const query = { since: (Math.floor(since) / 1000).toFixed(3), filters: JSON.stringify(eventFilters(isPodman)) };
      const stream = await openStream(docker, { method: 'GET', path: '/events', query }, signal);
      return told(happeningsIn(stream, settings.name), signal);
    },
    list: async (signal) => facts.enrich(await containers.list(signal), signal),
    async inspect({ id }, signal) {
      try {
        const life = lifeOf((await docker.getContainer(id).inspect({ abortSignal: signal })) as Inspected, settings.name);
        const [container] = await facts.enrich([life.container], signal);
        return container ? { ...life, container } : life;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    // Asked for the last lines, Podman 4.3 forgets some line feeds.
    read: ({ id }, lines, signal) => readLog(docker, id, isPodman ? 'all' : lines, signal),
    async follow({ id }, phase, signal) {
      // Podman prepares a container that does not run when something attaches to it: that is not ours to bring about.
      if (phase === 'waiting' && (isPodman || !LOCAL_DRIVERS.has(driver))) return undefined;
      return isPodman ? followLogOnPodman(docker, id, signal) : followLog(docker, id, phase, signal);
    },
    classify: (error) => (isGone(error) ? { kind: 'gone' } : classify(error)),
  };
}

/** Podman says so in its own way while a container is going. */
function isGone(error: unknown): boolean {
  const isVague = hasStatus(error, 500) || error instanceof BrokenAnswer;
  return hasStatus(error, 404) || (isVague && /no such container/i.test(asError(error).message));
}
