import { describe, expect, test } from 'vitest';
import { ask, start, statusOf } from '../support/daytona/asking';
import type { DaytonaServer } from '../support/daytona/server';
import { until } from '../support/until';

function fetchList({ url, apiKey }: DaytonaServer, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/sandbox`, { headers: { authorization: `Bearer ${apiKey}` }, ...init });
}

describe('a fault', () => {
  test('answers in the API’s place, and the API does nothing', async () => {
    const server = await start();
    const { id } = server.add();
    server.fault({ method: 'DELETE', answer: { status: 503, message: 'not now', headers: { 'retry-after': '7' } } });
    const { status, headers, body } = await ask(server, `DELETE /sandbox/${id}`);
    expect([status, headers.get('retry-after'), body['message'], body['statusCode']]).toEqual([503, '7', 'not now', 503]);
    expect(server.get(id)?.desiredState).toBe('started');
  });

  test('takes the place of the answer after the work is done', async () => {
    const server = await start();
    const { id } = server.add();
    server.fault({ method: 'DELETE', answer: { status: 502, body: {} }, after: true });
    expect(await statusOf(server, `DELETE /sandbox/${id}`)).toBe(502);
    await until('it is gone', () => server.get(id) === undefined);
  });

  test('hits the requests that it is told to, and no others', async () => {
    const server = await start();
    server.fault({ path: /^\/sandbox$/, nth: 2, answer: { status: 500 } });
    server.fault({ path: /^\/sandbox$/, nth: (nth) => nth >= 4, answer: { status: 502 } });
    const statuses: number[] = [];
    for (let call = 1; call <= 5; call++) statuses.push(await statusOf(server, 'GET /sandbox'));
    expect(statuses).toEqual([200, 500, 200, 502, 502]);
  });

  test('that is a reset breaks the connection', async () => {
    const server = await start();
    server.fault({ answer: 'reset' });
    await expect(fetchList(server)).rejects.toThrow('fetch failed');
  });

  test('that is a hang leaves the request without an answer until the server ends', async () => {
    const server = await start();
    server.fault({ answer: 'hang' });
    const asked = fetchList(server).catch(() => 'broken');
    await until('the request is there', () => server.requests.length === 1);
    await server.close();
    await expect(asked).resolves.toBe('broken');
    expect(server.requests[0]?.status).toBeUndefined();
  });

  test('that is a cut breaks the connection in the middle of the body', async () => {
    const server = await start();
    server.fault({ answer: 'cut' });
    const answer = await fetchList(server);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
  });

  test('that is a stall sends one half of the body, and no more', async () => {
    const server = await start();
    server.add();
    server.fault({ answer: 'stall' });
    const aborter = new AbortController();
    const { body } = await fetchList(server, { signal: aborter.signal });
    const reader = body?.getReader();
    const half = await reader?.read();
    expect(new TextDecoder().decode(half?.value)).toMatch(/^\{"items":\[\{/);
    aborter.abort();
    await expect(reader?.read()).rejects.toThrow('abort');
  });

  test('that is garbage answers with a page for people', async () => {
    const server = await start();
    server.fault({ answer: 'garbage' });
    const answer = await fetchList(server);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringMatching(/^<!DOCTYPE html>/)]);
  });

  test('that is empty answers with nothing', async () => {
    const server = await start();
    server.fault({ answer: 'empty' });
    const answer = await fetchList(server);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });
});

describe('a rate limit', () => {
  const rateLimit = { limit: 2, windowMs: 60_000 };

  test('tells with each answer what is left in its bucket', async () => {
    const server = await start({ rateLimit });
    const { headers } = await ask(server, 'GET /sandbox');
    const of = (name: string) => headers.get(`x-ratelimit-${name}-authenticated`);
    expect(['limit', 'remaining', 'reset'].map(of)).toEqual(['2', '1', '60']);
  });

  test('refuses what is too much, and says when to come again under the bucket’s name only', async () => {
    const server = await start({ rateLimit });
    const statuses = [1, 2, 3].map(() => ask(server, `DELETE /sandbox/${server.add().id}`));
    const last = (await Promise.all(statuses)).find(({ status }) => status === 429);
    expect(last?.headers.get('retry-after-sandbox-lifecycle')).toBe('60');
    expect(last?.headers.has('retry-after')).toBe(false);
  });

  test('does nothing of what it refuses', async () => {
    const server = await start({ rateLimit: { limit: 0, windowMs: 60_000 } });
    const { id } = server.add();
    await ask(server, `DELETE /sandbox/${id}`);
    expect(server.get(id)?.desiredState).toBe('started');
  });

  test('counts listings apart from what changes a sandbox’s life', async () => {
    const server = await start({ rateLimit: { limit: 1, windowMs: 60_000 } });
    const { id } = server.add();
    const calls = ['GET /sandbox', `POST /sandbox/${id}/stop`, `GET /sandbox/${id}`];
    const statuses: number[] = [];
    for (const call of calls) statuses.push(await statusOf(server, call));
    expect(statuses).toEqual([200, 200, 429]);
  });

  test('begins anew with the next window', async () => {
    const server = await start({ rateLimit: { limit: 1, windowMs: 50 } });
    await ask(server, 'GET /sandbox');
    await until('a request is let through again', async () => (await statusOf(server, 'GET /sandbox')) === 200);
  });
});

describe('the server', () => {
  test('remembers what it was asked, and what it answered', async () => {
    const server = await start();
    const before = Date.now();
    await ask(server, 'GET /sandbox/nobody?verbose=true', { 'x-test': 'yes' });
    expect(server.requests).toMatchObject([
      { method: 'GET', path: '/sandbox/nobody', headers: { 'x-test': 'yes' }, status: 404 },
    ]);
    expect(server.requests[0]?.query.get('verbose')).toBe('true');
    expect(server.requests[0]?.at).toBeGreaterThanOrEqual(before);
    expect(server.count('GET', /^\/sandbox\//)).toBe(1);
  });

  test('keeps connections for the next requests', async () => {
    const server = await start();
    for (let call = 0; call < 10; call++) await ask(server, 'GET /sandbox');
    // A client may not have its connection back yet when it asks again.
    expect(server.sockets).toBeLessThan(10);
  });

  test('takes the time for an answer that it is told to', async () => {
    const server = await start({ latencyMs: 50 });
    const before = performance.now();
    await ask(server, 'GET /sandbox');
    expect(performance.now() - before).toBeGreaterThanOrEqual(49);
  });

  test('pages through ten thousand sandboxes in seconds', async () => {
    const server = await start();
    for (let made = 0; made < 10_000; made++) server.add({ labels: { a: 'b' }, createdAt: made });
    const before = performance.now();
    const seen = new Set<string>();
    let cursor: unknown = null;
    do {
      const more = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await ask(server, `GET /sandbox?limit=200&sort=createdAt&labels=%7B%22a%22%3A%22b%22%7D${more}`);
      for (const { id } of body['items'] as { id: string }[]) seen.add(id);
      cursor = body['nextCursor'];
    } while (cursor !== null);
    expect(seen.size).toBe(10_000);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});
