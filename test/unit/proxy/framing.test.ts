import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scannerOf } from '../../../src/proxy/framing';

const text = (buffers: readonly Buffer[]) => Buffer.concat(buffers).toString();

describe('a chunked body', () => {
  const chunked = (parts: readonly string[], trailer = '') =>
    `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n${trailer}\r\n`;

  test('ends where it ends, however it comes', () => {
    const part = fc.string({ unit: 'grapheme-ascii', minLength: 1 });
    fc.assert(
      fc.property(fc.array(part), fc.array(fc.nat(200)), fc.string({ unit: 'grapheme-ascii' }), (parts, cuts, rest) => {
        const body = chunked(parts);
        const bytes = Buffer.from(body + rest);
        const scanner = scannerOf({ kind: 'chunked' });
        const content: Buffer[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          if (scanner.done) break;
          at += scanner.take(bytes.subarray(at, at + cut), content);
        }
        expect({ at, done: scanner.done, content: text(content) }).toEqual({
          at: Buffer.byteLength(body),
          done: true,
          content: parts.join(''),
        });
      }),
    );
  });

  test('may have extensions, a trailer and bare line feeds', () => {
    const scanner = scannerOf({ kind: 'chunked' });
    const content: Buffer[] = [];
    const body = Buffer.from('3;name="value"\r\nabc\r\n2 \nde\n0\r\nX-Sum: 1\r\n\r\n');
    expect(scanner.take(body, content)).toBe(body.length);
    expect([scanner.done, text(content)]).toEqual([true, 'abcde']);
  });

  test.each(['x\r\n', '-1\r\n', '\r\n', '3\r\nabcd\r\n', '0x3\r\n', 'fffffffffffffff\r\n', `3;${'e'.repeat(20_000)}`])(
    'has no end that can be told where it is malformed: %j',
    (body) => {
      const scanner = scannerOf({ kind: 'chunked' });
      expect(scanner.take(Buffer.from(body))).toBe(body.length);
      expect(scanner.take(Buffer.from('0\r\n\r\n'))).toBe(5);
      expect(scanner).toMatchObject({ done: false, lost: true });
    },
  );
});

test('a body of a known length ends there', () => {
  const scanner = scannerOf({ kind: 'length', bytes: 5 });
  expect([scanner.take(Buffer.from('abc')), scanner.done, scanner.take(Buffer.from('defg')), scanner.done]).toEqual([
    3,
    false,
    2,
    true,
  ]);
});
