import type { Rung, RungAnswer, StopOutcome } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import { items, type Json, object, text, textsIn } from '../../../lib/json-shape';
import { type Engine, isPodman } from '../connection/connect';
import { ask } from '../connection/http';
import { createdAt, listing, UNIDENTIFIED, withField } from '../connection/shapes';
import { hasStatus } from '../errors';
import { whyDeaf } from './deafness';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { removeContainer } from './in-use';
import { infraLast, isInfra, podRemovalCommand, removePod } from './pods';
import type { Services } from './services';

/** `restarting` starts again unless stopped; `stopping` is Podman's state during a stop. */
const RUNNING_STATES = new Set(['running', 'paused', 'restarting', 'stopping']);

/** 128 + 9. */
const SIGKILL_EXIT_CODE = 137;

/** Containers with their anonymous volumes. */
export class Containers implements KindHandler {
  readonly kind = 'container';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #clock: Clock;
  readonly #services: Services | undefined;
  readonly #isPodman: boolean;

  /** @param services without them, containers are not known to be theirs */
  constructor(engine: Engine, settings: DockerSettings, clock: Clock, services?: Services) {
    this.#engine = engine;
    this.#isPodman = isPodman(engine.version);
    this.#settings = settings;
    this.#clock = clock;
    this.#services = services;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const containers = (await this.listed(abortSignal)).map((container) => this.resource(container));
    return this.#isPodman ? infraLast(containers) : this.#withServices(containers, abortSignal);
  }

  /** As the engine lists them. */
  async listed(abortSignal: AbortSignal): Promise<readonly Json[]> {
    return ask(this.#engine.docker, '/containers/json', abortSignal, listing, { query: { all: 'true' } });
  }

  /** @param container as the engine lists it */
  resource({ Id, Names, Image, ImageID, State, Labels, Created, Mounts, Ports }: Json): Resource {
    const name = Array.isArray(Names) ? text(Names[0]) : undefined;
    const id = text(Id) ?? (name && nameOf(name, '')) ?? UNIDENTIFIED;
    const state = text(State) ?? 'unknown';
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id,
      name: nameOf(name, id),
      image: text(Image) ?? '',
      imageId: text(ImageID) ?? '',
      state,
      running: RUNNING_STATES.has(state),
      labels: textsIn(Labels),
      ...createdAt(Created),
      ...this.#binds(Mounts),
      ...portsIn(Ports),
    };
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const found = await ask(this.#engine.docker, `/containers/${encodeURIComponent(id)}/json`, abortSignal, withField('Id'));
    const [config, state] = [object(found['Config']), object(found['State'])];
    const foundId = text(found['Id']) ?? id;
    const status = text(state['Status']) ?? 'unknown';
    const deaf = await this.#whyDeaf(foundId, state, config);
    const container: Resource = {
      provider: this.#settings.name,
      kind: this.kind,
      id: foundId,
      name: nameOf(text(found['Name']), foundId),
      image: text(config['Image']) ?? '',
      imageId: text(found['Image']) ?? '',
      state: status,
      running: RUNNING_STATES.has(status),
      labels: textsIn(config['Labels']),
      ...createdAt(found['Created']),
      ...(deaf === undefined ? {} : { deaf }),
    };
    const [known = container] = await this.#withServices([container], abortSignal);
    return known;
  }

  async #withServices(containers: readonly Resource[], abortSignal: AbortSignal): Promise<readonly Resource[]> {
    return (await this.#services?.withServices(containers, abortSignal)) ?? containers;
  }

  /** A remote engine's directories are not this machine's. */
  #binds(mounts: unknown): Pick<Resource, 'binds'> {
    if (!this.#engine.endpoint.url.startsWith('unix://')) return {};
    const binds = items(mounts).flatMap(({ Type, Source, RW }) => (Type === 'bind' && RW !== false ? (text(Source) ?? []) : []));
    return binds.length > 0 ? { binds } : {};
  }

  /** Only removes what has stopped, kills what is deaf, leaves what a service makes again. */
  ladder(container: Resource): readonly Rung[] {
    const refusal = this.#services?.refusalFor(container);
    if (refusal) return removalOnly(this.#settings.removeMs, () => Promise.reject(refusal));
    if (this.#isPodman && isInfra(container)) {
      return removalOnly(this.#settings.removeMs, (signal) =>
        removePod(this.#engine.docker, this.#engine.endpoint, container, signal),
      );
    }
    const { id, running, deaf } = container;
    const stop: Rung = {
      action: 'stop',
      timeoutMs: this.#settings.stopMs,
      waits: true,
      ...(deaf === undefined ? {} : { skip: deaf }),
      run: (signal, graceMs) => this.#stop(id, graceMs, signal),
    };
    const kill: Rung = {
      action: 'kill',
      timeoutMs: this.#settings.killMs,
      waits: false,
      unchecked: true, // A removal by force takes what runs, what has ended, and what is on its way out.
      run: (signal) => this.#kill(id, signal),
    };
    const remove: Rung = {
      action: 'remove',
      timeoutMs: this.#settings.removeMs,
      waits: false,
      run: (signal) => this.#remove(id, signal),
      // Waits for a removal that was in progress.
      reached: () => false,
    };
    return running ? [stop, kill, remove] : [remove];
  }

  removalCommand(container: Resource): string {
    if (this.#isPodman && isInfra(container)) return podRemovalCommand(this.#engine.endpoint, container);
    return removeContainer(container.id, this.#engine.endpoint);
  }

  /** A paused container receives only SIGKILL, which also thaws it. */
  async #whyDeaf(id: string, state: Json, config: Json): Promise<string | undefined> {
    if (state['Paused'] === true) return 'it is paused: no signal reaches it';
    if (object(state['Health'])['Status'] === 'unhealthy') return 'its health check says unhealthy';
    const pid = state['Pid'];
    if (state['Running'] !== true || typeof pid !== 'number' || !this.#settings.skipGraceWhenDeaf) return undefined;
    return whyDeaf(pid, text(config['StopSignal']) ?? 'SIGTERM', id);
  }

  /** The engine stops, waits and kills: the duration and the exit code tell how it ended. */
  async #stop(id: string, graceMs: number, abortSignal: AbortSignal): Promise<StopOutcome | undefined> {
    // The API takes whole seconds; 0 would kill at once.
    const seconds = Math.max(1, Math.ceil(graceMs / 1000));
    const container = this.#engine.docker.getContainer(id);
    const startedAt = this.#clock.now();
    const wasRunning = await container.stop({ t: seconds, abortSignal }).then(
      () => true,
      (error: unknown) => {
        // It ended by itself, or by an earlier stop whose answer was lost.
        if (hasStatus(error, 304)) return false;
        throw error;
      },
    );
    if (wasRunning && this.#clock.now() - startedAt < seconds * 1000) return 'graceful';
    try {
      const { ExitCode } = object((await ask(this.#engine.docker, `/containers/${id}/json`, abortSignal, object))['State']);
      return ExitCode === SIGKILL_EXIT_CODE ? 'killed' : 'graceful';
    } catch (error) {
      if (!wasRunning) throw error; // It was removed by something else.
      return 'killed'; // A --rm container is gone: only the duration tells.
    }
  }

  async #kill(id: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await this.#engine.docker.getContainer(id).kill({ signal: 'SIGKILL', abortSignal });
    } catch (error) {
      if (!isNotRunning(error)) throw error;
    }
  }

  async #remove(id: string, abortSignal: AbortSignal): Promise<RungAnswer> {
    try {
      await this.#engine.docker.getContainer(id).remove({ force: true, v: true, abortSignal });
      return 'gone';
    } catch (error) {
      if (hasStatus(error, 409) && isInProgress(error)) return undefined;
      throw error;
    }
  }
}

/** A port has an item for each of the host's addresses. */
function portsIn(listed: unknown): Pick<Resource, 'ports'> {
  const ports = items(listed).flatMap(({ PublicPort }) => (typeof PublicPort === 'number' && PublicPort > 0 ? [PublicPort] : []));
  return ports.length > 0 ? { ports: [...new Set(ports)] } : {};
}

/** Names start with a slash. A container may have none while it is created or removed. */
export function nameOf(name: string | undefined, id: string): string {
  return name?.replace(/^\//, '') || id.slice(0, 12);
}

/** Docker answers 409 for an ended container, Podman 500 with a reason. */
function isNotRunning(error: unknown): boolean {
  return hasStatus(error, 409) || (hasStatus(error, 500) && /can only kill running containers/i.test(asError(error).message));
}

function isInProgress(error: unknown): boolean {
  return error instanceof Error && /already in progress/i.test(error.message);
}
