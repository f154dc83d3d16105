import { PassThrough } from 'node:stream';
import { asError } from './errors';

/** Joins streams as their items arrive. Ends with the last of them; breaks with the first that breaks. */
export function merged<T>(streams: readonly AsyncIterable<T>[]): AsyncIterable<T> {
  const all = new PassThrough({ objectMode: true });
  const pump = async (stream: AsyncIterable<T>) => {
    for await (const item of stream) all.write(item);
  };
  Promise.all(streams.map(pump)).then(
    () => all.end(),
    (error: unknown) => all.destroy(asError(error)),
  );
  return all;
}
