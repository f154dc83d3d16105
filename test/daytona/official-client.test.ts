import { Daytona, DaytonaError, type Sandbox } from '@daytona/sdk';
import { describe, expect, test } from 'vitest';
import { start } from '../support/daytona/asking';
import type { DaytonaServer, DaytonaServerOptions } from '../support/daytona/server';

/** Daytona's own client, without its WebSocket. */
function clientOf(server: DaytonaServer, credentials: object = { apiKey: server.apiKey }): Daytona {
  return new Daytona({ ...credentials, apiUrl: server.url, target: 'us', useDeprecatedPolling: true });
}

/** A client of Daytona's and a sandbox that is started there. */
async function oneSandbox(options?: DaytonaServerOptions): Promise<{ server: DaytonaServer; client: Daytona; sandbox: Sandbox }> {
  const server = await start(options);
  const client = clientOf(server);
  return { server, client, sandbox: await client.get(server.add().id) };
}

describe('Daytona’s own client', () => {
  test('creates a sandbox with the labels and intervals that it was given', async () => {
    const server = await start();
    const intervals = { autoStopInterval: 5, autoDeleteInterval: 60 };
    const { id } = await clientOf(server).create({ labels: { task: 'one' }, ...intervals, ttlMinutes: 90 });
    expect(server.get(id)).toMatchObject({ state: 'started', labels: { task: 'one' }, ...intervals });
    const { createdAt = 0, autoDestroyAt = 0 } = server.get(id) ?? {};
    expect(autoDestroyAt - createdAt).toBeCloseTo(90 * 60_000, -2);
  });

  test('waits until a sandbox is started', async () => {
    const sandbox = await clientOf(await start()).create();
    expect(sandbox.state).toBe('started');
  });

  test('walks through all pages of what carries a label', async () => {
    const server = await start();
    const mine = Array.from({ length: 5 }, () => server.add({ labels: { session: 'mine', task: 'any' } }).id);
    server.add({ labels: { session: 'another' } });
    const found: string[] = [];
    const query = { labels: { session: 'mine' }, limit: 2, sort: 'createdAt', order: 'asc' } as const;
    for await (const { id } of clientOf(server).list(query)) found.push(id);
    expect(found).toEqual(mine);
  });

  test('lists sandboxes in the states that it asks for', async () => {
    const server = await start();
    const wanted = [server.add({ state: 'stopped' }).id, server.add({ state: 'error' }).id];
    server.add();
    const found: string[] = [];
    for await (const { id } of clientOf(server).list({ states: ['stopped', 'error'] })) found.push(id);
    expect(found.toSorted()).toEqual(wanted.toSorted());
  });

  test('stops a sandbox, and waits until it is', async () => {
    const { server, sandbox } = await oneSandbox();
    await sandbox.stop();
    expect(server.get(sandbox.id)?.state).toBe('stopped');
  });

  test('stops by force what a plain stop does not end', async () => {
    const server = await start();
    const sandbox = await clientOf(server).get(server.add({ deaf: true }).id);
    await sandbox.stop(60, true);
    expect(server.get(sandbox.id)?.state).toBe('stopped');
  });

  test('takes an ephemeral sandbox that is stopped for gone', async () => {
    const server = await start();
    const sandbox = await clientOf(server).get(server.add({ autoDeleteInterval: 0 }).id);
    await sandbox.stop();
    expect(server.get(sandbox.id)).toBeUndefined();
  });

  test('starts a stopped sandbox', async () => {
    const server = await start();
    const sandbox = await clientOf(server).get(server.add({ state: 'stopped' }).id);
    await sandbox.start();
    expect(server.get(sandbox.id)?.state).toBe('started');
  });

  test('deletes a running sandbox, and waits until it is gone', async () => {
    const { server, sandbox } = await oneSandbox();
    await sandbox.delete(60, true);
    expect(server.get(sandbox.id)).toBeUndefined();
  });

  test('makes a fork of a sandbox', async () => {
    const { server, sandbox } = await oneSandbox();
    const fork = await sandbox.fork({ name: 'the-fork' });
    expect(server.get(fork.id)).toMatchObject({ name: 'the-fork', parent: sandbox.id, state: 'started' });
  });

  test('replaces the labels of a sandbox', async () => {
    const server = await start();
    const sandbox = await clientOf(server).get(server.add({ labels: { old: '1' } }).id);
    await expect(sandbox.setLabels({ new: '2' })).resolves.toEqual({ new: '2' });
    expect(server.get(sandbox.id)?.labels).toEqual({ new: '2' });
  });

  test('sets the intervals of a sandbox', async () => {
    const { server, sandbox } = await oneSandbox();
    await sandbox.setAutostopInterval(3);
    await sandbox.setAutoDeleteInterval(-1);
    expect(server.get(sandbox.id)).toMatchObject({ autoStopInterval: 3, autoDeleteInterval: -1 });
  });

  test('sets when a sandbox pauses by itself', async () => {
    const { server, sandbox } = await oneSandbox();
    await sandbox.setAutoPauseInterval(7);
    expect(server.get(sandbox.id)?.autoPauseInterval).toBe(7);
  });

  test('is refused a stop by force while a plain one goes on', async () => {
    const server = await start({ deafMs: 60_000 });
    const sandbox = await clientOf(server).get(server.add({ state: 'stopping', deaf: true }).id);
    await expect(sandbox.stop(60, true)).rejects.toMatchObject({ statusCode: 409 });
  });

  test('does not list what waits unclaimed in a warm pool', async () => {
    const server = await start();
    server.add({ warm: true });
    const found: string[] = [];
    for await (const { id } of clientOf(server).list()) found.push(id);
    expect(found).toEqual([]);
  });

  test('gets no time to live of v0.190', async () => {
    const server = await start({ knowsTtl: false });
    const sandbox = await clientOf(server).create({ ttlMinutes: 90 });
    expect(server.get(sandbox.id)?.autoDestroyAt).toBeUndefined();
    await expect(sandbox.setTtl(10)).rejects.toMatchObject({ statusCode: 404 });
  });

  test('sets and takes back a time to live', async () => {
    const { server, sandbox } = await oneSandbox();
    await sandbox.setTtl(10);
    expect(server.get(sandbox.id)?.autoDestroyAt).toBeGreaterThan(Date.now() + 9 * 60_000);
    await sandbox.setTtl(0);
    expect(server.get(sandbox.id)?.autoDestroyAt).toBeUndefined();
  });

  test('gets in with a JWT and the organization’s id', async () => {
    const server = await start();
    const { id } = server.add();
    const client = clientOf(server, { jwtToken: server.jwt, organizationId: server.organizationId });
    expect((await client.get(id)).id).toBe(id);
  });

  test.each([
    ['a key that is not known', 401, { apiKey: 'dtn_wrong' }],
    ['a JWT of another organization', 403, { jwtToken: 'the JWT', organizationId: 'another' }],
  ])('is reported when it comes with %s', async (_, status, credentials) => {
    const server = await start();
    const known = 'jwtToken' in credentials ? { ...credentials, jwtToken: server.jwt } : credentials;
    const error = await clientOf(server, known)
      .get(server.add().id)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: expect.stringMatching(/^Daytona/), statusCode: status });
    expect(error).toBeInstanceOf(DaytonaError);
  });

  test('reads the API’s message from an error', async () => {
    const { sandbox } = await oneSandbox();
    await sandbox.stop();
    await expect(sandbox.stop()).rejects.toThrow('Sandbox is not in a stoppable state');
  });

  test('also for a rate limit, with the headers that have the bucket’s name in theirs', async () => {
    const server = await start({ rateLimit: { limit: 1, windowMs: 60_000 } });
    const client = clientOf(server);
    const { id } = server.add();
    await client.get(id);
    const error = await client.get(id).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ statusCode: 429, headers: { 'x-ratelimit-remaining-authenticated': '0' } });
  });

  test('does without events when it is refused its WebSocket', async () => {
    const server = await start();
    await using client = new Daytona({ apiKey: server.apiKey, apiUrl: server.url, target: 'us' });
    const sandbox = await client.create();
    expect(sandbox.state).toBe('started');
  });
});
