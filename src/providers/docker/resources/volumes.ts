import type Docker from 'dockerode';
import type { Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Engine } from '../connection/connect';
import { hasStatus } from '../errors';
import { nameOf } from './containers';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { inUseBy } from './in-use';

/** Engines before API 1.29 do not tell when. */
type Volume = Docker.VolumeInspectInfo & { readonly CreatedAt?: string };

/** The name that an engine gives where nobody did, and the label that newer ones add. */
const ANONYMOUS = { name: /^[0-9a-f]{64}$/, label: 'com.docker.volume.anonymous' };

/** Volumes with a name or a label. An anonymous one goes with its container; without that there is no telling whose it was. */
export class Volumes implements KindHandler {
  readonly kind = 'volume';
  readonly #docker: Docker;
  readonly #settings: DockerSettings;

  constructor({ docker }: Engine, settings: DockerSettings) {
    this.#docker = docker;
    this.#settings = settings;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    // Without any volume, old engines answer null.
    const { Volumes: listed } = (await this.#docker.listVolumes({ abortSignal })) as {
      readonly Volumes: readonly Volume[] | null;
    };
    return (listed ?? []).filter((volume) => !isAnonymous(volume)).map((volume) => this.#resource(volume));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    return this.#resource(await this.#docker.getVolume(id).inspect({ abortSignal }));
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalArguments({ name }: Resource): readonly string[] {
    return ['volume', 'rm', name];
  }

  #resource({ Name, Labels, CreatedAt }: Volume): Resource {
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: Name,
      name: Name,
      state: 'present',
      running: false,
      labels: Labels ?? {},
      ...(CreatedAt ? { createdAt: Date.parse(CreatedAt) } : {}),
    };
  }

  async #remove(name: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await this.#docker.getVolume(name).remove({ abortSignal });
    } catch (error) {
      if (!hasStatus(error, 409, 500)) throw error;
      const users = await this.#users(name, abortSignal);
      // Without any user a container is just going: it gives up its volumes a moment after its name.
      throw users.length > 0 ? inUseBy(users, error) : error;
    }
  }

  async #users(name: string, abortSignal: AbortSignal): Promise<readonly string[]> {
    const found = await this.#docker.listContainers({ all: true, filters: { volume: [name] }, abortSignal });
    // The filter takes destinations in containers as well.
    const uses = found.filter(({ Mounts }) => Mounts?.some((mount) => mount.Name === name));
    return uses.map(({ Id, Names }) => nameOf(Names?.[0], Id));
  }
}

function isAnonymous({ Name, Labels }: Volume): boolean {
  return ANONYMOUS.name.test(Name) && Object.keys(Labels ?? {}).every((label) => label === ANONYMOUS.label);
}
