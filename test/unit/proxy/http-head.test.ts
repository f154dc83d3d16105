import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadMessage, endOfHead, parseRequest, parseResponse, responseFraming, withFields } from '../../../src/proxy/http-head';

const request = (...fields: readonly string[]) => Buffer.from(['POST /a?b=c HTTP/1.1', ...fields, '', ''].join('\r\n'), 'latin1');
const response = (status: string, ...fields: readonly string[]) =>
  parseResponse(Buffer.from([`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n')));

describe('a request', () => {
  test.each([
    [[], { kind: 'none' }],
    [['Content-Length: 7'], { kind: 'length', bytes: 7 }],
    [['Content-Length: 7', 'content-length: 7'], { kind: 'length', bytes: 7 }],
    [['Transfer-Encoding: Chunked'], { kind: 'chunked' }],
  ])('with %j has this framing: %j', (fields, framing) => {
    expect(parseRequest(request(...fields)).framing).toEqual(framing);
  });

  test.each([
    [['Content-Length: 7', 'Transfer-Encoding: chunked']],
    [['Transfer-Encoding: chunked', 'Content-Length: 7']],
    [['Content-Length: 7', 'Content-Length: 8']],
    [['Content-Length: 7, 7']],
    [['Content-Length: +7']],
    [['Content-Length: -7']],
    [['Content-Length: 0x7']],
    [['Content-Length: ']],
    [['Transfer-Encoding: gzip, chunked']],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    [['Transfer-Encoding: chunked, identity']],
    [['Transfer-Encoding: \x0bchunked']],
    [['Transfer-Encoding : chunked']],
    [['X: 1', ' Transfer-Encoding: chunked']],
    [['X: a\rTransfer-Encoding: chunked']],
    [['X: a\x00b']],
    [['no colon']],
    [[': no name']],
  ])('with %j is not understood: two readers could disagree about its end', (fields) => {
    expect(() => parseRequest(request(...fields))).toThrow(BadMessage);
  });

  test.each(['GET  / HTTP/1.1', 'GET /', 'GET / HTTP/2.0', ' GET / HTTP/1.1', 'G\x00T / HTTP/1.1', '', 'GET / HTTP/1.1 x'])(
    'with the line %j is not understood',
    (line) => {
      expect(() => parseRequest(Buffer.from(`${line}\r\nHost: x\r\n\r\n`))).toThrow(BadMessage);
    },
  );

  test('of HTTP/1.0 can’t be chunked', () => {
    expect(() => parseRequest(Buffer.from('POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'))).toThrow(BadMessage);
  });

  test.each([
    '/v1.43/containers/create?name=x',
    'http://docker/v1.43/containers/create',
    'HTTP://docker:80/v1.43/containers/create?a=?',
  ])('for %s is for that path', (target) => {
    expect(parseRequest(Buffer.from(`POST ${target} HTTP/1.1\r\n\r\n`)).path).toBe('/v1.43/containers/create');
  });
});

describe('a response', () => {
  test.each([
    ['200 OK', ['Content-Length: 7'], 'GET', { kind: 'length', bytes: 7 }],
    ['200 OK', ['Content-Length: 7'], 'HEAD', { kind: 'none' }],
    ['304 Not Modified', ['Content-Length: 7'], 'GET', { kind: 'none' }],
    ['204 No Content', [], 'GET', { kind: 'none' }],
    ['100 Continue', [], 'POST', { kind: 'none' }],
    ['200 OK', ['Transfer-Encoding: chunked', 'Content-Length: 7'], 'GET', { kind: 'chunked' }],
    ['200 OK', ['Transfer-Encoding: gzip, chunked'], 'GET', { kind: 'chunked' }],
    ['200 OK', ['Content-Type: application/vnd.docker.raw-stream'], 'POST', { kind: 'until-close' }],
    ['200', [], 'GET', { kind: 'until-close' }],
    ['200 OK', ['Content-Length: 7', 'Content-Length: 8'], 'GET', { kind: 'until-close' }],
    ['200 OK', ['Content-Length: -1'], 'GET', { kind: 'until-close' }],
  ] as const)('%s with %j to %s has this framing: %j', (status, fields, method, framing) => {
    expect(responseFraming(response(status, ...fields), method)).toEqual(framing);
  });
});

test('a head ends at the first empty line', () => {
  expect(endOfHead(Buffer.from('GET / HTTP/1.1\r\nA: b\r\n\r\nbody\n\n'))).toBe(24);
  expect(endOfHead(Buffer.from('GET / HTTP/1.1\nA: b\n\nbody\r\n\r\n'))).toBe(21);
  expect(endOfHead(Buffer.from('GET / HTTP/1.1\r\nA: b\r\n'))).toBeUndefined();
});

test('fields are replaced, and every other byte stays', () => {
  const head = parseRequest(request('X-Odd:   ä\t', 'HOST: a', 'Content-Length: 3'));
  expect(withFields(head, { host: 'b', 'content-length': undefined, expect: undefined }).toString('latin1')).toBe(
    'POST /a?b=c HTTP/1.1\r\nX-Odd:   ä\t\r\nhost: b\r\n\r\n',
  );
});

describe('whatever comes as a head', () => {
  const part = fc.constantFrom(
    'GET',
    ' ',
    '/a',
    'HTTP/1.1',
    '\r\n',
    '\n',
    ':',
    'content-length',
    '7',
    '-1',
    'transfer-encoding',
    'chunked',
    'upgrade',
    '200',
    '\0',
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.array(fc.oneof(part, fc.string()), { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
  );

  test.each([
    ['a request', parseRequest],
    ['a response', parseResponse],
  ] as const)('is understood, or is no head of %s', (_, parse) => {
    fc.assert(
      fc.property(bytes, (head) => {
        try {
          const end = endOfHead(head);
          if (end !== undefined) parse(head.subarray(0, end));
        } catch (error) {
          expect(error).toBeInstanceOf(BadMessage);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
