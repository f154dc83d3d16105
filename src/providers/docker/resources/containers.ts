import type Docker from 'dockerode';
import type { Rung, StopOutcome } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import type { Engine } from '../connection/connect';
import { hasStatus } from '../errors';
import { whyDeaf } from './deafness';
import type { DockerSettings, KindHandler } from './handler';

/**
 * States in which the engine still has something to end: `restarting` starts again by itself unless it is stopped; `stopping` is
 * Podman's word for a stop that has not come to its end.
 */
const RUNNING_STATES = new Set(['running', 'paused', 'restarting', 'stopping']);

/** What a process leaves that SIGKILL ended: 128 + 9. */
const SIGKILL_EXIT_CODE = 137;

/** Containers, with their anonymous volumes. */
export class Containers implements KindHandler {
  readonly kind = 'container';
  readonly #docker: Docker;
  readonly #settings: DockerSettings;
  readonly #clock: Clock;

  constructor({ docker }: Engine, settings: DockerSettings, clock: Clock) {
    this.#docker = docker;
    this.#settings = settings;
    this.#clock = clock;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const listed = await this.#docker.listContainers({ all: true, abortSignal });
    return listed.map(({ Id, Names, Image, ImageID, State, Labels, Created }) => ({
      provider: this.#settings.name,
      kind: this.kind,
      id: Id,
      name: nameOf(Names?.[0], Id),
      image: Image,
      imageId: ImageID,
      state: State,
      running: RUNNING_STATES.has(State),
      labels: Labels ?? {},
      createdAt: Created * 1000,
    }));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const found = await this.#docker.getContainer(id).inspect({ abortSignal });
    const { Id, Name, Config, State, Created } = found;
    const deaf = await this.#whyDeaf(found);
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: Id,
      name: nameOf(Name, Id),
      image: Config.Image,
      state: State.Status,
      running: RUNNING_STATES.has(State.Status),
      labels: Config.Labels ?? {},
      createdAt: Date.parse(Created),
      ...(deaf === undefined ? {} : { deaf }),
    };
  }

  /** What does not run has only to be removed; where a stop signal can't do anything, SIGKILL comes at once. */
  ladder(container: Resource): readonly Rung[] {
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
      run: (signal) => this.#kill(id, signal),
    };
    const remove: Rung = {
      action: 'remove',
      timeoutMs: this.#settings.removeMs,
      waits: false,
      run: (signal) => this.#remove(id, signal),
      // A removal that is already in progress is waited for.
      reached: () => false,
    };
    return running ? [stop, kill, remove] : [remove];
  }

  removalArguments({ id }: Resource): readonly string[] {
    return ['rm', '--force', '--volumes', id.slice(0, 12)];
  }

  /** A paused container gets no signal before it is thawed; SIGKILL thaws it. */
  async #whyDeaf({ Id, State, Config }: Docker.ContainerInspectInfo): Promise<string | undefined> {
    if (State.Paused) return 'it is paused: no signal reaches it';
    if (State.Health?.Status === 'unhealthy') return 'its health check says unhealthy';
    if (!State.Running || !this.#settings.skipGraceWhenDeaf) return undefined;
    // The type leaves out that the engine tells the signal only where one is configured.
    const { StopSignal = 'SIGTERM' } = Config as { readonly StopSignal?: string };
    return whyDeaf(State.Pid, StopSignal || 'SIGTERM', Id);
  }

  /** The engine sends the stop signal, waits, and then kills: how it ended shows in the time it took, and in the exit code. */
  async #stop(id: string, graceMs: number, abortSignal: AbortSignal): Promise<StopOutcome | undefined> {
    // The API takes whole seconds; 0 would kill at once.
    const seconds = Math.max(1, Math.ceil(graceMs / 1000));
    const container = this.#docker.getContainer(id);
    const startedAt = this.#clock.now();
    const wasRunning = await container.stop({ t: seconds, abortSignal }).then(
      () => true,
      (error: unknown) => {
        // It has ended since it was looked at: by itself, or by a stop whose answer was lost.
        if (hasStatus(error, 304)) return false;
        throw error;
      },
    );
    if (wasRunning && this.#clock.now() - startedAt < seconds * 1000) return 'graceful';
    try {
      const { State } = await container.inspect({ abortSignal });
      return State.ExitCode === SIGKILL_EXIT_CODE ? 'killed' : 'graceful';
    } catch {
      return 'killed'; // A --rm container is gone by now: the time it took is all there is to go by.
    }
  }

  async #kill(id: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await this.#docker.getContainer(id).kill({ signal: 'SIGKILL', abortSignal });
    } catch (error) {
      if (!isNotRunning(error)) throw error;
    }
  }

  async #remove(id: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal });
    } catch (error) {
      if (!(hasStatus(error, 409) && isInProgress(error))) throw error;
    }
  }
}

/** The engine's names start with a slash; a container being made or removed can have none. */
export function nameOf(name: string | undefined, id: string): string {
  return name?.replace(/^\//, '') || id.slice(0, 12);
}

/** What has ended can't be killed. Docker says 409; Podman says 500, and why. */
function isNotRunning(error: unknown): boolean {
  return hasStatus(error, 409) || (hasStatus(error, 500) && /can only kill running containers/i.test(asError(error).message));
}

function isInProgress(error: unknown): boolean {
  return error instanceof Error && /already in progress/i.test(error.message);
}
