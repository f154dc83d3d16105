import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { chunksOf } from '../../../../../src/providers/kubernetes/recording/log-stream';

const AT = '2026-11-27T10:00:00.123456789Z';
const LATER = '2026-11-27T10:00:01.5+01:00';

/** The parts of a log, joined where they are of one line, however it is cut into pieces of so many bytes. */
async function read(bytes: Buffer, size: number): Promise<readonly (readonly [string, string])[]> {
  async function* pieces() {
    for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
  }
  const parts: [string, string][] = [];
  for await (const chunks of chunksOf(pieces())) {
    for (const { at, bytes: part } of chunks) {
      const last = parts.at(-1);
      if (last !== undefined && !last[1].endsWith('\n')) last[1] += Buffer.from(part).toString('latin1');
      else parts.push([at, Buffer.from(part).toString('latin1')]);
    }
  }
  return parts;
}

describe.each([1, 7, 33, 100_000])('a log in pieces of %i bytes', (size) => {
  it('is its lines, each with its time', async () => {
    const log = Buffer.from(`${AT} one\n${LATER} two \n${AT} \n${AT} unfinished`);

    expect(await read(log, size)).toEqual([
      [AT, 'one\n'],
      [LATER, 'two \n'],
      [AT, '\n'],
      [AT, 'unfinished'],
    ]);
  });

  it('keeps all bytes', async () => {
    const odd = Buffer.concat([Buffer.from(`${AT} `), Buffer.from([0, 1, 255, 13]), Buffer.from('\n')]);

    expect(await read(odd, size)).toEqual([[AT, '\0\x01\xff\r\n']]);
  });

  it('has what a node says in place of a log, without a time', async () => {
    const words = 'unable to retrieve container logs for containerd://0123';

    expect((await read(Buffer.from(words), size)).map(([at, text]) => [at, text])).toEqual([['', words]]);
    expect(await read(Buffer.from('short'), size)).toEqual([['', 'short']]);
  });
});

it('an empty log has no parts', async () => {
  expect(await read(Buffer.alloc(0), 10)).toEqual([]);
});

it('a log that breaks off says so', async () => {
  async function* broken() {
    yield Buffer.from(`${AT} one\n`);
    throw new Error('connection reset');
  }

  await expect(Readable.from(chunksOf(broken())).toArray()).rejects.toThrow('connection reset');
});
