import type Docker from 'dockerode';
import { type Json, object, text, texts, textsIn } from '../../../lib/json-shape';
import { Limit } from '../../../lib/limit';
import { ask } from '../connection/http';
import { UNIDENTIFIED, withField } from '../connection/shapes';

/** What lists and inspections of images have in common. */
export interface Image {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** An image with what listings leave out. */
export interface ImageInspection extends Image {
  readonly layers: readonly string[];
  readonly lastTagTime: string | undefined;
  /** When it was built, on whatever machine. */
  readonly created: string | undefined;
}

/** @param image as the engine lists or inspects it; old engines show `<none>:<none>` where there is no tag */
export function imageOf({ Id, RepoTags, RepoDigests }: Json, labels: unknown): Image {
  const named = (references: unknown) => texts(references).filter((reference) => !reference.startsWith('<none>'));
  return { id: text(Id) ?? UNIDENTIFIED, tags: named(RepoTags), digests: named(RepoDigests), labels: textsIn(labels) };
}

/** Inspections in flight. A healthy engine needs a millisecond for each. */
const CONCURRENCY = 8;

/** Inspects each image once: only its tags can change. */
export class ImageInspections {
  readonly #docker: Docker;
  readonly #limit = new Limit(CONCURRENCY);
  readonly #known = new Map<string, ImageInspection>();

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /**
   * Inspects the images that are not known yet.
   * @returns by id, without images that can't be inspected or are gone
   * @throws the signal's reason
   */
  async of(ids: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, ImageInspection>> {
    const unknown = [...new Set(ids)].filter((id) => !this.#known.has(id));
    await Promise.all(unknown.map((id) => this.#limit.run(signal, () => this.#inspect(id, signal))));
    return this.#known;
  }

  async #inspect(id: string, signal: AbortSignal): Promise<void> {
    try {
      this.#known.set(id, await inspectImage(this.#docker, id, signal));
    } catch {
      signal.throwIfAborted();
    }
  }
}

/** @throws the engine's errors: 404 without such an image */
export function inspectImage(docker: Docker, id: string, signal: AbortSignal): Promise<ImageInspection> {
  return ask(docker, `/images/${id}/json`, signal, (answer) => {
    const found = withField('Id')(answer);
    const [config, root, metadata] = ['Config', 'RootFS', 'Metadata'].map((field) => object(found[field]));
    return {
      ...imageOf(found, config?.['Labels']),
      layers: texts(root?.['Layers']),
      lastTagTime: text(metadata?.['LastTagTime']),
      created: text(found['Created']),
    };
  });
}

/**
 * When the image was last tagged on this engine, in milliseconds since the epoch. `Created` is the
 * time of its build on any machine, or 1970 for reproducible builds.
 * https://github.com/moby/moby/blob/master/api/types/image/image_inspect.go
 * @returns undefined without a tag (engines answer the year 1)
 */
export function taggedAt({ lastTagTime = '' }: ImageInspection): number | undefined {
  const time = Date.parse(lastTagTime);
  return time > 0 ? time : undefined;
}

/** Whether one of the images was made from the other, by their layers. */
export function areRelated(one: ImageInspection, other: ImageInspection): boolean {
  const [shorter = [], longer = []] = [one.layers, other.layers].sort((a, b) => a.length - b.length);
  return shorter.every((layer, index) => layer === longer[index]);
}
