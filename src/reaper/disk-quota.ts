import type { ImageSize } from '../core/disk';

/** An image that may go to make room. */
export interface Candidate extends ImageSize {
  readonly id: string;
  /** Milliseconds since the epoch; 0 if it is unknown. */
  readonly lastUse: number;
  /** Ids of the images made from it, which the engine does not let it outlive. */
  readonly dependents: readonly string[];
  /** It stays, whatever it takes. */
  readonly stays: boolean;
  /** A step of a build without a name: worth nothing without what was made from it. */
  readonly isLayer: boolean;
}

/**
 * Chooses images to remove, the longest unused first, until `bytes` come back. A use of an image is
 * also a use of those that it was made from; one that stays keeps them, too. Shared layers come back
 * with the last image that has them.
 * @returns ids, in the order in which they are to go
 */
export function longestUnused(images: readonly Candidate[], bytes: number): readonly string[] {
  const families = familiesOf(images);
  const lastUse = new Map(images.map((image) => [image.id, latest(families.get(image.id) ?? [])]));
  const used = ({ id }: Candidate) => lastUse.get(id) ?? 0;
  const going = new Set<Candidate>();
  const order = images
    .filter(({ id, stays }) => !stays && !families.get(id)?.some((member) => member.stays))
    // With the same last use, what was made from an image comes before it.
    .toSorted((a, b) => used(a) - used(b) || size(families, a) - size(families, b));
  const room = new Room(images);
  let freed = 0;
  for (const image of order) {
    if (freed >= bytes) break;
    going.add(image);
    freed += room.without(image);
  }
  const layers = order.filter((image) => image.isLayer && !going.has(image) && size(families, image) > 1);
  for (const layer of layers) if (families.get(layer.id)?.every((one) => one === layer || going.has(one))) going.add(layer);
  return [...going].map(({ id }) => id);
}

/** By the image's id: itself, and all that was made from it. */
type Families = ReadonlyMap<string, readonly Candidate[]>;

function size(families: Families, { id }: Candidate): number {
  return families.get(id)?.length ?? 0;
}

function familiesOf(images: readonly Candidate[]): Families {
  const known = new Map(images.map((image) => [image.id, image]));
  const members = (image: Candidate, found = new Set<Candidate>()): Set<Candidate> => {
    if (found.has(image)) return found;
    found.add(image);
    for (const id of image.dependents) {
      const dependent = known.get(id);
      if (dependent) members(dependent, found);
    }
    return found;
  };
  return new Map(images.map((image) => [image.id, [...members(image)]]));
}

function latest(family: readonly Candidate[]): number {
  return family.reduce((last, { lastUse }) => Math.max(last, lastUse), 0);
}

/** The room that images take, from which one after the other goes. */
class Room {
  /** The lowest layer, the two lowest, and so on: layers are shared from below. Each such stack once. */
  readonly #stacks = new Map<string, Stack>();

  constructor(images: readonly Candidate[]) {
    for (const { layers } of images) for (const stack of this.#stacksOf(layers)) stack.users += 1;
    for (const { layers, size: bytes, shared } of images) {
      const stacks = this.#stacksOf(layers);
      const [whole, common] = [stacks.at(-1), stacks.findLast(({ users }) => users > 1)];
      if (common) common.bytes = Math.max(common.bytes, shared);
      if (whole) whole.bytes = Math.max(whole.bytes, bytes);
    }
  }

  /** Takes an image out. @returns the bytes that come back, as far as the engine tells */
  without({ layers, size: bytes, shared }: Candidate): number {
    const stacks = this.#stacksOf(layers);
    if (stacks.length === 0) return bytes - shared;
    for (const stack of stacks) stack.users -= 1;
    const staying = stacks.filter(({ users }) => users > 0);
    return bytes - staying.reduce((most, stack) => Math.max(most, stack.bytes), 0);
  }

  #stacksOf(layers: readonly string[]): readonly Stack[] {
    let below = 0;
    return layers.map((layer) => {
      const key = `${below} ${layer}`;
      const stack = this.#stacks.get(key) ?? { number: this.#stacks.size + 1, users: 0, bytes: 0 };
      this.#stacks.set(key, stack);
      below = stack.number;
      return stack;
    });
  }
}

interface Stack {
  readonly number: number;
  /** Images that have it. */
  users: number;
  /** As far as the engine tells. */
  bytes: number;
}
