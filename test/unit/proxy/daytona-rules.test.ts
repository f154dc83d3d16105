import { describe, expect, test } from 'vitest';
import { daytonaRules } from '../../../src/proxy/daytona-rules';
import { parseRequest } from '../../../src/proxy/http-head';
import type { Ask } from '../../../src/proxy/rules';
import { RawProxy } from '../../support/proxy/raw';

const owner = 'io.github.cleanup-action.session';
const session = { [owner]: 'S' };
const rules = daytonaRules({ owner, labels: session }, 'daytona.example', '/api');

async function rewritten(line: string, body: unknown, sandbox: unknown = {}) {
  const ask: Ask = async () => sandbox;
  const result = await rules.rewriteOf(parseRequest(Buffer.from(`${line} HTTP/1.1\r\n\r\n`)))?.(
    Buffer.from(JSON.stringify(body)),
    ask,
  );
  return result && JSON.parse(result.toString());
}

test('a new sandbox gets labels beside its own', async () => {
  expect(await rewritten('POST /api/sandbox', { labels: { a: 'b' } })).toEqual({ labels: { ...session, a: 'b' } });
  expect(await rewritten('POST /api/sandbox?x=y', {})).toEqual({ labels: session });
});

test.each([
  'GET /api/sandbox',
  'POST /api/sandbox/abc/start',
  'POST /api/volumes',
  'POST /api/sandboxes',
  'POST /sandbox',
  'POST /api/snapshots',
])('%s passes as it is', async (line) => {
  expect(await rewritten(line, {})).toBeUndefined();
});

describe('labels that replace all others', () => {
  test('keep this session’s on a sandbox of this session', async () => {
    expect(await rewritten('PUT /api/sandbox/abc/labels', { labels: { a: 'b' } }, { labels: session })).toEqual({
      labels: { ...session, a: 'b' },
    });
  });

  test.each([{ labels: {} }, { labels: { [owner]: 'other' } }, {}, undefined])(
    'don’t make a sandbox this session’s that is not: %j',
    async (sandbox) => {
      expect(await rewritten('PUT /api/sandbox/abc/labels', { labels: { a: 'b' } }, sandbox)).toBeUndefined();
    },
  );
});

test('what passes names the host that the server wants, and redirects are the client’s to follow', async () => {
  const proxy = await RawProxy.start(rules);
  const client = await proxy.client();
  client.send('GET /api/sandbox HTTP/1.1\r\nHost: 127.0.0.1:4711\r\nAuthorization: Bearer k\r\n\r\n');
  const server = await proxy.connection();
  await server.got('GET /api/sandbox HTTP/1.1\r\nAuthorization: Bearer k\r\nhost: daytona.example\r\n\r\n');
  const redirect = 'HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n';
  server.send(redirect);
  await client.got(redirect);
});
