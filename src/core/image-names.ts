import { matchesGlob } from './glob';
import type { Resource } from './resource';

/** The registry that Docker leaves out of names, and what Podman writes before a name without one. */
const IMPLIED = /^(?:(?:index\.)?docker\.io\/(?:library\/)?|localhost\/)/;

/**
 * A name as people write it: `python:3.12` for `docker.io/library/python:3.12`. Of a tag with a digest,
 * only the digest counts, and only it is listed: `python@sha256:…` for `python:3.12@sha256:…`.
 */
function familiar(reference: string): string {
  const name = reference.replace(IMPLIED, '');
  const digest = /@.*$/.exec(name)?.[0];
  return digest === undefined ? name : repositoryOf(name) + digest;
}

/** `host:5000/team/tool` of `host:5000/team/tool:1.2` or `host:5000/team/tool@sha256:…`. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** Podman sometimes omits the algorithm. */
export function bareId(id: string): string {
  return id.replace(/^sha256:/, '');
}

/** All that an image can be called by, as people write it; without short ids. */
function namesOf({ id, name, tags = [], digests = [] }: Resource): readonly string[] {
  return [id, bareId(id), ...[name, ...tags, ...digests].flatMap((reference) => [reference, familiar(reference)])];
}

/** Whether one of the image's names matches, with its tag or without. */
export function isNamedBy(globs: readonly string[], image: Resource): boolean {
  const names = namesOf(image).flatMap((name) => [name, repositoryOf(name)]);
  return globs.some((glob) => names.some((name) => matchesGlob(name, glob) || matchesGlob(name, familiar(glob))));
}

/** Finds images by what the users of containers wrote. */
export class ImageNames {
  readonly #ids = new Map<string, string>();

  constructor(images: readonly Resource[]) {
    for (const image of images) {
      for (const name of namesOf(image)) if (!this.#ids.has(name)) this.#ids.set(name, image.id);
    }
  }

  /** The image's id; undefined if there is no image of that name. */
  idOf(name: string): string | undefined {
    const known = familiar(name);
    return this.#ids.get(known) ?? this.#ids.get(`${known}:latest`) ?? this.#idWith(bareId(known));
  }

  /** An engine takes the first digits of an id, as many as tell it from others. */
  #idWith(digits: string): string | undefined {
    if (!/^[0-9a-f]+$/.test(digits)) return undefined;
    return [...this.#ids.values()].find((id) => bareId(id).startsWith(digits));
  }
}
