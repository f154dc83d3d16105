import type Docker from 'dockerode';
import type { ImageSize, ImageSpace } from '../../../core/disk';
import { bareId } from '../../../core/image-names';
import type { Resource } from '../../../core/resource';
import { items, type Json, object, text } from '../../../lib/json-shape';
import { Limit } from '../../../lib/limit';
import { type Engine, isPodman } from '../connection/connect';
import { ask, BrokenAnswer } from '../connection/http';
import { createdAt, listing } from '../connection/shapes';
import { hasStatus } from '../errors';
import { type ImageInspection, type ImageInspections, taggedAt } from '../resources/image-inspections';

/** Measures images. What does not change is asked once. */
export class ImageMeter {
  readonly #docker: Docker;
  readonly #isPodman: boolean;
  readonly #inspections: ImageInspections;
  readonly #podmanLayers = new Map<string, readonly Layer[]>();

  constructor({ docker, version }: Engine, inspections: ImageInspections) {
    this.#docker = docker;
    this.#isPodman = isPodman(version);
    this.#inspections = inspections;
  }

  async measure(images: readonly Resource[], signal: AbortSignal): Promise<ImageSpace> {
    const ids = images.map(({ id }) => id);
    const inspections = await this.#inspections.of(ids, signal);
    return this.#isPodman ? this.#fromHistories(ids, inspections, signal) : this.#fromEngine(ids, inspections, signal);
  }

  /** Old engines ignore the type, and walk through all files. */
  async #fromEngine(
    ids: readonly string[],
    inspections: ReadonlyMap<string, ImageInspection>,
    signal: AbortSignal,
  ): Promise<ImageSpace> {
    const answer = await ask(this.#docker, '/system/df', signal, object, { query: { type: 'image' } });
    const { TotalSize, Items } = object(answer['ImageUsage']);
    const total = bytesOf(answer['LayersSize']) ?? bytesOf(TotalSize);
    if (total === undefined) throw new BrokenAnswer('the engine does not say how much space its images take');
    const sizes = new Map(items(answer['Images'] ?? Items).map((image) => [text(image['Id']) ?? '', image]));
    const images = ids.flatMap((id) => {
      const { Size, SharedSize } = sizes.get(id) ?? {};
      const size = bytesOf(Size);
      if (size === undefined) return []; // A step of a build: the engine counts it with what was made from it.
      const inspection = inspections.get(id);
      const image: ImageSize = {
        size,
        shared: bytesOf(SharedSize) ?? 0,
        layers: inspection?.layers ?? [],
        ...timesOf(inspection),
      };
      return [[id, image] as const];
    });
    return { total, images: new Map(images) };
  }

  /** Podman says nothing of shared layers, but how much each step of an image's history added. */
  async #fromHistories(
    ids: readonly string[],
    inspections: ReadonlyMap<string, ImageInspection>,
    signal: AbortSignal,
  ): Promise<ImageSpace> {
    const limit = new Limit(CONCURRENCY);
    const listed = await ask(this.#docker, '/images/json', signal, listing, { query: { all: 'true' } });
    const sizes = new Map(listed.map(({ Id, Size }) => [bareId(text(Id) ?? ''), bytesOf(Size) ?? 0]));
    const chains = await Promise.all(
      ids.map(async (id) => {
        const inspection = inspections.get(id);
        const layers = await limit.run(signal, () => this.#layersOf(id, inspection?.layers ?? [], signal));
        return { id, inspection, layers: layers ?? [{ id, bytes: sizes.get(bareId(id)) ?? 0 }] };
      }),
    );
    const stacks = new Map<string, number>();
    const users = new Map<string, number>();
    for (const { layers } of chains) {
      for (const [stack, layer] of stacksOf(layers)) {
        stacks.set(stack, layer.bytes);
        users.set(stack, (users.get(stack) ?? 0) + 1);
      }
    }
    const images = chains.map(({ id, inspection, layers }) => {
      const shared = stacksOf(layers).reduce((sum, [stack, { bytes }]) => sum + ((users.get(stack) ?? 0) > 1 ? bytes : 0), 0);
      const size = layers.reduce((sum, { bytes }) => sum + bytes, 0);
      return [id, { size, shared, layers: layers.map((layer) => layer.id), ...timesOf(inspection) }] as const;
    });
    return { total: [...stacks.values()].reduce((sum, bytes) => sum + bytes, 0), images: new Map(images) };
  }

  /** @returns undefined if the history does not tell the layers' sizes, or the image is gone */
  async #layersOf(id: string, layers: readonly string[], signal: AbortSignal): Promise<readonly Layer[] | undefined> {
    const known = this.#podmanLayers.get(id);
    if (known) return known;
    const history = await ask(this.#docker, `/images/${id}/history`, signal, listing).catch((error: unknown) => {
      if (hasStatus(error, 404, 500)) return [];
      throw error;
    });
    const sizes = history.map(({ Size }: Json) => bytesOf(Size) ?? 0).filter((bytes) => bytes > 0);
    const full = layers.filter((layer) => layer !== EMPTY_LAYER);
    if (sizes.length !== full.length) return undefined;
    const found = full.map((layer, index) => ({ id: layer, bytes: sizes[sizes.length - 1 - index] ?? 0 }));
    this.#podmanLayers.set(id, found);
    return found;
  }
}

interface Layer {
  readonly id: string;
  readonly bytes: number;
}

/** Requests in flight. */
const CONCURRENCY = 8;

/** A layer without files: https://github.com/moby/moby/blob/v20.10.24/layer/empty.go */
const EMPTY_LAYER = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** Each layer with all below it, which tell it from the same one in another place. */
function stacksOf(layers: readonly Layer[]): readonly (readonly [stack: string, layer: Layer])[] {
  return layers.map((layer, index) => [
    layers
      .slice(0, index + 1)
      .map(({ id }) => id)
      .join(' '),
    layer,
  ]);
}

function timesOf(inspection: ImageInspection | undefined): Pick<ImageSize, 'tagged' | 'built'> {
  const [tagged, built] = [inspection && taggedAt(inspection), createdAt(inspection?.created).createdAt];
  return { ...(tagged === undefined ? {} : { tagged }), ...(built === undefined ? {} : { built }) };
}

/** Unknown sizes are absent or -1. */
function bytesOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
