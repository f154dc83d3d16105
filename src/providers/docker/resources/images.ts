import type Docker from 'dockerode';
import { labels } from '../../../core/labels';
import { InUse, type Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Engine } from '../connection/connect';
import type { Endpoint } from '../connection/endpoint';
import { hasStatus } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { areRelated, type ImageInspection, type ImageInspections, inspectImage, taggedAt } from './image-inspections';
import { inUseBy, MAX_NAMES, refused } from './in-use';

/** The common fields of listed and inspected images. */
interface Image {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly RepoDigests?: readonly string[] | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

type ListedImage = Docker.ImageInfo;

/** Images, and the containers that used them. */
export class Images implements KindHandler {
  readonly kind = 'image';
  readonly #docker: Docker;
  readonly #endpoint: Endpoint;
  readonly #settings: DockerSettings;
  readonly #containers: KindHandler;
  readonly #inspections: ImageInspections;
  /** Containers by image id, then by their own. Keeps gone ones, whose images are leftovers. */
  readonly #users = new Map<string, Map<string, Resource>>();

  constructor({ docker, endpoint }: Engine, settings: DockerSettings, containers: KindHandler, inspections: ImageInspections) {
    this.#docker = docker;
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#containers = containers;
    this.#inspections = inspections;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    await this.#lookForUsers(abortSignal);
    const { listed, children } = await this.#listAll(abortSignal);
    const images = listed.filter((image) => !isLayer(image, children));
    // Only labelled images need an age; the others are judged by their users and the baseline.
    const labelled = images.filter(({ Labels }) => Object.keys(Labels ?? {}).length > 0).map(({ Id }) => Id);
    const inspections = await this.#inspections.of(labelled, abortSignal);
    const inheriting = inheritingIn(images, inspections);
    return images.map((image) => ({
      ...this.#resource(image),
      ...timeOf(inspections.get(image.Id)),
      ...(inheriting.has(image.Id) ? { inheritsSession: true } : {}),
      dependents: descendants(image.Id, children),
    }));
  }

  /** Images and the layers between them; only layers have dependents here. */
  async survey(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const { listed, children } = await this.#listAll(abortSignal);
    return listed.map((image) => ({
      ...this.#resource(image),
      ...(isLayer(image, children) ? { dependents: descendants(image.Id, children) } : {}),
    }));
  }

  async inspect({ id, inheritsSession }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const image = await inspectImage(this.#docker, id, abortSignal);
    return {
      ...this.#resource({ ...image, Labels: image.Config?.Labels ?? null }),
      ...timeOf(image),
      ...(inheritsSession ? { inheritsSession } : {}),
    };
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalArguments({ id }: Resource): readonly string[] {
    return ['image', 'rm', shortId(id)];
  }

  /** Includes the layers between images, which show the ancestry, and go with their last child. */
  async #listAll(abortSignal: AbortSignal) {
    const listed = await this.#docker.listImages({ all: true, abortSignal });
    return { listed, children: Map.groupBy(listed, ({ ParentId }) => ParentId) };
  }

  #resource(image: Image): Resource {
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: image.Id,
      name: tagsOf(image)[0] ?? digestsOf(image)[0] ?? shortId(image.Id),
      state: 'present',
      running: false,
      labels: image.Labels ?? {},
      usedBy: [...(this.#users.get(bareId(image.Id))?.values() ?? [])],
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
    for (const reference of besidesFirst(await inspectImage(this.#docker, id, abortSignal))) {
      await this.#removeOne(reference, abortSignal).catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error; // It is untagged already.
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

  /**
   * Called before untagging: an engine untags an image in use, and only then refuses its removal.
   */
  async #refuseIfUsed(id: string, abortSignal: AbortSignal, cause?: unknown): Promise<void> {
    const containers = await this.#lookForUsers(abortSignal);
    const users = containers.filter(({ imageId = '' }) => bareId(imageId) === bareId(id));
    if (users.length > 0) throw inUseBy(users, this.#endpoint, { cause });
  }

  /** Refuses to remove a parent image: an earlier wave removes its children. */
  async #refuseIfParent(id: string, abortSignal: AbortSignal): Promise<void> {
    const images = await this.#docker.listImages({ all: true, abortSignal });
    const children = images.filter(({ ParentId }) => ParentId === id);
    if (children.length === 0) return;
    const names = children.slice(0, MAX_NAMES).map((child) => tagsOf(child)[0] ?? shortId(child.Id));
    throw new InUse(`other images were made from it: ${names.join(', ')}`);
  }

  async #removeOne(reference: string, abortSignal: AbortSignal): Promise<void> {
    await this.#docker.getImage(reference).remove({ abortSignal });
  }
}

/** Whether it is only a layer between images. */
function isLayer(image: ListedImage, children: ReadonlyMap<string, unknown>): boolean {
  return tagsOf(image).length === 0 && children.has(image.Id);
}

function timeOf(inspection: ImageInspection | undefined): Pick<Resource, 'createdAt'> {
  const createdAt = inspection && taggedAt(inspection);
  return createdAt === undefined ? {} : { createdAt };
}

/**
 * Ids of images that may have their session's label from their base image, whose labels a build
 * copies. Includes images without an inspection.
 */
function inheritingIn(images: readonly ListedImage[], inspections: ReadonlyMap<string, ImageInspection>): ReadonlySet<string> {
  const ofSessions = images.filter(({ Labels }) => Object.hasOwn(Labels ?? {}, labels.session));
  const families = Map.groupBy(ofSessions, ({ Labels }) => Labels[labels.session]);
  const hasRelative = ({ Id }: ListedImage, family: readonly ListedImage[]) => {
    const inspection = inspections.get(Id);
    if (inspection === undefined) return true;
    return family.some((other) => {
      const others = inspections.get(other.Id);
      return other.Id !== Id && others !== undefined && areRelated(inspection, others);
    });
  };
  return new Set(
    [...families.values()].flatMap((family) => family.filter((image) => hasRelative(image, family))).map(({ Id }) => Id),
  );
}

/** Old engines answer `<none>:<none>`. */
function tagsOf({ RepoTags }: Image): readonly string[] {
  return (RepoTags ?? []).filter((tag) => !tag.startsWith('<none>'));
}

function digestsOf({ RepoDigests }: Image): readonly string[] {
  return (RepoDigests ?? []).filter((digest) => !digest.startsWith('<none>'));
}

/**
 * The references to remove before the image's id: all tags but one, and digests of other
 * repositories. A repository's digests go with its last tag.
 */
function besidesFirst(image: Image): readonly string[] {
  const [tags, digests] = [tagsOf(image), digestsOf(image)];
  const going = new Set([...tags, ...(tags.length > 0 ? [] : digests.slice(0, 1))].map(repositoryOf));
  return [...tags.slice(1), ...digests.filter((digest) => !going.has(repositoryOf(digest)))];
}

/** `host:5000/team/tool` of `host:5000/team/tool:1.2` or `host:5000/team/tool@sha256:…`. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** Ids of all images made from this one. */
function descendants(id: string, children: ReadonlyMap<string, readonly { readonly Id: string }[]>): readonly string[] {
  return (children.get(id) ?? []).flatMap((child) => [child.Id, ...descendants(child.Id, children)]);
}

/** Podman sometimes omits the algorithm. */
function bareId(id: string): string {
  return id.replace(/^sha256:/, '');
}

function shortId(id: string): string {
  return bareId(id).slice(0, 12);
}
