import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../../../../src/core/container-source';
import { LogLines, MAX_LINE } from '../../../../src/recorder/logs/log-lines';
import { redactor } from '../../../../src/recorder/logs/redactor';

const plain = () => new LogLines(redactor([]));
const piece = (text: string, at = 'T1', stream: LogChunk['stream'] = 'stdout'): LogChunk => ({
  stream,
  at,
  bytes: Buffer.from(text, 'latin1'),
});

/** All that comes of pieces that come one by one. */
function written(lines: LogLines, ...pieces: readonly LogChunk[]): string {
  return pieces.map((each) => lines.push([each])).join('') + lines.end();
}

describe('a line', () => {
  it('begins with the time at which it began', () => {
    expect(written(plain(), piece('one\ntw', 'T1'), piece('o\nthree\n', 'T2'))).toBe('T1 one\nT1 two\nT2 three\n');
  });

  it('that nobody finished has an end', () => {
    expect(written(plain(), piece('one'))).toBe('T1 one\n');
  });

  it('of one stream is not mixed with one of the other', () => {
    expect(written(plain(), piece('on'), piece('two\n', 'T2', 'stderr'), piece('e\n', 'T3'))).toBe('T2 two\nT1 one\n');
  });

  it('keeps its bytes', () => {
    expect(written(plain(), piece('\0\r\xff\x1b[2J\n'))).toBe('T1 \0\r\xff\x1b[2J\n');
  });

  it('longer than is held is broken, and loses nothing', () => {
    const long = 'x'.repeat(MAX_LINE + 10);
    expect(written(plain(), piece(long), piece('y\n')).replaceAll(/T1 |\n/g, '')).toBe(`${long}y`);
  });
});

describe('a secret', () => {
  const secret = 'swordfish-1234';
  const hidden = () => new LogLines(redactor([secret]));

  it('is not written, however it comes', () => {
    const pieces = [...`say ${secret}!\n`].map((character) => piece(character));
    expect(written(hidden(), ...pieces)).toBe('T1 say ***!\n');
  });

  it('is not written where an endless line is broken', () => {
    for (let before = MAX_LINE - secret.length - 2; before <= MAX_LINE + 2; before += 1) {
      const output = written(
        hidden(),
        piece('x'.repeat(before)),
        piece(`${secret.slice(0, 5)}`),
        piece(`${secret.slice(5)} rest\n`),
      );
      expect(output.replaceAll(/\nT1 /g, ''), `after ${before}`).toBe(`T1 ${'x'.repeat(before)}*** rest\n`);
    }
  });
});

describe('the tail', () => {
  it.each([
    ['\r 1 %\r99 %\r100 %', '100 %'],
    ['100 %\r', '100 %'],
    ['100 %\r\r\n', '100 %'],
    ['windows\r\n', 'windows'],
    ['\r', ''],
  ])('has of a progress bar what a terminal shows in the end: %j', (text, shown) => {
    const lines = plain();
    written(lines, piece(text));
    expect(lines.tail).toEqual([shown]);
  });

  it('is the last ten lines, without their times', () => {
    const lines = plain();
    written(lines, piece(Array.from({ length: 12 }, (_, index) => `line ${index}\r\n`).join('')));
    expect(lines.tail).toEqual(Array.from({ length: 10 }, (_, index) => `line ${index + 2}`));
  });

  it('has long lines cut', () => {
    const lines = plain();
    written(lines, piece(`${'x'.repeat(5_000)}\n`));
    expect(lines.tail).toEqual(['x'.repeat(300)]);
  });

  it('is text', () => {
    const lines = plain();
    written(lines, piece(Buffer.from('grüße\n').toString('latin1')));
    expect(lines.tail).toEqual(['grüße']);
  });
});
