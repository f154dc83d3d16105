import { PassThrough } from 'node:stream';

/**
 * Joins streams as their items arrive. Ends with the last of them; breaks with the first that breaks, after the items that came
 * before.
 */
export async function* merged<T>(streams: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const all = new PassThrough({ objectMode: true });
  const pump = async (stream: AsyncIterable<T>) => {
    for await (const item of stream) {
      if (all.writableEnded) return;
      all.write({ item });
    }
  };
  Promise.all(streams.map(pump)).then(
    () => all.end(),
    (error: unknown) => all.end({ error }),
  );
  for await (const next of all) {
    if ('error' in next) throw next.error;
    yield next.item;
  }
}
