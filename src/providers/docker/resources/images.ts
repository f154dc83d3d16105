import { bareId, repositoryOf } from '../../../core/image-names';
import { labels } from '../../../core/labels';
import { InUse, type Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { object, text, texts } from '../../../lib/json-shape';
import { type Engine, isPodman } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { listing } from '../connection/shapes';
import { hasStatus, isGone, NotThere } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import {
  areRelated,
  type Image,
  type ImageInspection,
  type ImageInspections,
  imageOf,
  inspectImage,
  taggedAt,
} from './image-inspections';
import { inUseBy, MAX_NAMES, refused } from './in-use';

/** As the engine lists it. */
interface ListedImage extends Image {
  /** Without the algorithm; empty where there is none. */
  readonly parent: string;
}

/** Images, and the containers that used them. */
export class Images implements KindHandler {
  readonly kind = 'image';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #containers: KindHandler;
  readonly #inspections: ImageInspections;
  readonly #isPodman: boolean;
  /** Containers by image id, then by their own. Keeps gone ones, whose images are leftovers. */
  readonly #users = new Map<string, Map<string, Resource>>();
  /**
   * What was made from each layer, by the layer's id, then by its own. It stays in it like
   * `#users`.
   */
  readonly #madeFrom = new Map<string, Map<string, Resource>>();

  constructor(engine: Engine, settings: DockerSettings, containers: KindHandler, inspections: ImageInspections) {
    this.#engine = engine;
    this.#settings = settings;
    this.#containers = containers;
    this.#inspections = inspections;
    this.#isPodman = isPodman(engine.version);
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    await this.#lookForUsers(abortSignal);
    const { listed, children } = await this.#listAll(abortSignal);
    const images = listed.filter((image) => !this.#isLayer(image));
    // Only labelled images need an age; the others are judged by their users and the baseline.
    const labelled = images.filter(({ labels: all }) => Object.keys(all).length > 0).map(({ id }) => id);
    const inspections = await this.#inspections.of(labelled, abortSignal);
    const inheriting = inheritingIn(images, inspections);
    const resources = images.map((image) => ({
      ...this.#resource(image),
      ...timeOf(inspections.get(image.id)),
      ...(inheriting.has(image.id) ? { inheritsSession: true } : {}),
      dependents: descendants(image.id, children),
    }));
    return [...resources, ...this.#layers(listed, children, resources)];
  }

  async survey(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const { listed } = await this.#listAll(abortSignal);
    return listed.map((image) => this.#resource(image));
  }

  async inspect(resource: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const { id, inheritsSession, tagOf } = resource;
    const image = await inspectImage(this.#engine.docker, id, abortSignal);
    if (tagOf !== undefined) {
      if (bareId(image.id) !== bareId(tagOf)) throw tagMoved(id);
      return { ...resource, labels: image.labels };
    }
    return {
      ...this.#resource(image),
      ...timeOf(image),
      ...(inheritsSession ? { inheritsSession } : {}),
    };
  }

  ladder({ id, tagOf }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) =>
      tagOf === undefined ? this.#remove(id, signal) : this.#untag(id, tagOf, signal),
    );
  }

  removalCommand({ id, tagOf }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'image', 'rm', tagOf === undefined ? shortId(id) : id);
  }

  /** Includes the layers between images, which show the ancestry. */
  async #listAll(abortSignal: AbortSignal) {
    const found = await ask(this.#engine.docker, '/images/json', abortSignal, listing, { query: { all: 'true' } });
    const listed = found.map((image) => ({ ...imageOf(image, image['Labels']), parent: bareId(text(image['ParentId']) ?? '') }));
    const children = Map.groupBy(listed, ({ parent }) => parent);
    for (const { id, tags } of listed) {
      const isParent = tags.length === 0 && children.has(bareId(id));
      if (isParent && !this.#madeFrom.has(id)) this.#madeFrom.set(id, new Map());
    }
    return { listed, children };
  }

  /** Whether it is, or was, only a step between an image and its parent. */
  #isLayer({ id, tags }: Image): boolean {
    return tags.length === 0 && this.#madeFrom.has(id);
  }

  /** The layers, each used by what was made from it. */
  #layers(listed: readonly ListedImage[], children: Children, images: readonly Resource[]): readonly Resource[] {
    const known = new Map(images.map((image) => [image.id, image]));
    const layer = (image: ListedImage): Resource => {
      const made = children.get(bareId(image.id)) ?? [];
      for (const child of made) this.#madeFrom.get(image.id)?.set(child.id, known.get(child.id) ?? layer(child));
      const resource = { ...this.#resource(image), dependents: made.map(({ id }) => id) };
      known.set(image.id, resource);
      return resource;
    };
    return listed.flatMap((image) => (this.#isLayer(image) ? (known.get(image.id) ?? layer(image)) : []));
  }

  #resource(image: Image): Resource {
    const { id, tags, digests } = image;
    const isLayer = this.#isLayer(image);
    const containers = this.#users.get(bareId(id))?.values() ?? [];
    const images = (isLayer ? this.#madeFrom.get(id)?.values() : undefined) ?? [];
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id,
      name: tags[0] ?? digests[0] ?? shortId(id),
      state: 'present',
      running: false,
      labels: image.labels,
      usedBy: [...containers, ...images],
      ...(tags.length > 0 ? { tags } : {}),
      ...(digests.length > 0 ? { digests } : {}),
      ...(isLayer ? { isLayer } : {}),
    };
  }

  /** @returns the existing containers */
  async #lookForUsers(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const containers = await this.#containers.list(abortSignal);
    for (const container of containers) {
      const image = bareId(container.imageId ?? '');
      const users = this.#users.get(image) ?? new Map<string, Resource>();
      this.#users.set(image, users.set(container.id, container));
    }
    return containers;
  }

  /** Without force, an engine removes an image by id only if it has one reference at most. */
  async #remove(id: string, abortSignal: AbortSignal): Promise<undefined> {
    await this.#refuseIfUsed(id, abortSignal);
    await this.#refuseIfParent(id, abortSignal);
    for (const reference of besidesFirst(await inspectImage(this.#engine.docker, id, abortSignal))) {
      await this.#removeOne(reference, abortSignal).catch((error: unknown) => {
        if (!isGone(error)) throw error; // It is untagged already.
      });
    }
    try {
      await this.#removeOne(id, abortSignal);
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      await this.#refuseIfUsed(id, abortSignal, error);
      throw refused(error); // It has child images, for one.
    }
  }

  /** Leaves the last tag: with it an engine removes the image. */
  async #untag(tag: string, imageId: string, abortSignal: AbortSignal): Promise<undefined> {
    const { id, tags } = await inspectImage(this.#engine.docker, tag, abortSignal);
    if (bareId(id) !== bareId(imageId)) throw tagMoved(tag);
    const why = 'it is the last name of an image that was there before';
    if (tags.length < 2) throw new InUse(why, { keptBecause: why });
    await this.#removeOne(tag, abortSignal);
  }

  /** Called before untagging, which an engine does even if it then refuses the removal. */
  async #refuseIfUsed(id: string, abortSignal: AbortSignal, cause?: unknown): Promise<void> {
    const containers = await this.#lookForUsers(abortSignal);
    const users = containers.filter(({ imageId = '' }) => bareId(imageId) === bareId(id));
    if (users.length > 0) throw inUseBy(users, this.#engine.endpoint, { cause });
  }

  /** Refuses to remove a parent image: an earlier wave removes its children. */
  async #refuseIfParent(id: string, abortSignal: AbortSignal): Promise<void> {
    const children = (await this.#listAll(abortSignal)).children.get(bareId(id)) ?? [];
    if (children.length === 0) return;
    const names = children.slice(0, MAX_NAMES).map((child) => child.tags[0] ?? shortId(child.id));
    throw new InUse(`other images were made from it: ${names.join(', ')}`);
  }

  /**
   * Left to itself, an engine removes all untagged parents, too: those that were there before, as
   * well.
   */
  async #removeOne(reference: string, abortSignal: AbortSignal): Promise<void> {
    if (this.#isPodman) return this.#removeAtPodman(bareId(reference), abortSignal);
    await this.#engine.docker.getImage(reference).remove({ noprune: true, abortSignal });
  }

  /**
   * Podman 4.3 honours `noprune` on a path of its own only. The answer there is 200, whatever comes
   * of it.
   */
  async #removeAtPodman(images: string, abortSignal: AbortSignal): Promise<void> {
    const request = { method: 'DELETE', query: { images, noprune: 'true' } } as const;
    const { ExitCode, Errors } = await ask(this.#engine.docker, '/v4.0.0/libpod/images/remove', abortSignal, object, request);
    if (ExitCode === 0) return;
    throw new PodmanRefusal(texts(Errors).join('; '), PODMAN_STATUS.get(ExitCode) ?? 500);
  }
}

/** https://docs.podman.io/en/latest/markdown/podman-rmi.1.html#exit-status */
const PODMAN_STATUS: ReadonlyMap<unknown, number> = new Map([
  [1, 404],
  [2, 409],
]);

/** Podman did not remove an image; with the status that its answer should have. */
class PodmanRefusal extends Error {
  override readonly name = 'PodmanRefusal';
  readonly statusCode: number;
  readonly json: { readonly message: string };

  constructor(message: string, statusCode: number) {
    super(`Podman did not remove the image: ${message}`);
    this.statusCode = statusCode;
    this.json = { message };
  }
}

/** The image that was looked for by its tag is gone. */
function tagMoved(tag: string): NotThere {
  return new NotThere(`${tag} names another image by now`);
}

/** Images by the id of what they were made from, without the algorithm. */
type Children = ReadonlyMap<string, readonly ListedImage[]>;

function timeOf(inspection: ImageInspection | undefined): Pick<Resource, 'createdAt'> {
  const createdAt = inspection && taggedAt(inspection);
  return createdAt === undefined ? {} : { createdAt };
}

/**
 * Ids of images that may have their session's label from their base image, whose labels a build
 * copies. Includes images without an inspection.
 */
function inheritingIn(images: readonly Image[], inspections: ReadonlyMap<string, ImageInspection>): ReadonlySet<string> {
  const ofSessions = images.filter((image) => Object.hasOwn(image.labels, labels.session));
  const families = Map.groupBy(ofSessions, (image) => image.labels[labels.session]);
  const hasRelative = ({ id }: Image, family: readonly Image[]) => {
    const inspection = inspections.get(id);
    if (inspection === undefined) return true;
    return family.some((other) => {
      const others = inspections.get(other.id);
      return other.id !== id && others !== undefined && areRelated(inspection, others);
    });
  };
  return new Set(
    [...families.values()].flatMap((family) => family.filter((image) => hasRelative(image, family))).map(({ id }) => id),
  );
}

/**
 * The references to remove before the image's id: all tags but one, and digests of other
 * repositories. A repository's digests go with its last tag.
 */
function besidesFirst({ tags, digests }: Image): readonly string[] {
  const going = new Set([...tags, ...(tags.length > 0 ? [] : digests.slice(0, 1))].map(repositoryOf));
  return [...tags.slice(1), ...digests.filter((digest) => !going.has(repositoryOf(digest)))];
}

/** Ids of all images made from this one. */
function descendants(id: string, children: Children): readonly string[] {
  const found = new Set([id]);
  // Goes on to what is added meanwhile.
  for (const parent of found) for (const child of children.get(bareId(parent)) ?? []) found.add(child.id);
  found.delete(id);
  return [...found];
}

function shortId(id: string): string {
  return bareId(id).slice(0, 12);
}
