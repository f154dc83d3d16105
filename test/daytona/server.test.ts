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

  test('is shown as destroyed for a while, where the server is so', async () => {
    const server = await start({ destroyedMs: 60_000 });
    const { id } = server.add();
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is destroyed', async () => (await ask(server, `GET /sandbox/${id}`)).body['state'] === 'destroyed');
    expect(await listed(server)).toEqual([]);
  });

  test('that is deaf takes long to stop, and refuses all else meanwhile', async () => {
    const server = await start({ transitionMs: 0, deafMs: 200 });
    const { id } = server.add({ deaf: true });
    await ask(server, `POST /sandbox/${id}/stop`);
    const refused = [`POST /sandbox/${id}/stop`, `POST /sandbox/${id}/stop?force=true`, `DELETE /sandbox/${id}`];
    expect(await Promise.all(refused.map((call) => statusOf(server, call)))).toEqual([409, 409, 409]);
    await until('it is stopped', () => server.get(id)?.state === 'stopped');
    expect(await statusOf(server, `POST /sandbox/${id}/stop?force=true`)).toBe(400);
    expect(await statusOf(server, `DELETE /sandbox/${id}`)).toBe(200);
  });

  test('that is deaf hears a stop by force, if that is the first', async () => {
    const server = await start({ deafMs: 60_000 });
    const { id } = server.add({ deaf: true });
    await ask(server, `POST /sandbox/${id}/stop?force=true`);
    await until('it is stopped', () => server.get(id)?.state === 'stopped');
  });

  test.each(['1', 'TRUE', 'yes', ''])('that is deaf does not hear force=%s', async (force) => {
    const server = await start({ transitionMs: 0, deafMs: 60_000 });
    const { id } = server.add({ deaf: true });
    const other = server.add();
    for (const sandbox of [id, other.id]) await ask(server, `POST /sandbox/${sandbox}/stop?force=${force}`);
    await until('the other one is stopped', () => server.get(other.id)?.state === 'stopped');
    expect(server.get(id)?.state).toBe('stopping');
  });

  test('whose runner fails to destroy it is hidden, but for listings that ask for such', async () => {
    const server = await start();
    const { id } = server.add({ undeletable: 'no runner' });
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is not found', async () => (await statusOf(server, `GET /sandbox/${id}`)) === 404);
    expect(await statusOf(server, `DELETE /sandbox/${id}`)).toBe(404);
    expect(await listed(server)).toEqual([]);
    const { body } = await ask(server, 'GET /sandbox?includeErroredDeleted=true&states=error&states=build_failed');
    expect(body['items']).toMatchObject([{ id, state: 'error', desiredState: 'destroyed', errorReason: 'no runner' }]);
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

  test('that something else changes leaves the transition that it was in', async () => {
    const server = await start();
    const [{ id }, other] = [server.add({ state: 'stopping' }), server.add({ state: 'stopping' })];
    server.change(id, { state: 'error' });
    await until('the other one is stopped', () => server.get(other.id)?.state === 'stopped');
    expect(server.get(id)?.state).toBe('error');
  });
});

const refusesAll = states.filter(
  (state) => /ing$|_snapshot$|^unknown$/.test(state) && state !== 'starting' && state !== 'archiving',
);
const stoppable = ['started', 'paused'];
const settled = states.filter((state) => !/ing$|_snapshot$|^unknown$|^pending_build$/.test(state));

describe('a request at a sandbox that is', () => {
  async function answersOf(state: (typeof states)[number]): Promise<readonly number[]> {
    const server = await start();
    const [first, second] = [server.add({ state, stuck: true }), server.add({ state, stuck: true })];
    return [await statusOf(server, `POST /sandbox/${first.id}/stop`), await statusOf(server, `DELETE /sandbox/${second.id}`)];
  }

  test.each(refusesAll)('%s is refused: its state is changing', async (state) => {
    expect(await answersOf(state)).toEqual([409, 409]);
  });

  test.each(['archiving', 'pending_build'] as const)('%s is refused only when it is a stop', async (state) => {
    expect(await answersOf(state)).toEqual([409, 200]);
  });

  test('starting is refused when it is a stop, and breaks the server when it is a deletion', async () => {
    expect(await answersOf('starting')).toEqual([409, 500]);
  });

  test.each(settled.filter((state) => state !== 'destroyed'))('%s is accepted when it is a deletion', async (state) => {
    expect(await answersOf(state)).toEqual([stoppable.includes(state) ? 200 : 400, 200]);
  });
});

describe('a key', () => {
  test('is needed', async () => {
    expect(await statusOf(await start(), 'GET /sandbox', { authorization: '' })).toBe(401);
  });

  test('without delete:sandboxes lists and stops, and deletes nothing', async () => {
    const server = await start();
    const { id } = server.add();
    const reading = { authorization: `Bearer ${server.noDeleteKey}` };
    const calls = ['GET /sandbox', `DELETE /sandbox/${id}`, `POST /sandbox/${id}/stop`];
    expect(await Promise.all(calls.map((call) => statusOf(server, call, reading)))).toEqual([200, 403, 200]);
  });

  test.each([
    ['noWriteKey', [200, 403, 200]],
    ['readOnlyKey', [200, 403, 403]],
  ] as const)('that is the %s does what it may', async (key, expected) => {
    const server = await start();
    const { id } = server.add();
    const headers = { authorization: `Bearer ${server[key]}` };
    const calls = ['GET /sandbox', `POST /sandbox/${id}/stop`, `DELETE /sandbox/${id}`];
    expect(await Promise.all(calls.map((call) => statusOf(server, call, headers)))).toEqual(expected);
  });

  test('that is a JWT needs the organization’s id', async () => {
    const server = await start();
    expect(await statusOf(server, 'GET /sandbox', { authorization: `Bearer ${server.jwt}` })).toBe(403);
  });
});
