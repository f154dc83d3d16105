import { describe, expect, test } from 'vitest';
import { ask, listed, start, statusOf } from '../support/daytona/asking';
import { states } from '../support/daytona/server';
import { until } from '../support/until';

describe('an answer', () => {
  test('that is an error says where, when and what', async () => {
    const server = await start();
    const { body } = await ask(server, 'GET /sandbox/nobody');
    expect(body).toEqual({
      path: '/api/sandbox/nobody',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      statusCode: 404,
      error: 'Not Found',
      message: 'Sandbox with ID or name nobody not found',
    });
  });

  test('leaves out what is absent, but never the labels', async () => {
    const server = await start();
    const absent = ['state', 'desiredState', 'createdAt', 'updatedAt', 'lastActivityAt'] as const;
    const { id } = server.add(Object.fromEntries(absent.map((key) => [key, undefined])));
    const { body } = await ask(server, `GET /sandbox/${id}`);
    expect(Object.keys(body)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(state|.*At|desiredState)$/)]));
    expect(body['labels']).toEqual({});
  });

  test('tells nothing of another organization’s sandboxes', async () => {
    const server = await start();
    const { id } = server.add({ organizationId: 'another' });
    expect(await listed(server)).toEqual([]);
    expect(await statusOf(server, `GET /sandbox/${id}`)).toBe(404);
  });
});

describe('a sandbox', () => {
  test('is only meant to stop when a stop is accepted, stops, and is stopped', async () => {
    const server = await start();
    const { id } = server.add();
    const { body } = await ask(server, `POST /sandbox/${id}/stop`);
    expect(body).toMatchObject({ state: 'started', desiredState: 'stopped' });
    await until('it is stopping', () => server.get(id)?.state === 'stopping');
    await until('it is stopped', () => server.get(id)?.state === 'stopped');
  });

  test('has another name from when its deletion is accepted until it is gone', async () => {
    const server = await start();
    const { id } = server.add({ name: 'the-name' });
    const { status, body } = await ask(server, `DELETE /sandbox/${id}`);
    expect([status, body['desiredState'], body['name']]).toEqual([
      200,
      'destroyed',
      expect.stringMatching(/^DESTROYED_the-name_/),
    ]);
    expect(await statusOf(server, 'GET /sandbox/the-name')).toBe(404);
    await until('it is gone', async () => (await statusOf(server, `GET /sandbox/${id}`)) === 404);
  });

  test('is told of as destroyed for a while, where the server is so', async () => {
    const server = await start({ destroyedMs: 60_000 });
    const { id } = server.add();
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is destroyed', async () => (await ask(server, `GET /sandbox/${id}`)).body['state'] === 'destroyed');
    expect(await listed(server)).toEqual([]);
  });

  test('that is deaf is stopping until it is stopped by force', async () => {
    const server = await start({ transitionMs: 0 });
    const { id } = server.add({ deaf: true });
    await ask(server, `POST /sandbox/${id}/stop`);
    await until('it is stopping', () => server.get(id)?.state === 'stopping');
    expect(await statusOf(server, `DELETE /sandbox/${id}`)).toBe(409);
    await ask(server, `POST /sandbox/${id}/stop?force=true`);
    await until('it is stopped', () => server.get(id)?.state === 'stopped');
  });

  test.each(['1', 'TRUE', 'yes', ''])('is not forced by force=%s', async (force) => {
    const server = await start();
    const { id } = server.add({ state: 'stopping', deaf: true });
    expect(await statusOf(server, `POST /sandbox/${id}/stop?force=${force}`)).toBe(409);
  });

  test('that is ephemeral is deleted by a stop', async () => {
    const server = await start();
    const { id } = server.add({ autoDeleteInterval: 0 });
    expect((await ask(server, `POST /sandbox/${id}/stop`)).body['desiredState']).toBe('destroyed');
    await until('it is gone', () => server.get(id) === undefined);
  });

  test('in error is gone at once when it is deleted, but for listings that ask for such', async () => {
    const server = await start();
    const { id } = server.add({ state: 'error' });
    expect(await statusOf(server, `DELETE /sandbox/${id}`)).toBe(200);
    expect(await statusOf(server, `GET /sandbox/${id}`)).toBe(404);
    expect(await listed(server)).toEqual([]);
    expect(await listed(server, 'includeErroredDeleted=true')).toEqual([id]);
  });

  test('can’t be deleted before its forks are gone', async () => {
    const server = await start();
    const parent = server.add();
    const fork = server.add({ parent: parent.id });
    expect(await statusOf(server, `DELETE /sandbox/${parent.id}`)).toBe(400);
    await ask(server, `DELETE /sandbox/${fork.id}`);
    await until('the fork is gone', () => server.get(fork.id) === undefined);
    expect(await statusOf(server, `DELETE /sandbox/${parent.id}`)).toBe(200);
  });

  test('tells which forks of it are still there', async () => {
    const server = await start();
    const parent = server.add();
    const [here, gone] = [server.add({ parent: parent.id }), server.add({ parent: parent.id })];
    server.remove(gone.id);
    expect((await ask(server, `GET /sandbox/${parent.id}/forks`)).body).toMatchObject([{ id: here.id }]);
  });

  test('that can’t die is destroying for ever', async () => {
    const server = await start({ transitionMs: 0 });
    const { id } = server.add({ undying: true });
    server.add({ id: 'mortal' });
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is destroying', () => server.get(id)?.state === 'destroying');
    await ask(server, 'DELETE /sandbox/mortal');
    await until('the other one is gone', () => server.get('mortal') === undefined);
    expect(await ask(server, `DELETE /sandbox/${id}`)).toMatchObject({
      status: 409,
      body: { error: 'Conflict', message: 'Sandbox state change in progress' },
    });
  });

  test('that is put there in transition goes on', async () => {
    const server = await start();
    const { id } = server.add({ state: 'creating' });
    await until('it is started', () => server.get(id)?.state === 'started');
  });

  test('that somebody else changes leaves the transition that it was in', async () => {
    const server = await start();
    const [{ id }, other] = [server.add({ state: 'stopping' }), server.add({ state: 'stopping' })];
    server.change(id, { state: 'error' });
    await until('the other one is stopped', () => server.get(other.id)?.state === 'stopped');
    expect(server.get(id)?.state).toBe('error');
  });
});

const inTransition = states.filter((state) => /ing$|^pending_build$|_snapshot$/.test(state));
const settled = states.filter((state) => !inTransition.includes(state));

describe('a request at a sandbox that is', () => {
  test.each(inTransition.filter((state) => state !== 'starting'))('%s is refused: it is in transition', async (state) => {
    const server = await start();
    const { id } = server.add({ state, stuck: true });
    expect([await statusOf(server, `POST /sandbox/${id}/stop`), await statusOf(server, `DELETE /sandbox/${id}`)]).toEqual([
      409, 409,
    ]);
  });

  test('starting is refused when it is a stop, and breaks the server when it is a deletion', async () => {
    const server = await start();
    const { id } = server.add({ state: 'starting', stuck: true });
    expect([await statusOf(server, `POST /sandbox/${id}/stop`), await statusOf(server, `DELETE /sandbox/${id}`)]).toEqual([
      409, 500,
    ]);
  });

  test.each(settled.filter((state) => state !== 'started'))('%s is a bad one when it is a stop', async (state) => {
    const server = await start();
    expect(await statusOf(server, `POST /sandbox/${server.add({ state }).id}/stop`)).toBe(400);
  });

  test.each(settled.filter((state) => state !== 'destroyed'))('%s is accepted when it is a deletion', async (state) => {
    const server = await start();
    expect(await statusOf(server, `DELETE /sandbox/${server.add({ state }).id}`)).toBe(200);
  });
});

describe('a key', () => {
  test('is needed', async () => {
    expect(await statusOf(await start(), 'GET /sandbox', { authorization: '' })).toBe(401);
  });

  test('without delete:sandboxes lists and stops, and deletes nothing', async () => {
    const server = await start();
    const { id } = server.add();
    const reading = { authorization: `Bearer ${server.readOnlyKey}` };
    const calls = ['GET /sandbox', `DELETE /sandbox/${id}`, `POST /sandbox/${id}/stop`];
    expect(await Promise.all(calls.map((call) => statusOf(server, call, reading)))).toEqual([200, 403, 200]);
  });

  test('that is a JWT needs the organization’s id', async () => {
    const server = await start();
    expect(await statusOf(server, 'GET /sandbox', { authorization: `Bearer ${server.jwt}` })).toBe(403);
  });
});
