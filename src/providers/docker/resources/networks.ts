import { InUse, type Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { asError } from '../../../lib/errors';
import { items, type Json, object, text, textsIn } from '../../../lib/json-shape';
import type { Engine } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { createdAt, listing, UNIDENTIFIED, withField } from '../connection/shapes';
import { hasStatus, isForManagers } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly, type UserLookup } from './handler';
import { inUseBy, inUseByServices } from './in-use';
import { onlyOnManagers } from './swarm';

/** Networks of Docker, Swarm and Podman themselves. */
const ENGINES_OWN = new Set(['bridge', 'host', 'none', 'ingress', 'docker_gwbridge', 'podman']);

/** Newer engines name the endpoint. */
const ACTIVE_ENDPOINTS = /has active endpoints(?:[^"]*name:\s*"([^"]+)")?/i;

export class Networks implements KindHandler {
  readonly kind = 'network';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #users: UserLookup;

  constructor(engine: Engine, settings: DockerSettings, users: UserLookup) {
    this.#engine = engine;
    this.#settings = settings;
    this.#users = users;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    return (await ask(this.#engine.docker, '/networks', abortSignal, listing)).map((network) => this.#resource(network));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    return this.#resource(await this.#look(id, abortSignal));
  }

  ladder(network: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(network, signal));
  }

  removalCommand({ id }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'network', 'rm', id.slice(0, 12));
  }

  #resource({ Id, Name, Labels, Created, Driver, IPAM, Scope, Ingress }: Json): Resource {
    const name = text(Name);
    const id = text(Id) ?? name ?? UNIDENTIFIED;
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id,
      name: name ?? id.slice(0, 12),
      state: 'present',
      running: false,
      labels: textsIn(Labels),
      ...createdAt(Created),
      ...(Driver === 'bridge' ? { subnets: items(object(IPAM)['Config']).flatMap(({ Subnet }) => text(Subnet) ?? []) } : {}),
      ...(Scope === 'swarm' ? { shared: true } : {}),
      ...(Ingress === true || (name !== undefined && ENGINES_OWN.has(name)) ? { protection: 'it is the engine’s own' } : {}),
    };
  }

  #look(id: string, abortSignal: AbortSignal): Promise<Json> {
    return ask(this.#engine.docker, `/networks/${encodeURIComponent(id)}`, abortSignal, withField('Id'));
  }

  /** Checks for users first: Podman 4.3 disconnects running containers where Docker refuses. */
  async #remove(network: Resource, abortSignal: AbortSignal): Promise<undefined> {
    await this.#refuseIfUsed(network, abortSignal);
    try {
      await this.#engine.docker.getNetwork(network.id).remove({ abortSignal });
    } catch (error) {
      if (isForManagers(error))
        throw onlyOnManagers('a worker can’t remove it', ['network', 'rm', network.name], { cause: error });
      const inUse = inUseByServices(error, this.#engine.endpoint);
      if (inUse) throw inUse;
      // While endpoints are attached, Docker answers 403, newer Podmans 409 or 500.
      if (!hasStatus(error, 403, 409, 500)) throw error;
      await this.#refuseIfUsed(network, abortSignal, error);
      throw ACTIVE_ENDPOINTS.test(asError(error).message) ? await this.#ghost(network, error, abortSignal) : error;
    }
  }

  /** Counts stopped containers too: they could not start without their network. Docker does not. */
  async #refuseIfUsed(network: Resource, abortSignal: AbortSignal, cause?: unknown): Promise<void> {
    const attached = Object.keys(object((await this.#look(network.id, abortSignal))['Containers']));
    const isUser = (container: Json) => attached.includes(text(container['Id']) ?? '') || isOn(network, container);
    const users = await this.#users(isUser, abortSignal);
    if (users.length === 0) return;
    const command = this.#cutOff(
      network,
      users.map(({ id }) => id.slice(0, 12)),
    );
    throw inUseBy(users, this.#engine.endpoint, { command, cause });
  }

  /** The endpoint of a container that is gone: https://github.com/moby/moby/issues/42119 */
  async #ghost(network: Resource, cause: unknown, abortSignal: AbortSignal): Promise<InUse> {
    const attached = Object.values(object((await this.#look(network.id, abortSignal))['Containers']));
    const named = ACTIVE_ENDPOINTS.exec(asError(cause).message)?.[1];
    const names = items(attached).flatMap(({ Name }) => text(Name) ?? []);
    const ghosts = names.length > 0 ? names : named === undefined ? [] : [named];
    const who = ghosts.length > 0 ? `, ${ghosts.join(', ')},` : '';
    return new InUse(`the engine counts an endpoint${who} on it, though no container is: ${asError(cause).message}`, {
      command: this.#cutOff(network, ghosts.length > 0 ? ghosts : ['NAME']),
      mayPass: true,
      cause,
    });
  }

  #cutOff(network: Resource, names: readonly string[]): string {
    const id = network.id.slice(0, 12);
    const disconnects = names.map((name) => dockerCommand(this.#engine.endpoint, 'network', 'disconnect', '--force', id, name));
    return [...disconnects, this.removalCommand(network)].join('; ');
  }
}

/** Whether a listed container is, or will be, on the network. At first it has only the name. */
function isOn({ id, name }: Resource, container: Json): boolean {
  const networks = Object.entries(object(object(container['NetworkSettings'])['Networks']));
  return networks.some(([key, settings]) => {
    const networkId = text(object(settings)['NetworkID']);
    return networkId === undefined ? key === name || key === id : networkId === id;
  });
}
