import type { Framing } from './framing';

/** A head that is malformed, or that two readers may read differently. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** One header field, with the line as it came, its ending included. */
interface Field {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
  readonly line: string;
}

/** The head of a message: start line and fields, up to and including the empty line. */
export interface Head {
  /** As it came. */
  readonly bytes: Buffer;
  /** With its line ending. */
  readonly startLine: string;
  readonly fields: readonly Field[];
}

export interface RequestHead extends Head {
  readonly method: string;
  /** The path of the target, without scheme, host and query. */
  readonly path: string;
  readonly framing: Framing;
}

export interface ResponseHead extends Head {
  readonly status: number;
}

/** The longest head, in bytes: as in Go's servers. https://pkg.go.dev/net/http#pkg-constants */
export const MAX_HEAD_BYTES = 1024 * 1024;

/**
 * Finds the end of a head.
 * @returns the offset behind its empty line; undefined if that has not come yet
 */
export function endOfHead(bytes: Buffer): number | undefined {
  const [crlf, lf] = [bytes.indexOf('\n\r\n'), bytes.indexOf('\n\n')];
  const ends = [...(crlf < 0 ? [] : [crlf + 3]), ...(lf < 0 ? [] : [lf + 2])];
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/**
 * Reads the head of a request, strictly: rejects it if two readers may disagree about its end.
 * @throws {BadMessage}
 */
export function parseRequest(bytes: Buffer): RequestHead {
  const head = parseHead(bytes);
  const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.([01])\r?\n$/.exec(head.startLine);
  if (!parts) throw new BadMessage('the request line is malformed');
  const [, method = '', target = '', minor] = parts;
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '');
  return { ...head, method, path, framing: requestFraming(head, minor === '1') };
}

/** @throws {BadMessage} */
export function parseResponse(bytes: Buffer): ResponseHead {
  const head = parseHead(bytes);
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r?\n)/.exec(head.startLine)?.[1];
  if (status === undefined) throw new BadMessage('the status line is malformed');
  return { ...head, status: Number(status) };
}

function parseHead(bytes: Buffer): Head {
  // Header text is of no declared encoding: as Latin-1 every byte stays the byte it was.
  const [startLine = '', ...lines] = bytes.toString('latin1').split(/(?<=\n)/);
  return { bytes, startLine, fields: lines.slice(0, -1).map(parseField) };
}

function parseField(line: string): Field {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value may not hold.
  const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*?)[ \t]*\r?\n$/.exec(line);
  if (!parts) throw new BadMessage('a header field is malformed');
  const [, name = '', value = ''] = parts;
  return { name: name.toLowerCase(), value, line };
}

/** The values of all fields of that name (in lower case). */
export function valuesOf(head: Head, name: string): readonly string[] {
  return head.fields.filter((field) => field.name === name).map(({ value }) => value);
}

/**
 * How a request's body ends. https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 * @throws {BadMessage} where that is ambiguous
 */
function requestFraming(head: Head, is11: boolean): Framing {
  const encodings = valuesOf(head, 'transfer-encoding');
  const length = lengthOf(head);
  if (length === 'odd') throw new BadMessage('an odd Content-Length');
  if (encodings.length === 0) return length === undefined ? { kind: 'none' } : { kind: 'length', bytes: length };
  if (length !== undefined) throw new BadMessage('both Content-Length and Transfer-Encoding');
  if (!is11 || encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked')
    throw new BadMessage('an odd Transfer-Encoding');
  return { kind: 'chunked' };
}

/** How the body of a response ends: where that is odd, with the connection. */
export function responseFraming(head: ResponseHead, method: string): Framing {
  const { status } = head;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  const encodings = valuesOf(head, 'transfer-encoding');
  if (encodings.length > 0) return /(^|[ ,])chunked$/i.test(encodings.join(',')) ? { kind: 'chunked' } : { kind: 'until-close' };
  const length = lengthOf(head);
  return typeof length === 'number' ? { kind: 'length', bytes: length } : { kind: 'until-close' };
}

function lengthOf(head: Head): number | 'odd' | undefined {
  const [length, ...others] = new Set(valuesOf(head, 'content-length'));
  if (length === undefined) return undefined;
  return others.length > 0 || !/^\d{1,15}$/.test(length) ? 'odd' : Number(length);
}

/**
 * The head with some fields replaced; every other byte stays.
 * @param fields by their names in lower case; undefined takes a field away
 */
export function withFields(head: Head, fields: Readonly<Record<string, string | undefined>>): Buffer {
  const kept = head.fields.filter(({ name }) => !Object.hasOwn(fields, name)).map(({ line }) => line);
  const added = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return Buffer.from([head.startLine, ...kept, ...added, '\r\n'].join(''), 'latin1');
}
