import { parsedJson } from '../lib/json-shape';
import type { Dial } from './dial';
import { scannerOf } from './framing';
import { parseResponse, type RequestHead, responseFraming, valuesOf } from './http-head';
import { Peer } from './peer';
import type { Ask } from './rules';

/** Milliseconds for an answer. A healthy engine needs a few; a hanging one must not hold up clients. */
const ASK_TIMEOUT_MS = 10_000;

/** Bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Headers with the client's credentials. Never kept. */
const CREDENTIALS = ['authorization', 'x-daytona-organization-id'];

/** Asks over a new connection, with the credentials of the client's request. */
export function askOver(dial: Dial, request: RequestHead, host = 'localhost'): Ask {
  const credentials = CREDENTIALS.flatMap((name) => valuesOf(request, name).map((value) => `${name}: ${value}`));
  return async (method, target, body) => {
    const server = new Peer(await dial());
    const timeout = setTimeout(() => server.destroy(), ASK_TIMEOUT_MS);
    try {
      const json = body === undefined ? '' : JSON.stringify(body);
      const head = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...credentials, 'Content-Type: application/json'];
      await server.write(
        Buffer.from([...head, `Content-Length: ${Buffer.byteLength(json)}`, 'Connection: close', '', json].join('\r\n')),
      );
      return await answerFrom(server, method);
    } finally {
      clearTimeout(timeout);
      server.destroy();
    }
  };
}

async function answerFrom(server: Peer, method: string): Promise<unknown> {
  const bytes = await server.readHead();
  if (bytes === undefined) throw new Error('there was no answer');
  const head = parseResponse(bytes);
  const scanner = scannerOf(responseFraming(head, method));
  const content: Buffer[] = [];
  let length = 0;
  while (!scanner.done && length <= MAX_ANSWER_BYTES) {
    const more = await server.read();
    if (more === undefined) break;
    length += scanner.take(more, content);
  }
  return parsedJson(Buffer.concat(content).toString());
}
