import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { merged } from '../../../src/lib/merged';

async function* items(...all: readonly number[]) {
  for (const one of all) {
    await Promise.resolve();
    yield one;
  }
}

async function* broken(...all: readonly number[]) {
  yield* items(...all);
  throw new Error('broken');
}

it('joined streams have all items, each stream’s in order', async () => {
  const all = await Readable.from(merged([items(1, 3, 5), items(), items(2, 4)])).toArray();

  expect(all.toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(all.filter((one) => one % 2 === 1)).toEqual([1, 3, 5]);
});

it('no streams end at once', async () => {
  expect(await Readable.from(merged([])).toArray()).toEqual([]);
});

it('joined streams break with the first that breaks', async () => {
  async function* endless() {
    yield 1;
    await new Promise(() => undefined);
  }

  await expect(Readable.from(merged([endless(), broken(2)])).toArray()).rejects.toThrow('broken');
});

it('what came before a break is told first', async () => {
  const heard: number[] = [];
  const hear = async () => {
    for await (const item of merged([items(), broken(1, 2, 3)])) heard.push(item);
  };

  await expect(hear()).rejects.toThrow('broken');
  expect(heard.toSorted()).toEqual([1, 2, 3]);
});

it('a stream that breaks before anyone reads is no concern of the process', async () => {
  const joined = merged([broken(1)]);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });

  expect(await joined.next()).toEqual({ done: false, value: 1 });
  await expect(joined.next()).rejects.toThrow('broken');
});
