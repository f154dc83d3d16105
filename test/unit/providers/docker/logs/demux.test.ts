import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogDemuxer, type Stamps } from '../../../../../src/providers/docker/logs/demux';

const T1 = '2026-11-21T09:50:38.345968434Z';
const T2 = '2026-11-21T09:50:39+01:00';

function frame(stream: 1 | 2, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

/** All that a parser makes of chunks: text, by stream and time, what belongs together joined. */
function parsed(chunks: readonly Buffer[], stamps: Stamps = 'theirs'): readonly string[] {
  const parser = new LogDemuxer(stamps);
  const all = chunks.flatMap((chunk) => parser.chunks(chunk));
  const joined: { key: string; text: string }[] = [];
  for (const { stream, at, bytes } of all) {
    const key = `${stream} ${at}`;
    const last = joined.at(-1);
    if (last?.key === key) last.text += Buffer.from(bytes).toString('latin1');
    else joined.push({ key, text: Buffer.from(bytes).toString('latin1') });
  }
  return joined.map(({ key, text }) => `${key}: ${text}`);
}

/** The bytes, cut up in any way. */
const anyCuts = (bytes: Buffer) =>
  fc.array(fc.nat({ max: bytes.length }), { maxLength: 8 }).map((cuts) => {
    const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
    return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
  });

describe('frames with times', () => {
  const bytes = Buffer.concat([
    frame(1, `${T1} one\n`),
    frame(2, `${T2} two\n`),
    frame(1, ''),
    frame(1, `${T2} `),
    frame(1, `${T1} t`),
  ]);
  const pieces = [`stdout ${T1}: one\n`, `stderr ${T2}: two\n`, `stdout ${T1}: t`];

  it('are taken apart, however they are cut up', () => {
    fc.assert(
      fc.property(anyCuts(bytes), (chunks) => {
        expect(parsed(chunks)).toEqual(pieces);
      }),
    );
  });

  it('that have none keep all their text', () => {
    expect(parsed([frame(1, 'no time\n')])).toEqual(['stdout : no time\n']);
  });
});

describe('frames without times', () => {
  const bytes = Buffer.concat([frame(1, 'one\ntw'), frame(2, '\xff\0\n'), frame(1, 'o\n')]);

  it('have the time of their arrival, however they are cut up', () => {
    const pieces = ['stdout now: one\ntw', `stderr now: ${Buffer.from('\xff\0\n').toString('latin1')}`, 'stdout now: o\n'];
    fc.assert(
      fc.property(anyCuts(bytes), (chunks) => {
        expect(parsed(chunks, () => 'now')).toEqual(pieces);
      }),
    );
  });
});

describe('a terminal', () => {
  it('has lines that begin with their times, however they are cut up', () => {
    const bytes = Buffer.from(`${T1} one\r\n${T2} \r\n${T1} three`);
    const pieces = [`stdout ${T1}: one\r\n`, `stdout ${T2}: \r\n`, `stdout ${T1}: three`];
    fc.assert(
      fc.property(anyCuts(bytes), (chunks) => {
        expect(parsed(chunks)).toEqual(pieces);
      }),
    );
  });

  it('that is followed has text and nothing else', () => {
    expect(parsed([Buffer.from('one\r\n'), Buffer.from('two')], () => 'now')).toEqual(['stdout now: one\r\ntwo']);
  });
});
