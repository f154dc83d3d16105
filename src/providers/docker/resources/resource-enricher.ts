import type Docker from 'dockerode';
import { labels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { type Json, object, text } from '../../../lib/json-shape';
import { engineIdIn } from '../connection/connect';
import { ask } from '../connection/http';
import { createdAt } from '../connection/shapes';
import { classify } from '../errors';
import { ImageInspections } from './image-inspections';
import { findOwnContainer, type OwnContainer, protectionOn } from './protection';
import { isOfSwarm, type SwarmNode, swarmNodeIn } from './swarm';

/** Facts about the engine, for all of its resources. */
interface Facts {
  readonly own: OwnContainer | undefined;
  /** Milliseconds by which the engine's clock is ahead of ours. */
  readonly aheadMs: number;
  /** The same under every address. */
  readonly engineId: string | undefined;
  readonly swarm: SwarmNode;
}

/** Milliseconds. Smaller differences do not count: the engine rounds to seconds. */
const SAME_TIME_MS = 1_000;

/** Adds what listings lack: protection, age by our clock, whether the label may be inherited. */
export class ResourceEnricher {
  readonly #docker: Docker;
  readonly #clock: Clock;
  readonly #images: ImageInspections;
  #facts: Promise<Facts> | undefined;

  constructor(docker: Docker, clock: Clock, images = new ImageInspections(docker)) {
    this.#docker = docker;
    this.#clock = clock;
    this.#images = images;
  }

  /** @throws the engine's errors: nothing can be listed without the facts */
  async enrich(resources: readonly Resource[], signal: AbortSignal): Promise<readonly Resource[]> {
    const { own, aheadMs, swarm } = await this.#factsOf(signal);
    const inheriting = await this.#inheriting(resources, signal);
    const known = new Map<Resource, Resource>();
    const enriched = (resource: Resource): Resource => {
      const before = known.get(resource);
      if (before) return before;
      const protection = resource.protection ?? protectionOn(resource, own);
      const { shared: _, ...rest } = resource;
      const whole: Resource = {
        ...rest,
        ...(isOfSwarm(resource) && swarm.isOneOfMany ? { shared: true } : {}),
        // A builder's time is that of a file on this machine.
        ...(resource.createdAt === undefined || resource.kind === 'builder' ? {} : { createdAt: resource.createdAt - aheadMs }),
        ...(protection === undefined ? {} : { protection }),
        ...(inheriting(resource) ? { inheritsSession: true } : {}),
        ...(resource.usedBy === undefined ? {} : { usedBy: resource.usedBy.map(enriched) }),
      };
      known.set(resource, whole);
      return whole;
    };
    return resources.map(enriched);
  }

  /** @throws the engine's errors */
  async engineId(signal: AbortSignal): Promise<string | undefined> {
    return (await this.#factsOf(signal)).engineId;
  }

  /** @throws the engine's errors */
  async swarm(signal: AbortSignal): Promise<SwarmNode> {
    return (await this.#factsOf(signal)).swarm;
  }

  /**
   * Returns a test for containers whose session's label may come from their image: the same label,
   * or an image that can't be inspected. The engine does not tell equal labels apart.
   */
  async #inheriting(resources: readonly Resource[], signal: AbortSignal): Promise<(resource: Resource) => boolean> {
    const ofSessions = [...withUsers(resources)].filter(
      ({ kind, imageId, labels: all }) => kind === 'container' && imageId !== undefined && Object.hasOwn(all, labels.session),
    );
    const inspections = await this.#images.of(
      ofSessions.flatMap(({ imageId }) => imageId || []),
      signal,
    );
    const inheriting = ofSessions.filter(({ imageId = '', labels: all }) => {
      const image = inspections.get(imageId);
      return image === undefined || image.labels[labels.session] === all[labels.session];
    });
    const ids = new Set(inheriting.map(({ id }) => id));
    return ({ kind, id }) => kind === 'container' && ids.has(id);
  }

  /** Asks once for simultaneous listings, and again after a failure. */
  async #factsOf(signal: AbortSignal): Promise<Facts> {
    this.#facts ??= this.#ask(signal);
    try {
      return await this.#facts;
    } catch (error) {
      this.#facts = undefined;
      throw error;
    }
  }

  async #ask(signal: AbortSignal): Promise<Facts> {
    const askedAt = this.#clock.now();
    const info = await this.#info(signal);
    const ours = (askedAt + this.#clock.now()) / 2;
    const ahead = (createdAt(text(info['SystemTime'])).createdAt ?? ours) - ours;
    return {
      own: await findOwnContainer(this.#docker, signal),
      aheadMs: Math.abs(ahead) >= SAME_TIME_MS ? ahead : 0,
      engineId: engineIdIn(info),
      swarm: swarmNodeIn(info),
    };
  }

  /** A proxy may forbid it: then the clocks count as equal. */
  async #info(signal: AbortSignal): Promise<Json> {
    try {
      return await ask(this.#docker, '/info', signal, object);
    } catch (error) {
      if (classify(error).kind === 'permanent' && !signal.aborted) return {};
      throw error;
    }
  }
}

/** Resources, and all that use them, each once. */
function withUsers(resources: readonly Resource[], found = new Set<Resource>()): ReadonlySet<Resource> {
  for (const resource of resources) {
    if (found.has(resource)) continue;
    found.add(resource);
    withUsers(resource.usedBy ?? [], found);
  }
  return found;
}
