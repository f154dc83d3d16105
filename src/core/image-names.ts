import { matchesGlob } from './glob';
import type { Resource } from './resource';

/** The registry that Docker leaves out of names, and what Podman writes before a name without one. */
const IMPLIED = /^(?:docker\.io\/(?:library\/)?|localhost\/)/;

/** A name as people write it: `python:3.12` for `docker.io/library/python:3.12`. */
function familiar(reference: string): string {
  return reference.replace(IMPLIED, '');
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
      for (const name of [...namesOf(image), shortId(image.id)]) if (!this.#ids.has(name)) this.#ids.set(name, image.id);
    }
  }

  /** The image's id; undefined if there is no image of that name. */
  idOf(name: string): string | undefined {
    const known = familiar(name);
    return this.#ids.get(known) ?? this.#ids.get(`${known}:latest`) ?? this.#ids.get(shortId(known));
  }
}

/** As the docker command shows it. */
function shortId(id: string): string {
  return bareId(id).slice(0, 12);
}
