import type Docker from 'dockerode';
import { labels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { type Json, object, text } from '../../../lib/json-shape';
import { ask } from '../connection/http';
import { createdAt } from '../connection/shapes';
import { classify } from '../errors';
import { ImageInspections } from './image-inspections';
import { findOwnContainer, type OwnContainer, protectionOn } from './protection';

/** What an engine is asked once, and holds for all of its resources. */
interface Facts {
  readonly own: OwnContainer | undefined;
  /** Milliseconds that the engine's clock is ahead of ours. */
  readonly aheadMs: number;
  /** The engine's own id: the same under every address. */
  readonly engineId: string | undefined;
}

/** Clocks that differ by less are as good as equal: the engine tells whole seconds. */
const SAME_TIME_MS = 1_000;

/**
 * Adds to a resource what its own listing does not tell: its protection, its age by our clock (an engine on another machine has its
 * own), and whether its session's label may come from its image.
 */
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

  /** @throws what the engine answers: without the facts, nothing can be listed */
  async enrich(resources: readonly Resource[], signal: AbortSignal): Promise<readonly Resource[]> {
    const { own, aheadMs } = await this.#factsOf(signal);
    const inheriting = await this.#inheriting(resources, signal);
    const enriched = (resource: Resource): Resource => {
      const protection = resource.protection ?? protectionOn(resource, own);
      return {
        ...resource,
        ...(resource.createdAt === undefined ? {} : { createdAt: resource.createdAt - aheadMs }),
        ...(protection === undefined ? {} : { protection }),
        ...(inheriting(resource) ? { inheritsSession: true } : {}),
        ...(resource.usedBy === undefined ? {} : { usedBy: resource.usedBy.map(enriched) }),
      };
    };
    return resources.map(enriched);
  }

  /** @throws what the engine answers */
  async engineId(signal: AbortSignal): Promise<string | undefined> {
    return (await this.#factsOf(signal)).engineId;
  }

  /**
   * Which containers may have their session's label from their image: the engine gives a container the labels of both, and of two
   * that are the same it does not tell which it was. So may those whose image can't be inspected.
   */
  async #inheriting(resources: readonly Resource[], signal: AbortSignal): Promise<(resource: Resource) => boolean> {
    const ofSessions = resources
      .flatMap((resource) => [resource, ...(resource.usedBy ?? [])])
      .filter(
        ({ kind, imageId, labels: all }) => kind === 'container' && imageId !== undefined && Object.hasOwn(all, labels.session),
      );
    const inspections = await this.#images.of(
      ofSessions.flatMap(({ imageId }) => imageId || []),
      signal,
    );
    const inheriting = ofSessions.filter(({ imageId = '', labels: all }) => {
      const image = inspections.get(imageId);
      return image === undefined || image.Config?.Labels?.[labels.session] === all[labels.session];
    });
    const ids = new Set(inheriting.map(({ id }) => id));
    return ({ kind, id }) => kind === 'container' && ids.has(id);
  }

  /** Several listings at once ask once; one that fails is asked again. */
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
    const { ID, SystemTime } = await this.#info(signal);
    const ours = (askedAt + this.#clock.now()) / 2;
    const ahead = (createdAt(text(SystemTime)).createdAt ?? ours) - ours;
    return {
      own: await findOwnContainer(this.#docker, signal),
      aheadMs: Math.abs(ahead) >= SAME_TIME_MS ? ahead : 0,
      engineId: text(ID),
    };
  }

  /** A proxy before the engine may forbid it: then the clocks are taken for equal. */
  async #info(signal: AbortSignal): Promise<Json> {
    try {
      return await ask(this.#docker, '/info', signal, object);
    } catch (error) {
      if (classify(error).kind === 'permanent' && !signal.aborted) return {};
      throw error;
    }
  }
}
