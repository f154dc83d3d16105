import { describe, expect, test } from 'vitest';
import { ask, listed, start, statusOf } from '../support/daytona/asking';
import { until } from '../support/until';

describe('a listing', () => {
  test.each([
    'limit=201',
    'limit=0',
    'cursor=nonsense',
    'states=destroyed',
    'states=asleep',
    'labels=nonsense',
    'labels=%5B%5D',
    'sort=age',
    'order=up',
    'createdAtBefore=yesterday',
  ])('with %s is a bad request', async (query) => {
    expect(await statusOf(await start(), `GET /sandbox?${query}`)).toBe(400);
  });

  test.each([
    ['limit=1', 'a'],
    ['id=a', 'a'],
    ['name=the-', 'b'],
    ['createdAtBefore=1970-01-01T00:00:01Z', 'a'],
    ['createdAtAfter=1970-01-01T00:00:02Z', 'b'],
    ['labels=%7B%22x%22%3A%221%22%2C%22y%22%3A%222%22%7D', 'b'],
    ['states=paused', 'b'],
  ])('with %s tells only of what fits', async (query, id) => {
    const server = await start();
    server.add({ id: 'a', labels: { x: '1' }, createdAt: 1_000 });
    server.add({ id: 'b', labels: { x: '1', y: '2' }, name: 'the-b', createdAt: 2_000, state: 'paused' });
    expect(await listed(server, `${query}&sort=createdAt&order=asc`)).toEqual([id]);
  });

  test('of an old server is all there is at once, and knows no parameter but labels', async () => {
    const server = await start({ listings: 'array' });
    const mine = Array.from({ length: 3 }, () => server.add({ labels: { a: 'b' } }).id);
    server.add();
    const { body } = await ask(server, 'GET /sandbox?labels=%7B%22a%22%3A%22b%22%7D&limit=1&states=stopped');
    expect(body).toMatchObject(mine.map((id) => ({ id })));
  });
});

describe('a listing walked through while what it tells of is deleted', () => {
  /** Deletes each page’s sandboxes before it asks for the next. */
  async function deletedOf(count: number, order: string): Promise<number> {
    const server = await start({ transitionMs: 0 });
    for (let made = 0; made < count; made++) server.add({ createdAt: made, updatedAt: made });
    let cursor: unknown = null;
    do {
      const { body } = await ask(server, `GET /sandbox?limit=2${order}${cursor === null ? '' : `&cursor=${cursor}`}`);
      const ids = (body['items'] as { id: string }[]).map(({ id }) => id);
      for (const id of ids) await ask(server, `DELETE /sandbox/${id}`);
      await until('the page is deleted', () => ids.every((id) => server.get(id) === undefined));
      cursor = body['nextCursor'];
    } while (cursor !== null);
    return server.count('DELETE', /./);
  }

  test('leaves nothing out in the order of creation', async () => {
    expect(await deletedOf(7, '&sort=createdAt&order=asc')).toBe(7);
  });

  test('leaves nothing out in the order of creation, the newest first', async () => {
    expect(await deletedOf(7, '&sort=createdAt&order=desc')).toBe(7);
  });

  test('leaves some out in the order that it has by default', async () => {
    expect(await deletedOf(7, '')).toBeLessThan(7);
  });
});

describe('a listing that lags', () => {
  test('tells every other time of a sandbox that is gone', async () => {
    const server = await start({ listingLagMs: 60_000 });
    server.remove(server.add().id);
    const tellings = [await listed(server), await listed(server), await listed(server), await listed(server)];
    const counts = tellings.map(({ length }) => length);
    expect([
      [0, 1, 0, 1],
      [1, 0, 1, 0],
    ]).toContainEqual(counts);
  });

  test('tells every other time of the labels that a sandbox had before', async () => {
    const server = await start({ listingLagMs: 60_000 });
    const { id } = server.add({ labels: { owner: 'me' } });
    server.change(id, { labels: { owner: 'you' } });
    const mine = 'labels=%7B%22owner%22%3A%22me%22%7D';
    expect([...(await listed(server, mine)), ...(await listed(server, mine))]).toEqual([id]);
  });

  test('is overtaken by what an id shows', async () => {
    const server = await start({ listingLagMs: 60_000 });
    const { id } = server.add();
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is gone', async () => (await statusOf(server, `GET /sandbox/${id}`)) === 404);
    expect([...(await listed(server)), ...(await listed(server))]).toContain(id);
  });

  test('comes to rest', async () => {
    const server = await start({ listingLagMs: 50 });
    server.remove(server.add().id);
    await until(
      'two listings tell nothing of it',
      async () => (await listed(server)).length + (await listed(server)).length === 0,
    );
  });
});
