import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { labels } from '../../../core/labels';
import type { Rung, RungAnswer } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { sessionOf } from '../../../core/selector';
import type { Engine } from '../connection/connect';
import { contextEndpoint } from '../connection/context';
import { dockerCommand } from '../connection/endpoint';
import { isGone, NotThere } from '../errors';
import { type BuilderInstance, type Buildx, builderInstances, instancesDirectory, runBuildx } from './builder-instances';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';

/** The names that the driver gives: https://github.com/docker/buildx/blob/master/driver/docker-container/factory.go */
const containerOf = (node: string) => `buildx_buildkit_${node}`;
const volumeOf = (node: string) => `${containerOf(node)}_state`;

/**
 * buildx's builders whose nodes are all containers on this engine. Used by these containers and their
 * state volumes, which tell whose a builder is.
 */
export class Builders implements KindHandler {
  readonly kind = 'builder';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #buildx: Buildx;
  readonly #parts: readonly KindHandler[];
  /** Containers and volumes by kind and name. Keeps gone ones: they may go before their builder. */
  readonly #known = new Map<string, Resource>();
  #hasBuildx: Promise<boolean> | undefined;

  constructor(engine: Engine, settings: DockerSettings, buildx: Buildx, parts: readonly KindHandler[]) {
    this.#engine = engine;
    this.#settings = settings;
    this.#buildx = buildx;
    this.#parts = parts;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const instances = await builderInstances(this.#buildx, abortSignal);
    if (instances.length === 0) return [];
    const listings = await Promise.all(this.#parts.map((parts) => parts.survey?.(abortSignal) ?? parts.list(abortSignal)));
    for (const part of listings.flat()) this.#known.set(`${part.kind} ${part.name}`, part);
    const here = instances.flatMap((instance) => this.#resource(instance) ?? []);
    if (here.length === 0 || (await this.#canRemove(abortSignal))) return here;
    return here.map((builder) => ({ ...builder, protection: this.#whyItStays(builder) }));
  }

  /** All builders: those without a container, too. */
  async survey(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const instances = await builderInstances({ env: this.#buildx.env }, abortSignal);
    return instances.map((instance) => this.#withParts(instance, []));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const found = (await this.list(abortSignal)).find((builder) => builder.id === id);
    if (found === undefined) throw new NotThere(`there is no builder ${id}`);
    return found;
  }

  ladder(builder: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(builder, signal));
  }

  removalCommand({ name }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'buildx', 'rm', name);
  }

  /** @returns undefined if a node is elsewhere, or has no container */
  #resource(instance: BuilderInstance): Resource | undefined {
    const containers = instance.nodes.flatMap(({ name, endpoint }) =>
      this.#isHere(endpoint) ? (this.#known.get(`container ${containerOf(name)}`) ?? []) : [],
    );
    if (containers.length === 0 || containers.length < instance.nodes.length) return undefined;
    const volumes = instance.nodes.flatMap(({ name }) => this.#known.get(`volume ${volumeOf(name)}`) ?? []);
    return this.#withParts(instance, [...containers, ...volumes]);
  }

  #withParts({ name, writtenAt }: BuilderInstance, usedBy: readonly Resource[]): Resource {
    const [session, ...others] = new Set(usedBy.map(sessionOf));
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: name,
      name,
      state: 'present',
      running: false,
      labels: session !== undefined && others.length === 0 ? { [labels.session]: session } : {},
      createdAt: writtenAt,
      usedBy,
    };
  }

  /** Whether a node's endpoint, a URL or a docker context, may lead to this engine. A proxy's socket does. */
  #isHere(endpoint: string): boolean {
    const url = endpoint.includes('://') ? endpoint : this.#urlOf(endpoint);
    const isLocal = (address: string) => /^(unix|npipe):/.test(address);
    return url === this.#engine.endpoint.url || (isLocal(url) && isLocal(this.#engine.endpoint.url));
  }

  #urlOf(context: string): string {
    try {
      return contextEndpoint({ ...this.#buildx.env, DOCKER_CONTEXT: context })?.url ?? this.#engine.endpoint.url;
    } catch {
      return '';
    }
  }

  /** Removes what is left of the containers and volumes first, because `buildx rm` may not reach the engine. */
  async #remove({ name, usedBy = [] }: Resource, abortSignal: AbortSignal): Promise<RungAnswer> {
    const [containers, volumes] = ['container', 'volume'].map((kind) => usedBy.filter((part) => part.kind === kind));
    for (const { id } of containers ?? []) {
      await unlessGone(this.#engine.docker.getContainer(id).remove({ force: true, v: true, abortSignal }));
    }
    for (const { id } of volumes ?? []) await unlessGone(this.#engine.docker.getVolume(id).remove({ abortSignal }));
    const complaint = await runBuildx(this.#buildx, ['rm', name], abortSignal).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!existsSync(this.#file(name))) return 'gone';
    throw complaint ?? new Error('docker buildx rm left its file');
  }

  #file(name: string): string {
    return join(instancesDirectory(this.#buildx.env), name);
  }

  #canRemove(signal: AbortSignal): Promise<boolean> {
    this.#hasBuildx ??= runBuildx(this.#buildx, ['version'], signal).then(
      () => true,
      () => false,
    );
    return this.#hasBuildx;
  }

  #whyItStays({ name }: Resource): string {
    return `there is no docker buildx to remove it: its file ${this.#file(name)} stays`;
  }
}

async function unlessGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}
