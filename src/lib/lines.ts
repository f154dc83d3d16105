import type { Readable } from 'node:stream';

/** Bytes of the longest line: events have some hundred and their labels, objects of Kubernetes at most 1.5 MB. */
const MAX_LINE = 4 * 2 ** 20;

/**
 * The lines of a stream, without too long ones: these are never whole in memory. Not Node's readline: with that, a stream that
 * breaks off before it is read ends the process.
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let held = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = `${held}${chunk}`.split('\n');
    held = lines.pop() ?? '';
    if (held.length > MAX_LINE) held = '';
    yield* lines;
  }
  if (held !== '') yield held;
}
