import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock';
import { DaytonaClient } from '../../src/providers/daytona/client';
import { start } from '../support/daytona/asking';
import { DaytonaServer } from '../support/daytona/server';
import { client } from '../support/daytona/sweeping';

const signal = AbortSignal.timeout(60_000);

async function listing(server: DaytonaServer): Promise<readonly { readonly name: string }[]> {
  const found = [];
  for await (const page of client(server).pages(signal)) found.push(...page);
  return found;
}

describe('a listing', () => {
  test('is read page by page, 200 at a time, oldest first', async () => {
    const server = await start();
    for (let number = 0; number < 450; number += 1) server.add({ createdAt: Date.UTC(2026, 0, 1) - number, name: `n${number}` });

    const listed = await listing(server);

    expect(listed).toHaveLength(450);
    expect(listed[0]?.name).toBe('n449');
    expect(server.requests.map(({ query }) => query.get('limit'))).toEqual(['200', '200', '200']);
    expect(new Set(server.requests.map(({ query }) => `${query.get('sort')} ${query.get('order')}`))).toEqual(
      new Set(['createdAt asc']),
    );
  });

  test('may be a bare array, as old servers have it', async () => {
    const server = await start({ listings: 'array' });
    server.add();
    expect(await listing(server)).toHaveLength(1);
  });

  test.each([
    ['no list', { sandboxes: [] }],
    ['a list of something else', { items: ['a'], nextCursor: null }],
    ['a list in which an id is a command', { items: [{ id: 'x; touch /tmp/pwned #' }], nextCursor: null }],
    ['a list in which something has no id', { items: [{ name: 'a' }], nextCursor: null }],
    ['nothing', null],
  ])('that is %s is an error, not the news that there is nothing', async (_, body) => {
    const server = await start();
    server.fault({ answer: { status: 200, body } });
    await expect(listing(server)).rejects.toThrow(/not a list of sandboxes/);
  });

  test.each(['garbage', 'empty', 'cut'] as const)('whose answer is %s is an error', async (answer) => {
    const server = await start();
    server.fault({ answer });
    await expect(listing(server)).rejects.toMatchObject({ name: 'UnreadableAnswer' });
  });

  test('a page of which could not be had asks for that page again', async () => {
    const server = await start();
    for (let number = 0; number < 500; number += 1) server.add();
    server.fault({ path: /^\/sandbox$/, nth: 3, answer: { status: 503, headers: { 'Retry-After': '0' } } });
    expect(await listing(server)).toHaveLength(500);
    expect(server.requests).toHaveLength(4);
  });

  test('has an odd sandbox in it under an id that is never asked for', async () => {
    const server = await start();
    const odd = [
      { id: null, name: 'odd', labels: { a: 'b' } },
      { id: 7, labels: {} },
      { id: '../x', labels: null },
    ];
    const fine = { id: 'a', name: 12, state: null, labels: null, createdAt: 'yesterday', updatedAt: 5 };
    server.fault({ answer: { status: 200, body: { items: [...odd.slice(0, 2), fine], nextCursor: null } } });
    const [first, second, third] = await listing(server);
    expect([first, second, third]).toEqual([
      { id: '(null of odd)', name: 'odd', state: 'unknown', labels: { a: 'b' } },
      { id: '(7)', name: '(7)', state: 'unknown', labels: {} },
      { id: 'a', name: 'a', state: 'unknown', labels: {} },
    ]);
    await expect(client(server).get('(null of odd)', signal)).rejects.toThrow(/no request can contain/);
    expect(server.requests).toHaveLength(1);
  });

  test('never asks for what waits unclaimed in a warm pool', async () => {
    const server = await start();
    server.add({ warm: true });
    expect(await listing(server)).toEqual([]);
  });

  test('that loops ends', async () => {
    const server = await start();
    server.fault({ answer: { status: 200, body: { items: [{ id: 'a' }], nextCursor: 'same' } } });
    await expect(listing(server)).rejects.toThrow(/the listing loops/);
  });
});

describe('a request', () => {
  test('goes over connections that are kept', async () => {
    const server = await start();
    const { id } = server.add();
    const daytona = client(server);
    for (let times = 0; times < 20; times += 1) await daytona.get(id, signal);
    expect(server.sockets).toBeLessThanOrEqual(2);
  });

  test('carries the key, and with a JWT the organization', async () => {
    const server = await start();
    await client(server).probe(signal);
    const { jwt, organizationId } = server;
    await client(server, { token: jwt, organizationId, from: 'a test' }).probe(signal);
    expect(
      server.requests.map(({ headers }) => [headers.authorization, headers['x-daytona-organization-id'], headers['user-agent']]),
    ).toEqual([
      [`Bearer ${server.apiKey}`, undefined, 'cleanup-action'],
      [`Bearer ${jwt}`, organizationId, 'cleanup-action'],
    ]);
  });

  test('goes through the proxy that the environment names, and past it where that says so', async () => {
    const server = await start();
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const { hostname, port } = new URL(server.url);
      const upstream = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      for (const end of [socket, upstream])
        end.on('error', () => undefined).on('close', () => [socket, upstream].map((each) => each.destroy()));
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    vi.stubEnv('http_proxy', `http://127.0.0.1:${port}`);
    const url = server.url.replace('127.0.0.1', 'daytona.example');
    const token = { token: server.apiKey, from: 'a test' };

    await new DaytonaClient(url, token, systemClock).probe(signal);
    vi.stubEnv('no_proxy', '127.0.0.1');
    await client(server).probe(signal);

    expect(tunnels).toEqual([new URL(url).host]);
    vi.unstubAllEnvs();
    proxy.closeAllConnections();
    proxy.close();
  });

  test('that is refused tells the server’s message, the status and the path, but not the id: causes are joined', async () => {
    const server = await start();
    const { id } = server.add({ state: 'stopped' });
    await expect(client(server).stop(id, false, signal)).rejects.toThrow(
      'POST /sandbox/{id}/stop: 400 Sandbox is not in a stoppable state',
    );
  });

  test.each([
    ['a list of messages', { message: ['a', 'b'] }, 'a; b'],
    ['a word', { error: 'Conflict' }, 'Conflict'],
    ['a page', '<html>', 'Conflict'],
    ['nothing', '', 'Conflict'],
  ])('that is refused with %s tells what there is', async (_, body, message) => {
    const server = await start();
    server.fault({ answer: { status: 409, body } });
    await expect(client(server).get('a', signal)).rejects.toThrow(`GET /sandbox/{id}: 409 ${message}`);
  });

  test('that is refused never shows the key, even where the server does', async () => {
    const server = await start();
    server.fault({ answer: { status: 401, message: `bad key ${server.apiKey}` } });
    await expect(client(server).get('a', signal)).rejects.toThrow('401 bad key ***');
  });

  test('that a proxy does not find says nothing about the sandbox', async () => {
    const server = await start();
    server.fault({ answer: { status: 404, body: '<html>', headers: { 'content-type': 'text/html' } } });
    await expect(client(server).get('a', signal)).rejects.toMatchObject({
      name: 'UnreadableAnswer',
      message: 'GET /sandbox/{id}: 404, but text/html instead of JSON: is this Daytona’s API?',
    });
  });

  test('for a sandbox that is gone does not find another one of that name', async () => {
    const server = await start();
    server.add({ id: 'other', name: 'gone' });
    await expect(client(server).get('gone', signal)).rejects.toMatchObject({ statusCode: 404 });
  });

  test.each([
    ['get', 401, 'check daytona-api-key or DAYTONA_API_KEY'],
    ['get', 403, 'the key may not see the sandboxes of this organization'],
    ['stop', 403, 'the key lacks write:sandboxes'],
    ['delete', 403, 'the key lacks delete:sandboxes'],
  ] as const)('to %s that is refused with %i says what to do', async (call, status, hint) => {
    const server = await start();
    server.fault({ answer: { status, message: 'no' } });
    const daytona = client(server);
    const asked = call === 'stop' ? daytona.stop('a', false, signal) : daytona[call]('a', signal);
    await expect(asked).rejects.toThrow(new RegExp(`: ${status} no: ${hint}$`));
  });

  test('that is redirected is refused: the key stays with the server that was named', async () => {
    const server = await start();
    const other = await start();
    server.fault({ answer: { status: 307, body: {}, headers: { location: `${other.url}/sandbox` } } });
    await expect(client(server).probe(signal)).rejects.toThrow('GET /sandbox: 307');
    expect(other.requests).toHaveLength(0);
  });

  test('ends with its signal, with the reason of that', async () => {
    const server = await start();
    server.fault({ answer: 'hang' });
    const aborted = new AbortController();
    const request = client(server).get('a', aborted.signal);
    const reason = new Error('enough');
    aborted.abort(reason);
    await expect(request).rejects.toBe(reason);
  });

  test('whose answer stalls in the middle ends with its signal', async () => {
    const server = await start();
    server.fault({ answer: 'stall' });
    await expect(client(server).get('a', AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('for an id that would be another path is not made', async () => {
    const server = await start();
    for (const id of ['..', '../x', 'a/b', 'a?b', ''])
      await expect(client(server).delete(id, signal)).rejects.toThrow(/no request can contain/);
    expect(server.requests).toHaveLength(0);
  });

  test('to a server that is not there says why', async () => {
    const server = await DaytonaServer.start();
    const daytona = client(server);
    await server.close();
    await expect(daytona.probe(signal)).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+ can’t be reached: ECONNREFUSED$/);
  });
});
