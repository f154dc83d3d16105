import type Docker from 'dockerode';
import type { Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Engine } from '../connection/connect';
import { ask } from '../connection/request';
import { hasStatus } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { inUseBy } from './in-use';

/** Networks that an engine makes for itself: Docker's, a swarm's, Podman's. It refuses to remove most of them. */
const ENGINES_OWN = new Set(['bridge', 'host', 'none', 'ingress', 'docker_gwbridge', 'podman']);

export class Networks implements KindHandler {
  readonly kind = 'network';
  readonly #docker: Docker;
  readonly #settings: DockerSettings;

  constructor({ docker }: Engine, settings: DockerSettings) {
    this.#docker = docker;
    this.#settings = settings;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const listed = await this.#docker.listNetworks({ abortSignal });
    return listed.map((network) => this.#resource(network));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    return this.#resource(await this.#look(id, abortSignal));
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalArguments({ id }: Resource): readonly string[] {
    return ['network', 'rm', id.slice(0, 12)];
  }

  #resource({ Id, Name, Labels, Created }: Docker.NetworkInspectInfo): Resource {
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: Id,
      name: Name,
      state: 'present',
      running: false,
      labels: Labels ?? {},
      createdAt: Date.parse(Created),
      ...(ENGINES_OWN.has(Name) ? { protection: 'it is the engine’s own' } : {}),
    };
  }

  #look(id: string, abortSignal: AbortSignal): Promise<Docker.NetworkInspectInfo> {
    return ask(this.#docker, `/networks/${id}`, abortSignal);
  }

  /** Asks who is on it first: through this API Podman (4.3) cuts running containers off where Docker refuses. */
  async #remove(id: string, abortSignal: AbortSignal): Promise<undefined> {
    await this.#refuseIfUsed(id, abortSignal);
    try {
      await this.#docker.getNetwork(id).remove({ abortSignal });
    } catch (error) {
      // Docker says 403 while endpoints are attached, newer Podmans 409 or 500.
      if (hasStatus(error, 403, 409, 500)) await this.#refuseIfUsed(id, abortSignal, error);
      throw error;
    }
  }

  async #refuseIfUsed(id: string, abortSignal: AbortSignal, cause?: unknown): Promise<void> {
    const { Containers } = await this.#look(id, abortSignal);
    const attached = Object.entries(Containers ?? {}).map(([container, { Name }]) => Name || container.slice(0, 12));
    if (attached.length > 0) throw inUseBy(attached, cause);
  }
}
