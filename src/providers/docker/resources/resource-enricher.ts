import { labels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import type { EngineFacts } from './engine-facts';
import type { ImageInspections } from './image-inspections';
import { protectionOn } from './protection';
import { isOfSwarm } from './swarm';

/** Adds what listings lack: protection, age by our clock, whether the label may be inherited. */
export class ResourceEnricher {
  readonly #facts: EngineFacts;
  readonly #images: ImageInspections;

  constructor(facts: EngineFacts, images: ImageInspections) {
    this.#facts = facts;
    this.#images = images;
  }

  /** @throws the engine's errors: nothing can be listed without the facts */
  async enrich(resources: readonly Resource[], signal: AbortSignal): Promise<readonly Resource[]> {
    const { own, aheadMs, swarm } = await this.#facts.of(signal);
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
