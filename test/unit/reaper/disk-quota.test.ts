import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, longestUnused } from '../../../src/reaper/disk-quota';

const GB = 1e9;

/** An image of layers of one gigabyte each. */
const image = (id: string, lastUse: number, layers: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  lastUse,
  layers: [...layers],
  size: layers.length * GB,
  shared: 0,
  dependents: [],
  stays: false,
  isLayer: false,
  ...more,
});

describe('the longest unused images', () => {
  it('go first, and only as many as are needed', () => {
    const images = [image('young', 30, 'a'), image('oldest', 10, 'bc'), image('old', 20, 'd')];
    expect(longestUnused(images, 2 * GB)).toEqual(['oldest']);
    expect(longestUnused(images, 2 * GB + 1)).toEqual(['oldest', 'old']);
    expect(longestUnused(images, 0)).toEqual([]);
    expect(longestUnused(images, 100 * GB)).toEqual(['oldest', 'old', 'young']);
  });

  it('give shared layers back only with the last image that has them', () => {
    const images = [
      image('a', 1, 'xyz1', { shared: 3 * GB }),
      image('b', 2, 'xyz2', { shared: 3 * GB }),
      image('c', 3, 'p'),
      image('d', 4, 'q'),
    ];
    expect(longestUnused(images, 2 * GB)).toEqual(['a', 'b']); // 1 + 4: no third one is needed.
    expect(longestUnused(images, 5 * GB + 1)).toEqual(['a', 'b', 'c']);
  });

  it('count as what the engine says where their layers are not known', () => {
    const images = [image('a', 1, '', { size: 5 * GB, shared: 4 * GB }), image('b', 2, 'x')];
    expect(longestUnused(images, GB)).toEqual(['a']);
    expect(longestUnused(images, GB + 1)).toEqual(['a', 'b']);
  });

  it('stay as long as an image that was made from them: it is a use', () => {
    const images = [image('base', 1, 'x', { dependents: ['child'] }), image('child', 20, 'xy'), image('other', 10, 'z')];
    expect(longestUnused(images, 1)).toEqual(['other']);
    expect(longestUnused(images, 100 * GB)).toEqual(['other', 'child', 'base']);
    const used = images.map((one) => (one.id === 'child' ? { ...one, stays: true } : one));
    expect(longestUnused(used, 100 * GB)).toEqual(['other']);
  });

  it('take the steps along that they were built by, but no step that another image needs', () => {
    const images = [
      image('built', 1, 'xy', { size: 2 * GB }),
      image('step', 1, '', { isLayer: true, dependents: ['built'] }),
      image('shared step', 1, '', { isLayer: true, dependents: ['built', 'young'] }),
      image('young', 2, 'z'),
    ];
    expect(longestUnused(images, GB)).toEqual(['built', 'step']);
  });
});

describe('images that were made from one another', () => {
  const id = (number: number) => `image ${number}`;

  it('of a long chain go from its end, as each is used as lately as what was made from it', () => {
    const length = 10_000; // Longer than a stack of calls.
    // The later in the chain, the longer unused.
    const chain = Array.from({ length }, (_, at) =>
      image(id(at), length - at, '', { size: GB, dependents: at + 1 < length ? [id(at + 1)] : [] }),
    );
    const fromItsEnd = chain.map(({ id: each }) => each).reverse();
    expect(longestUnused(chain, Number.POSITIVE_INFINITY)).toEqual(fromItsEnd);
    expect(longestUnused(chain, 3 * GB)).toEqual(fromItsEnd.slice(0, 3));
    // All its descendants are named with each image, as the provider names them.
    const all = chain.slice(0, 100).map((one, at) => ({ ...one, dependents: chain.slice(at + 1, 100).map((each) => each.id) }));
    expect(longestUnused(all, Number.POSITIVE_INFINITY)).toEqual(fromItsEnd.slice(-100));
    const middle = 700;
    const kept = chain.map((one, at) => (at === middle ? { ...one, stays: true } : one));
    expect(longestUnused(kept, Number.POSITIVE_INFINITY)).toEqual(fromItsEnd.slice(0, length - middle - 1));
  });

  it('of a diamond stay below the one that was used last, and go with none but their own', () => {
    const diamond = [
      image('base', 1, 'x', { dependents: ['left', 'right'] }),
      image('left', 2, 'xl', { dependents: ['top'] }),
      image('right', 3, 'xr', { dependents: ['top'] }),
      image('top', 9, 'xlr'),
      image('other', 5, 'o'),
    ];
    expect(longestUnused(diamond, 1)).toEqual(['other']);
    const all = longestUnused(diamond, 100 * GB);
    expect(all.slice(0, 2)).toEqual(['other', 'top']);
    expect(all.slice(2, 4).toSorted()).toEqual(['left', 'right']);
    expect(all.slice(4)).toEqual(['base']);
    const kept = diamond.map((one) => (one.id === 'left' ? { ...one, stays: true } : one));
    expect(longestUnused(kept, 100 * GB)).toEqual(['other', 'top', 'right']);
  });

  it('in a circle, which no engine has, all stay with one that stays', () => {
    const circle = [
      image('a', 1, 'x', { dependents: ['b'] }),
      image('b', 2, 'y', { dependents: ['c'] }),
      image('c', 3, 'z', { dependents: ['a'], stays: true }),
    ];
    expect(longestUnused(circle, 100 * GB)).toEqual([]);
  });
});

/** Images in a forest: each was perhaps made from one before it, and has its layers. */
const forests = fc
  .array(
    fc.record({
      parent: fc.option(fc.nat(), { nil: undefined }),
      own: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      lastUse: fc.nat({ max: 20 }),
      stays: fc.boolean().map((stays) => stays),
      isMade: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((drawn) => {
    const chains: string[][] = [];
    const parents: (number | undefined)[] = [];
    drawn.forEach(({ parent, own, isMade }, index) => {
      const from = parent === undefined || index === 0 ? undefined : parent % index;
      chains.push([...(from === undefined ? [] : (chains[from] ?? [])), ...own.map((layer) => `${layer}`)]);
      parents.push(isMade ? from : undefined);
    });
    const bytes = (chain: readonly string[]) => chain.reduce((sum, layer) => sum + Number(layer) + 1, 0);
    const prefixes = (chain: readonly string[]) => chain.map((_, at) => chain.slice(0, at + 1));
    const uses = new Map<string, number>();
    for (const chain of chains) for (const prefix of prefixes(chain)) uses.set(`${prefix}`, (uses.get(`${prefix}`) ?? 0) + 1);
    const images = drawn.map(({ lastUse, stays }, index): Candidate => {
      const chain = chains[index] ?? [];
      const shared = prefixes(chain).findLast((prefix) => (uses.get(`${prefix}`) ?? 0) > 1) ?? [];
      const dependents = parents.flatMap((parent, child) => (parent === index ? [`${child}`] : []));
      return {
        ...{ id: `${index}`, lastUse, stays, layers: chain, dependents, isLayer: false },
        ...{ size: bytes(chain), shared: bytes(shared) },
      };
    });
    return images;
  });

/** The layers of all images, each counted once. */
const taken = (images: readonly Candidate[]): number => {
  const stacks = new Map<string, number>();
  for (const { layers } of images) {
    for (const [at, layer] of layers.entries()) stacks.set(`${layers.slice(0, at + 1)}`, Number(layer) + 1);
  }
  return [...stacks.values()].reduce((sum, bytes) => sum + bytes, 0);
};

const familyOf = (image: Candidate, images: readonly Candidate[]): readonly Candidate[] => [
  image,
  ...images.filter(({ id }) => image.dependents.includes(id)).flatMap((child) => familyOf(child, images)),
];

describe('of any images', () => {
  it('none goes that is to stay, or from which one was made that stays', () => {
    fc.assert(
      fc.property(forests, fc.nat({ max: 60 }), (images, bytes) => {
        const going = new Set(longestUnused(images, bytes));
        for (const image of images.filter(({ id }) => going.has(id))) {
          expect(familyOf(image, images).every(({ id, stays }) => going.has(id) && !stays)).toBe(true);
        }
      }),
    );
  });

  it('what goes was not used later than what could go and stays, and goes after what was made from it', () => {
    fc.assert(
      fc.property(forests, fc.nat({ max: 60 }), (images, bytes) => {
        const chosen = longestUnused(images, bytes);
        const used = (image: Candidate) => Math.max(...familyOf(image, images).map(({ lastUse }) => lastUse));
        const could = images.filter((image) => familyOf(image, images).every(({ stays }) => !stays));
        const staying = could.filter(({ id }) => !chosen.includes(id));
        const going = chosen.flatMap((id) => images.filter((image) => image.id === id));
        for (const one of going) for (const other of staying) expect(used(one)).toBeLessThanOrEqual(used(other));
        going.forEach((image, at) => {
          for (const child of image.dependents) expect(chosen.indexOf(child)).toBeLessThan(at);
        });
      }),
    );
  });

  it('so much comes back as is wanted, if it can', () => {
    fc.assert(
      fc.property(forests, fc.nat({ max: 60 }), (images, bytes) => {
        const chosen = new Set(longestUnused(images, bytes));
        const freed = taken(images) - taken(images.filter(({ id }) => !chosen.has(id)));
        const could = images.filter((image) => familyOf(image, images).every(({ stays }) => !stays));
        expect(freed >= bytes || chosen.size === could.length).toBe(true);
      }),
    );
  });
});
