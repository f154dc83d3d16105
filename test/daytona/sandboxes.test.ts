import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { ownedBy } from '../../src/core/selector';
import { start } from '../support/daytona/asking';
import { type DaytonaServer, type Sandbox, type SandboxOptions, type State, states } from '../support/daytona/server';
import { SESSION, sweepSandboxes } from '../support/daytona/sweeping';
import { only, stepsOf } from '../support/engine/sweeping';
import { until } from '../support/until';

const OWNED = { [labels.session]: SESSION };

function own(server: DaytonaServer, options: Partial<SandboxOptions> = {}): Sandbox {
  return server.add({ labels: OWNED, ...options });
}

describe('a sandbox that is', () => {
  const deleted = ['remove done'];
  const expected: Readonly<Record<Exclude<State, 'destroyed'>, { readonly outcome: string; readonly steps: readonly string[] }>> =
    {
      started: { outcome: 'graceful', steps: ['stop done', 'remove done'] },
      stopping: { outcome: 'graceful', steps: ['stop done', 'remove done'] },
      stopped: { outcome: 'removed', steps: deleted },
      archived: { outcome: 'removed', steps: deleted },
      archiving: { outcome: 'removed', steps: deleted },
      error: { outcome: 'removed', steps: deleted },
      build_failed: { outcome: 'removed', steps: deleted },
      destroying: { outcome: 'removed', steps: deleted },
      paused: { outcome: 'killed', steps: deleted },
      unknown: { outcome: 'killed', steps: deleted },
      creating: { outcome: 'killed', steps: deleted },
      restoring: { outcome: 'killed', steps: deleted },
      starting: { outcome: 'killed', steps: deleted },
      pending_build: { outcome: 'killed', steps: deleted },
      building_snapshot: { outcome: 'killed', steps: deleted },
      pulling_snapshot: { outcome: 'killed', steps: deleted },
      resizing: { outcome: 'killed', steps: deleted },
      snapshotting: { outcome: 'killed', steps: deleted },
      forking: { outcome: 'killed', steps: deleted },
      pausing: { outcome: 'killed', steps: deleted },
      resuming: { outcome: 'killed', steps: deleted },
    };

  test('in any state is known', () => {
    expect(Object.keys(expected).toSorted()).toEqual(states.filter((state) => state !== 'destroyed').toSorted());
  });

  test.each(Object.entries(expected))('%s is taken down', async (state, { outcome, steps }) => {
    const server = await start({ transitionMs: 100 });
    const { id } = own(server, { state: state as State });

    const result = await sweepSandboxes(server);

    const settlement = only(result);
    expect({ outcome: settlement.outcome, steps: stepsOf(settlement) }, settlement.error?.message).toEqual({ outcome, steps });
    expect(result.verified).toBe(true);
    expect(server.get(id)).toBeUndefined();
  });

  test('destroyed is nothing', async () => {
    const server = await start({ destroyedMs: 60_000 });
    own(server, { state: 'destroyed' });
    expect(await sweepSandboxes(server)).toMatchObject({ settlements: [], verified: true });
  });

  test('of no state is deleted', async () => {
    const server = await start();
    own(server, { state: undefined, desiredState: undefined, createdAt: undefined, updatedAt: undefined });
    expect(only(await sweepSandboxes(server))).toMatchObject({ outcome: 'killed' });
  });

  test('deaf to a stop is stopped by force', async () => {
    const server = await start();
    own(server, { deaf: true });

    const settlement = only(await sweepSandboxes(server, { rungMs: 300 }));

    expect(settlement.outcome).toBe('killed');
    expect(stepsOf(settlement)).toEqual(['stop timeout', 'kill done', 'remove done']);
    expect(server.requests.filter(({ method }) => method === 'POST').map(({ query }) => query.get('force'))).toEqual([
      null,
      'true',
    ]);
  });

  test('ephemeral is gone with its stop', async () => {
    const server = await start();
    own(server, { autoDeleteInterval: 0 });
    expect(only(await sweepSandboxes(server)).outcome).toBe('graceful');
  });

  test('started is stopped by force when there is no grace', async () => {
    const server = await start();
    own(server);

    const settlement = only(await sweepSandboxes(server, { graceMs: 0 }));

    expect(settlement.outcome).toBe('killed');
    expect(stepsOf(settlement)).toEqual(['stop skipped', 'kill done', 'remove done']);
  });
});

describe('a sandbox that does not go', () => {
  test('because it is stuck on its way out is reported, and not waited for', async () => {
    const server = await start();
    own(server, { state: 'destroying', undying: true, updatedAt: Date.UTC(2026, 0, 1) });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(false);
    expect(settlements[0]).toMatchObject({ outcome: 'failed', retryable: false });
    expect(settlements[0]?.error?.message).toBe(
      'it has been destroying since 2026-01-01T00:00:00.000Z, and Daytona does not get it done',
    );
  });

  test('because it has been changing for ever is reported with its state, and not waited for', async () => {
    const server = await start();
    own(server, { state: 'creating', stuck: true, updatedAt: Date.UTC(2026, 0, 1) });

    const [settlement] = (await sweepSandboxes(server)).settlements;

    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false });
    expect(settlement?.error?.message).toMatch(
      /409 Sandbox state change in progress \(it has been creating since 2026-01-01T00:00:00.000Z\)$/,
    );
  });

  test('because it is changing is tried again until the deadline, and reported with its state', async () => {
    const server = await start();
    const { id } = own(server, { state: 'creating', stuck: true });

    const [settlement] = (await sweepSandboxes(server, { deadlineMs: 1_500 })).settlements;

    expect(settlement?.outcome).toBe('failed');
    expect(settlement?.error?.message).toMatch(
      /^the deadline of 1.5 s has passed; before that: .*409 .* \(it is creating since 20.*Z\)$/,
    );
    expect(settlement?.command).toBe(
      `curl --silent --show-error --fail -H "Authorization: Bearer $DAYTONA_API_KEY" -X DELETE ${server.url}/sandbox/${id}`,
    );
    expect(server.count('DELETE', /./)).toBeGreaterThan(3);
  });

  test('because the key may not delete is stopped', async () => {
    const server = await start();
    const { id } = own(server);

    const [settlement] = (await sweepSandboxes(server, { credentials: { token: server.readOnlyKey, from: 'a test' } }))
      .settlements;

    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false });
    expect(settlement?.error?.message).toMatch(
      /^stopped, not deleted: the key lacks delete:sandboxes \(DELETE \/sandbox\/.*: 403 .*\)$/,
    );
    expect(server.get(id)?.state).toBe('stopped');
  });

  test('because the key may not delete, though it is paused, says that at once', async () => {
    const server = await start();
    own(server, { state: 'paused' });
    const { settlements } = await sweepSandboxes(server, { credentials: { token: server.readOnlyKey, from: 'a test' } });
    expect(settlements).toMatchObject([{ outcome: 'failed', retryable: false }]);
    expect(settlements[0]?.error?.message).toMatch(/^paused, not deleted: /);
    expect(server.count('DELETE', /./)).toBe(1);
  });

  test('because the key may not delete is not said to be stopped before it is', async () => {
    const server = await start();
    const { id } = own(server);
    server.fault({ method: 'POST', path: /stop$/, answer: { status: 200, body: {} } });

    const credentials = { token: server.readOnlyKey, from: 'a test' };
    const { settlements } = await sweepSandboxes(server, { credentials, deadlineMs: 2_000, rungMs: 300 });

    expect(server.get(id)?.state).toBe('started');
    expect(settlements[0]?.error?.message).not.toContain('stopped, not deleted');
  });

  test('because the key may not delete is stopped even where its stop was skipped', async () => {
    const server = await start();
    const { id } = own(server, { state: 'starting' });

    await sweepSandboxes(server, { credentials: { token: server.readOnlyKey, from: 'a test' } });

    await until('it has stopped', () => server.get(id)?.state === 'stopped');
  });
});

describe('a sandbox at rest for long', () => {
  test('is no less deletable for one refusal', async () => {
    const server = await start();
    own(server, { state: 'stopped', updatedAt: Date.UTC(2026, 0, 1) });
    server.fault({ method: 'DELETE', nth: 1, answer: { status: 409, message: 'Sandbox was modified by another operation' } });

    const settlement = only(await sweepSandboxes(server));

    expect(settlement).toMatchObject({ outcome: 'removed', steps: [{ attempts: 2, retriedAfter: ['conflict'] }] });
  });
});

test('a sandbox that is owned by its name stays owned when its deletion gives it another', async () => {
  const server = await start({ transitionMs: 3_000 });
  const { id } = server.add({ name: 'bench-1', state: 'stopped' });
  const selector = ownedBy(undefined, { labels: [], namePrefixes: ['bench-'] });

  const result = await sweepSandboxes(server, { selector, rungMs: 1_000 });

  expect(only(result)).toMatchObject({ outcome: 'removed', resource: { name: 'bench-1' } });
  expect(result.verified).toBe(true);
  expect(server.get(id)).toBeUndefined();
});

test('a sandbox that was made a moment ago, and is not listed yet, is removed too', async () => {
  const server = await start({ listingLagMs: 1_000 });
  const { url, apiKey } = server;
  const response = await fetch(`${url}/sandbox`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ labels: OWNED }),
  });
  const { id } = (await response.json()) as { readonly id: string };

  const { settlements, verified } = await sweepSandboxes(server, { listingLagMs: 1_500 });

  expect([settlements.length, verified, server.get(id)]).toEqual([1, true, undefined]);
});

describe('forks', () => {
  test('go before what they were forked from', async () => {
    const server = await start();
    const parent = own(server);
    const child = own(server, { parent: parent.id });
    const grandchild = own(server, { parent: child.id });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(true);
    expect(settlements.map(({ outcome }) => outcome)).toEqual(['graceful', 'graceful', 'graceful']);
    expect([parent, child, grandchild].map(({ id }) => server.get(id))).toEqual([undefined, undefined, undefined]);
  });

  test('that take longer than all retries are waited for', async () => {
    const server = await start({ transitionMs: 1_000 });
    const parent = own(server, { state: 'stopped' });
    own(server, { parent: parent.id });

    const { settlements, verified } = await sweepSandboxes(server, { retries: 0 });

    expect(verified).toBe(true);
    expect(settlements.map(({ outcome }) => outcome).toSorted()).toEqual(['graceful', 'removed']);
  });

  test('that take longer to go than a rung has time do not fail their parent', async () => {
    const server = await start({ transitionMs: 2_500 });
    const parent = own(server, { state: 'stopped' });
    own(server, { parent: parent.id, state: 'stopped' });

    const { settlements, verified } = await sweepSandboxes(server, { rungMs: 500, retries: 1 });

    expect(settlements.map(({ outcome }) => outcome)).toEqual(['removed', 'removed']);
    expect(verified).toBe(true);
  });

  test('that the API will not name are waited for all the same', async () => {
    const server = await start({ transitionMs: 300 });
    const parent = own(server, { state: 'stopped' });
    own(server, { parent: parent.id });
    server.fault({ method: 'GET', path: /forks$/, answer: { status: 404 } });

    expect((await sweepSandboxes(server)).verified).toBe(true);
  });

  test('of somebody else’s keep their parent, which says why', async () => {
    const server = await start();
    const parent = own(server);
    server.add({ parent: parent.id, name: 'others', id: 'others-id' });

    const { settlements } = await sweepSandboxes(server);

    expect(settlements).toMatchObject([{ outcome: 'failed', retryable: false }]);
    expect(settlements[0]?.error?.message).toBe('it has forks, which must go before it: others');
    expect(server.get('others-id')?.state).toBe('started');
  });
});

describe('what is not the session’s', () => {
  test('is left alone', async () => {
    const server = await start();
    const others = [
      server.add(),
      server.add({ labels: { [labels.session]: 'another' } }),
      own(server, { labels: { ...OWNED, [labels.keep]: 'true' } }),
    ];

    await sweepSandboxes(server);

    expect(others.map(({ id }) => server.get(id)?.state)).toEqual(['started', 'started', 'started']);
    expect(server.count('POST', /./) + server.count('DELETE', /./)).toBe(0);
  });

  test('any more since it was listed is left alone', async () => {
    const server = await start({ listingLagMs: 60_000 });
    const { id } = own(server);
    server.change(id, { labels: {} });

    const { settlements } = await sweepSandboxes(server, { deadlineMs: 1_500 });

    expect(settlements).toMatchObject([{ outcome: 'kept', reason: 'it changed meanwhile, and is no longer selected' }]);
    expect(server.get(id)?.state).toBe('started');
  });

  test('can’t be known where a look fails: then nothing is touched', async () => {
    const server = await start();
    const { id } = own(server);
    server.fault({ method: 'GET', path: /^\/sandbox\/./, answer: { status: 500 } });

    const { settlements, verified } = await sweepSandboxes(server, { deadlineMs: 1_500 });

    expect(verified).toBe(false);
    expect(settlements).toMatchObject([{ outcome: 'failed' }]);
    expect(settlements[0]?.error?.message).toMatch(/before that: GET \/sandbox\/.*: 500/);
    expect(server.get(id)?.state).toBe('started');
  });
});

describe('the API’s moods', () => {
  test('a listing that lags behind is looked at until it is empty', async () => {
    const server = await start({ listingLagMs: 1_000 });
    own(server);
    own(server, { state: 'stopped' });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(true);
    expect(settlements.map(({ outcome }) => outcome).toSorted()).toEqual(['graceful', 'removed']);
  });

  test.each([
    ['a server in trouble', { answer: { status: 500 } }],
    ['a connection that breaks', { answer: 'reset' }],
    ['an answer that breaks off', { answer: 'cut' }],
    ['a proxy’s page', { answer: 'garbage' }],
    ['an answer that is lost after the work', { answer: 'reset', after: true }],
    ['a conflict', { answer: { status: 409, message: 'Sandbox was modified by another operation, please try again' } }],
    ['a rate limit of no known length', { answer: { status: 429 } }],
  ] as const)('%s, once at every request, is got over', async (_, fault) => {
    const server = await start();
    own(server);
    for (const [method, path] of [
      ['GET', /^\/sandbox$/],
      ['POST', /stop$/],
      ['DELETE', /./],
    ] as const)
      server.fault({ method, path, nth: 1, ...fault });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(settlements).toMatchObject([{ outcome: 'graceful' }]);
    expect(verified).toBe(true);
    expect(server.requests.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  });

  test('an API that does not answer is given up at the deadline', async () => {
    const server = await start();
    own(server);
    server.fault({ answer: 'hang' });
    expect(await sweepSandboxes(server, { deadlineMs: 500 })).toMatchObject({ verified: false, settlements: [] });
  });

  test('a key that is refused is refused once', async () => {
    const server = await start();

    const { verified, error } = await sweepSandboxes(server, { credentials: { token: 'wrong', from: 'a test' } });

    expect(verified).toBe(false);
    expect(error?.message).toMatch(/^GET \/sandbox: 401 /);
    expect(server.requests).toHaveLength(1);
  });

  test('a small allowance of requests is never overdrawn', async () => {
    const server = await start({ rateLimit: { limit: 60, windowMs: 1_000 }, transitionMs: 1 });
    for (let number = 0; number < 100; number += 1) own(server, { state: 'stopped' });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(true);
    expect(settlements.every(({ outcome }) => outcome === 'removed')).toBe(true);
    expect(server.requests.filter(({ status }) => status === 429)).toHaveLength(0);
  });

  test('an allowance that others use up is waited for as long as the server says', async () => {
    const server = await start();
    const { id } = own(server, { state: 'stopped' });
    const refusal = { status: 429, headers: { 'Retry-After-sandbox-lifecycle': '1' } };
    server.fault({ method: 'DELETE', nth: 1, answer: refusal });

    expect(only(await sweepSandboxes(server, { retries: 0 })).outcome).toBe('removed');

    const [first, second] = server.requests.filter(({ method }) => method === 'DELETE');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
    expect(server.get(id)).toBeUndefined();
  });
});
