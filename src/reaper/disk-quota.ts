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
 * also a use of those that it was made from; one that stays keeps them, too. Shared layers come
 * back with the last image that has them.
 * @returns ids, in the order in which they are to go
 */
export function longestUnused(images: readonly Candidate[], bytes: number): readonly string[] {
  const known = new Map(images.map((image) => [image.id, image]));
  const madeFrom = (image: Candidate) => image.dependents.flatMap((id) => known.get(id) ?? []);
  const parents = parentsOf(images, madeFrom);
  const lastUse = withAncestors(
    images.toSorted((a, b) => b.lastUse - a.lastUse),
    parents,
  );
  const staying = withAncestors(
    images.filter(({ stays }) => stays),
    parents,
  );
  const used = (image: Candidate) => lastUse.get(image)?.lastUse ?? 0;
  const going = new Set<Candidate>();
  // With the same last use, what was made from an image comes before it.
  const order = dependentsFirst(images, madeFrom)
    .filter((image) => !staying.has(image))
    .toSorted((a, b) => used(a) - used(b));
  const room = new Room(images);
  let freed = 0;
  for (const image of order) {
    if (freed >= bytes) break;
    going.add(image);
    freed += room.without(image);
  }
  for (const layer of order.filter((image) => image.isLayer && !going.has(image))) {
    const made = madeFrom(layer);
    if (made.length > 0 && made.every((image) => going.has(image))) going.add(layer);
  }
  return [...going].map(({ id }) => id);
}

type Neighbours = (image: Candidate) => readonly Candidate[];

/** What each image was made from. */
function parentsOf(images: readonly Candidate[], madeFrom: Neighbours): Neighbours {
  const parents = new Map<Candidate, Candidate[]>();
  for (const image of images) {
    for (const dependent of madeFrom(image)) {
      const found = parents.get(dependent);
      if (found) found.push(image);
      else parents.set(dependent, [image]);
    }
  }
  return (image) => parents.get(image) ?? [];
}

/** For each of `images`, and for all that it was made from: the first of `images` that needs it. */
function withAncestors(images: readonly Candidate[], parents: Neighbours): ReadonlyMap<Candidate, Candidate> {
  const reached = new Map<Candidate, Candidate>();
  for (const first of images) {
    const pending = [first];
    for (let image = pending.pop(); image !== undefined; image = pending.pop()) {
      if (reached.has(image)) continue;
      reached.set(image, first);
      pending.push(...parents(image));
    }
  }
  return reached;
}

/** Orders them: each after what was made from it. Without recursion: a chain may be long. */
function dependentsFirst(images: readonly Candidate[], madeFrom: Neighbours): readonly Candidate[] {
  const ordered = new Set<Candidate>();
  const entered = new Set<Candidate>();
  const pending = [...images].reverse();
  for (let image = pending.at(-1); image !== undefined; image = pending.at(-1)) {
    if (entered.has(image)) {
      pending.pop();
      ordered.add(image);
    } else {
      entered.add(image);
      pending.push(...madeFrom(image).filter((dependent) => !entered.has(dependent)));
    }
  }
  return [...ordered];
}

/** The room that images take, from which one after the other goes. */
class Room {
  /** Stacks, each once: the lowest layer, the lowest two, and so on: layers share what is below. */
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
