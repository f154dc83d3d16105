import type { Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { items, type Json, object, text, textsIn } from '../../../lib/json-shape';
import { type Engine, isPodman } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { createdAt, listing, UNIDENTIFIED, withField } from '../connection/shapes';
import { hasStatus } from '../errors';
import { type VolumeUsers, volumeUsers } from '../events/history';
import { type DockerSettings, type KindHandler, removalOnly, type UserLookup } from './handler';
import { inUseBy, removeUser } from './in-use';

/** The names that engines make up, and the label of newer engines. */
const ANONYMOUS = { name: /^[0-9a-f]{64}$/, label: 'com.docker.volume.anonymous' };

/** Milliseconds to read the engine's last events. Without them, anonymous volumes may stay. */
const EVENTS_TIMEOUT_MS = 5_000;

/**
 * Anonymous volumes go with their containers. Of those that stay, the engine's last events tell who
 * had them, and the proxy's notes.
 */
export class Volumes implements KindHandler {
  readonly kind = 'volume';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #users: UserLookup;
  readonly #isPodman: boolean;
  #usersOnce: Promise<VolumeUsers> | undefined;

  constructor(engine: Engine, settings: DockerSettings, users: UserLookup) {
    this.#engine = engine;
    this.#settings = settings;
    this.#users = users;
    this.#isPodman = isPodman(engine.version);
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const [all, orphans] = await Promise.all([
      this.#listAll(abortSignal),
      this.#settings.orphanedVolumes ? this.#listAll(abortSignal, { filters: JSON.stringify({ dangling: ['true'] }) }) : [],
    ]);
    const named = all.filter((volume) => !isAnonymous(volume)).map((volume) => this.#resource(volume));
    const anonymous = orphans.filter(isAnonymous).map((volume) => this.#resource(volume));
    if (anonymous.length === 0) return named;
    const users = await this.#gone(abortSignal);
    return [...named, ...anonymous.map((volume) => withUsers(volume, users))];
  }

  /** Containers that had volumes, as far as the engine remembers them. */
  async #gone(abortSignal: AbortSignal): Promise<VolumeUsers> {
    if (this.#isPodman) return new Map(); // Its events do not name the container.
    try {
      const inTime = AbortSignal.any([abortSignal, AbortSignal.timeout(EVENTS_TIMEOUT_MS)]);
      this.#usersOnce ??= volumeUsers(this.#engine.docker, this.#settings.name, inTime);
      return await this.#usersOnce;
    } catch {
      this.#usersOnce = undefined;
      abortSignal.throwIfAborted();
      return new Map();
    }
  }

  /** All volumes, anonymous ones too. */
  async survey(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    return (await this.#listAll(abortSignal)).map((volume) => this.#resource(volume));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const path = `/volumes/${encodeURIComponent(id)}`;
    const volume = this.#resource(await ask(this.#engine.docker, path, abortSignal, withField('Name')));
    return volume.anonymous ? withUsers(volume, await this.#gone(abortSignal)) : volume;
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalCommand({ name }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'volume', 'rm', name);
  }

  #listAll(abortSignal: AbortSignal, query: Readonly<Record<string, string>> = {}): Promise<readonly Json[]> {
    return ask(this.#engine.docker, '/volumes', abortSignal, volumesIn, { query });
  }

  #resource(volume: Json): Resource {
    const { Name, Labels, CreatedAt } = volume;
    const name = text(Name) ?? UNIDENTIFIED;
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: name,
      name,
      state: 'present',
      running: false,
      labels: textsIn(Labels),
      ...createdAt(CreatedAt),
      ...(isAnonymous(volume) ? { anonymous: true } : {}),
    };
  }

  async #remove(name: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await this.#engine.docker.getVolume(name).remove({ abortSignal });
    } catch (error) {
      if (!hasStatus(error, 409, 500)) throw error;
      const users = await this.#users(({ Mounts }) => items(Mounts).some(({ Name }) => Name === name), abortSignal);
      // Its container is just being removed.
      if (users.length === 0) throw error;
      const removals = users.map((user) => removeUser(user, this.#engine.endpoint));
      const command = [...removals, dockerCommand(this.#engine.endpoint, 'volume', 'rm', name)].join('; ');
      throw inUseBy(users, this.#engine.endpoint, { command, cause: error });
    }
  }
}

function withUsers(volume: Resource, users: VolumeUsers): Resource {
  const usedBy = users.get(volume.id);
  return usedBy === undefined ? volume : { ...volume, usedBy };
}

/** Old engines answer null without volumes. */
function volumesIn(answer: unknown): readonly Json[] {
  const { Volumes: listed } = object(answer);
  return listed === null ? [] : listing(listed);
}

function isAnonymous({ Name, Labels }: Json): boolean {
  return ANONYMOUS.name.test(text(Name) ?? '') && Object.keys(textsIn(Labels)).every((label) => label === ANONYMOUS.label);
}
