import type Docker from 'dockerode';
import { InUse } from '../../../core/in-use';
import type { Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Engine } from '../connection/connect';
import type { Endpoint } from '../connection/endpoint';
import { ask } from '../connection/http';
import { hasStatus } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { inUseBy, MAX_NAMES, refused } from './in-use';

/** What lists and inspections of images have in common. */
interface Image {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly RepoDigests?: readonly string[] | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

interface InspectedImage extends Image {
  readonly Created?: string;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null } | null;
}

/** Images, and who used them. */
export class Images implements KindHandler {
  readonly kind = 'image';
  readonly #docker: Docker;
  readonly #endpoint: Endpoint;
  readonly #settings: DockerSettings;
  readonly #containers: KindHandler;
  /** Containers by their own id, by the id of their image: also those that are gone, so that it is known what they left. */
  readonly #users = new Map<string, Map<string, Resource>>();

  constructor({ docker, endpoint }: Engine, settings: DockerSettings, containers: KindHandler) {
    this.#docker = docker;
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#containers = containers;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    await this.#lookForUsers(abortSignal);
    // With `all` also the layers between an image and its parent, which tell who descends from whom. They go with their last child.
    const listed = await this.#docker.listImages({ all: true, abortSignal });
    const children = Map.groupBy(listed, ({ ParentId }) => ParentId);
    const images = listed.filter((image) => tagsOf(image).length > 0 || !children.has(image.Id));
    return images.map((image) => ({
      ...this.#resource(image, image.Created * 1000),
      dependents: descendants(image.Id, children),
    }));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const image = await this.#look(id, abortSignal);
    return this.#resource({ ...image, Labels: image.Config?.Labels ?? null }, Date.parse(image.Created ?? ''));
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalArguments({ id }: Resource): readonly string[] {
    return ['image', 'rm', shortId(id)];
  }

  #resource(image: Image, createdAt: number): Resource {
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id: image.Id,
      name: tagsOf(image)[0] ?? digestsOf(image)[0] ?? shortId(image.Id),
      state: 'present',
      running: false,
      labels: image.Labels ?? {},
      usedBy: [...(this.#users.get(bareId(image.Id))?.values() ?? [])],
      ...(Number.isNaN(createdAt) ? {} : { createdAt }),
    };
  }

  #look(id: string, abortSignal: AbortSignal): Promise<InspectedImage> {
    return ask(this.#docker, `/images/${id}/json`, abortSignal);
  }

  /** @returns the containers that are there now */
  async #lookForUsers(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const containers = await this.#containers.list(abortSignal);
    for (const container of containers) {
      const image = bareId(container.imageId ?? '');
      const users = this.#users.get(image) ?? new Map<string, Resource>();
      this.#users.set(image, users.set(container.id, container));
    }
    return containers;
  }

  /** Without force an engine removes an image by its id only where that leaves one reference at most. */
  async #remove(id: string, abortSignal: AbortSignal): Promise<undefined> {
    await this.#refuseIfUsed(id, abortSignal);
    await this.#refuseIfParent(id, abortSignal);
    for (const reference of besidesFirst(await this.#look(id, abortSignal))) {
      await this.#removeOne(reference, abortSignal).catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error; // Somebody else untagged it.
      });
    }
    try {
      await this.#removeOne(id, abortSignal);
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      await this.#refuseIfUsed(id, abortSignal, error);
      throw refused(error); // Other images were made from it, say.
    }
  }

  /** Looks before anything is untagged: an engine takes a tag from an image that is in use, too, and then refuses the rest. */
  async #refuseIfUsed(id: string, abortSignal: AbortSignal, cause?: unknown): Promise<void> {
    const containers = await this.#lookForUsers(abortSignal);
    const users = containers.filter(({ imageId = '' }) => bareId(imageId) === bareId(id));
    if (users.length > 0) throw inUseBy(users, this.#endpoint, { cause });
  }

  /** What others were made from stays: those that were to go have gone before (`Resource.dependents`). */
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

/** Old engines show `<none>:<none>` where there is nothing. */
function tagsOf({ RepoTags }: Image): readonly string[] {
  return (RepoTags ?? []).filter((tag) => !tag.startsWith('<none>'));
}

function digestsOf({ RepoDigests }: Image): readonly string[] {
  return (RepoDigests ?? []).filter((digest) => !digest.startsWith('<none>'));
}

/**
 * The references that have to go before the image can go by its id: all tags but one, and the digests of other repositories; those of
 * a repository go with its last tag.
 */
function besidesFirst(image: Image): readonly string[] {
  const [tags, digests] = [tagsOf(image), digestsOf(image)];
  const going = new Set([...tags, ...(tags.length > 0 ? [] : digests.slice(0, 1))].map(repositoryOf));
  return [...tags.slice(1), ...digests.filter((digest) => !going.has(repositoryOf(digest)))];
}

/** `host:5000/team/tool:1.2` and `host:5000/team/tool@sha256:…` are of `host:5000/team/tool`. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** Ids of all images that were made from this one. */
function descendants(id: string, children: ReadonlyMap<string, readonly { readonly Id: string }[]>): readonly string[] {
  return (children.get(id) ?? []).flatMap((child) => [child.Id, ...descendants(child.Id, children)]);
}

/** Podman leaves out the algorithm in places. */
function bareId(id: string): string {
  return id.replace(/^sha256:/, '');
}

function shortId(id: string): string {
  return bareId(id).slice(0, 12);
}
