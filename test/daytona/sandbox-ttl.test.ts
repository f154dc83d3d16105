import { Daytona } from '@daytona/sdk';
import { describe, expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { type Renewed, renewLifetimes } from '../../src/phases/sandbox-ttl';
import { openLifetimes } from '../../src/providers/daytona/lifetimes';
import { start, statusOf } from '../support/daytona/asking';
import { fastClock } from '../support/daytona/fast-clock';
import type { DaytonaServer } from '../support/daytona/server';
import { until } from '../support/until';

const SESSION = 'test-session';
const OWN = { [labels.session]: SESSION };

const MINUTE = 60_000;
/** A minute takes a fifth of a second, and a time to live four. */
const FACTOR = 300;
const QUICK = { minuteMs: MINUTE / FACTOR };

/** Renews until the test ends, or until the function is called that it returns. */
function renew(server: DaytonaServer, { minutes = 20, factor = 1, renewed = new Set<string>() as Renewed } = {}) {
  const ended = new AbortController();
  const warnings: string[] = [];
  const clock = fastClock(factor);
  const lifetimes = openLifetimes({ url: server.url, token: server.apiKey, proxy: '' }, clock);
  const renewing = renewLifetimes({
    connections: [{ name: 'daytona', lifetimes }],
    renewed,
    sessionId: SESSION,
    ttlMs: minutes * MINUTE,
    clock,
    log: { warning: (line) => warnings.push(line) },
    signal: ended.signal,
  });
  const stop = async () => {
    ended.abort();
    await renewing;
  };
  onTestFinished(stop);
  return { warnings, stop, renewing };
}

const renewals = (server: DaytonaServer, id: string) => server.count('POST', new RegExp(`^/sandbox/${id}/ttl/`));

test('a sandbox of Daytona’s client ends by itself when the session renews it no more, and not before', async () => {
  const server = await start(QUICK);
  const daytona = new Daytona({ apiKey: server.apiKey, apiUrl: server.url, target: 'us', useDeprecatedPolling: true });
  const { id } = await daytona.create({ labels: OWN });
  const theirs = server.add();
  const { stop } = renew(server, { factor: FACTOR });
  await until('it was renewed for more than its time', () => renewals(server, id) >= 6);
  expect(server.get(id)?.state).toBe('started');
  await stop();
  await until('it is gone', () => server.get(id) === undefined);
  expect([server.get(theirs.id)?.state, server.get(theirs.id)?.autoDestroyAt]).toEqual(['started', undefined]);
});

describe('a time to live', () => {
  test('is given to what appears later, too', async () => {
    const server = await start(QUICK);
    renew(server, { factor: FACTOR });
    await until('it was looked', () => server.count('GET', /^\/sandbox$/) > 0);
    const { id } = server.add({ labels: OWN, autoDestroyAt: Date.now() + 60 * MINUTE });
    await until('it ends sooner than it would have', () => (server.get(id)?.autoDestroyAt ?? Infinity) < Date.now() + MINUTE);
  });

  test('is not given to what is another session’s, is to be kept, or ends sooner', async () => {
    const server = await start();
    const soon = Date.now() + 5 * MINUTE;
    const untouched = [
      server.add({ labels: { [labels.session]: `${SESSION}-2` } }),
      server.add({ labels: { ...OWN, [labels.keep]: 'true' } }),
      server.add({ labels: OWN, autoDestroyAt: soon }),
    ];
    const own = server.add({ labels: OWN });
    renew(server, { factor: FACTOR });
    await until('ours was renewed', () => renewals(server, own.id) >= 2);
    expect(untouched.map(({ id }) => renewals(server, id))).toEqual([0, 0, 0]);
    expect(server.get(untouched[2]?.id ?? '')?.autoDestroyAt).toBe(soon);
  });

  test('is judged by the sandbox itself, not by a listing that is late', async () => {
    const server = await start({ listingLagMs: 60_000 });
    const { id } = server.add({ labels: OWN });
    server.change(id, { labels: { owner: 'somebody else' } });
    renew(server, { factor: FACTOR });
    await until('it was looked three times', () => server.count('GET', /^\/sandbox$/) >= 3);
    expect(renewals(server, id)).toBe(0);
  });

  test('is taken back from what is to be kept from now on', async () => {
    const server = await start();
    const { id } = server.add({ labels: OWN });
    renew(server, { factor: FACTOR });
    await until('it has one', () => server.get(id)?.autoDestroyAt !== undefined);
    server.change(id, { labels: { ...OWN, [labels.keep]: 'true' } });
    await until('it has none', () => server.get(id)?.autoDestroyAt === undefined);
  });

  test('is given in the next look where one request failed, to each but those that fail', async () => {
    const server = await start();
    const all = [server.add({ labels: OWN }), server.add({ labels: OWN })];
    server.fault({ method: 'POST', path: /\/ttl\//, nth: 1, answer: { status: 500 } });
    const { warnings } = renew(server, { factor: FACTOR });
    await until('both have one', () => all.every(({ id }) => server.get(id)?.autoDestroyAt !== undefined));
    expect(warnings).toHaveLength(1);
  });
});

describe('a rate limit', () => {
  test('has half of it left to the job and to post, however many sandboxes there are', async () => {
    const server = await start({ rateLimit: { limit: 100, windowMs: 60_000 } });
    for (let count = 0; count < 100; count += 1) server.add({ labels: OWN });
    const { warnings } = renew(server);
    await until('half of it is used', () => server.requests.length >= 50);
    // What it had sent by then has arrived before the last of these.
    for (let count = 1; count <= 10; count += 1) expect(await statusOf(server, 'GET /sandbox')).toBe(200);
    expect(server.requests.length).toBeLessThanOrEqual(50 + 10);
    expect(warnings).toEqual([]);
  });

  test('that others have used up is waited for, without a warning', async () => {
    const server = await start();
    const { id } = server.add({ labels: OWN });
    server.fault({ method: 'POST', path: /\/ttl\//, nth: 1, answer: { status: 429, headers: { 'Retry-After': '1' } } });
    const { warnings } = renew(server);
    await until('it has one', () => server.get(id)?.autoDestroyAt !== undefined);
    expect(warnings).toEqual([]);
  });
});

test('a process that takes over renews what the one before it had given time, and not what somebody chose', async () => {
  const server = await start();
  const soon = Date.now() + 5 * MINUTE;
  const own = server.add({ labels: OWN, autoDestroyAt: soon });
  const chosen = server.add({ labels: OWN, autoDestroyAt: soon });
  renew(server, { renewed: new Set([own.id]), factor: FACTOR });
  await until('ours was renewed twice', () => renewals(server, own.id) >= 2);
  expect([renewals(server, chosen.id), server.get(chosen.id)?.autoDestroyAt]).toEqual([0, soon]);
});

test('a key that has expired is one warning; what had time ends by itself', async () => {
  const server = await start(QUICK);
  const { id } = server.add({ labels: OWN });
  const { warnings } = renew(server, { factor: FACTOR });
  await until('it has one', () => server.get(id)?.autoDestroyAt !== undefined);
  server.fault({ answer: { status: 401 } });
  await until('it has ended', () => server.get(id) === undefined);
  expect(warnings).toEqual([expect.stringContaining('check daytona-api-key')]);
});

test('a server that knows none, as v0.190, is asked once, and named in a warning', async () => {
  const server = await start({ knowsTtl: false });
  const { id } = server.add({ labels: OWN });
  const { warnings, renewing } = renew(server);
  await renewing;
  expect(warnings).toEqual(['sandbox-ttl: daytona’s sandboxes may not end by themselves: it knows no TTL']);
  expect(renewals(server, id)).toBe(1);
  expect(server.get(id)?.state).toBe('started');
});
