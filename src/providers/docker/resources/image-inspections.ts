import type Docker from 'dockerode';
import { Limit } from '../../../lib/limit';
import { ask } from '../connection/http';
import { withField } from '../connection/shapes';

/** The parts of an image's inspection that listings leave out. */
export interface ImageInspection {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null } | null;
  readonly RootFS?: { readonly Layers?: readonly string[] | null } | null;
  readonly Metadata?: { readonly LastTagTime?: string } | null;
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
  return ask(docker, `/images/${id}/json`, signal, (answer) => withField('Id')(answer) as unknown as ImageInspection);
}

/**
 * When the image was last tagged on this engine, in milliseconds since the epoch. `Created` is the
 * time of its build on any machine, or 1970 for reproducible builds.
 * https://github.com/moby/moby/blob/master/api/types/image/image_inspect.go
 * @returns undefined without a tag (engines answer the year 1)
 */
export function taggedAt({ Metadata }: ImageInspection): number | undefined {
  const time = Date.parse(Metadata?.LastTagTime ?? '');
  return time > 0 ? time : undefined;
}

/** Whether one of the images was made from the other, by their layers. */
export function areRelated(one: ImageInspection, other: ImageInspection): boolean {
  const [shorter = [], longer = []] = [layersOf(one), layersOf(other)].sort((a, b) => a.length - b.length);
  return shorter.every((layer, index) => layer === longer[index]);
}

function layersOf({ RootFS }: ImageInspection): readonly string[] {
  return RootFS?.Layers ?? [];
}
