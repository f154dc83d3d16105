import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { ownedBy } from '../../src/core/selector';
import { ask, start } from '../support/daytona/asking';
import { fastClock } from '../support/daytona/fast-clock';
import {
  type DaytonaServer,
  type RecordedRequest,
  type Sandbox,
  type SandboxOptions,
  type State,
  states,
} from '../support/daytona/server';
import { SESSION, sandboxes, sweepSandboxes } from '../support/daytona/sweeping';
import { only, stepsOf } from '../support/engine/sweeping';
import { until } from '../support/until';

const OWNED = { [labels.session]: SESSION };

/** The action’s settings, for a clock that runs fast. */
const LIKE_THE_DEFAULTS = {
  deadlineMs: 240_000,
  rungMs: 10_000,
  retryDelayMs: 2_000,
  pollMs: { first: 500, max: 4_000 },
  listingLagMs: 2_500,
};

function own(server: DaytonaServer, options: Partial<SandboxOptions> = {}): Sandbox {
  return server.add({ labels: OWNED, ...options });
}

describe('a sandbox that is', () => {
  const deleted = ['remove done'];
  const expected: Readonly<Record<Exclude<State, 'destroyed'>, { readonly outcome: string; readonly steps: readonly string[] }>> =
    {
      started: { outcome: 'graceful', steps: ['stop done', 'remove done'] },
      stopping: { outcome: 'graceful', steps: deleted },
      stopped: { outcome: 'removed', steps: deleted },
      archived: { outcome: 'removed', steps: deleted },
      archiving: { outcome: 'removed', steps: deleted },
      error: { outcome: 'removed', steps: deleted },
      build_failed: { outcome: 'removed', steps: deleted },
      destroying: { outcome: 'removed', steps: deleted },
      paused: { outcome: 'removed', steps: deleted },
      unknown: { outcome: 'killed', steps: deleted },
      creating: { outcome: 'killed', steps: deleted },
      restoring: { outcome: 'killed', steps: deleted },
      starting: { outcome: 'killed', steps: deleted },
      pending_build: { outcome: 'removed', steps: deleted },
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

  test('deaf to a stop is killed by Daytona: until then it refuses all else, and nothing else is said to have been done', async () => {
    const server = await start({ deafMs: 2_000 });
    own(server, { deaf: true });

    const settlement = only(await sweepSandboxes(server, { rungMs: 300, retries: 8 }));

    expect(settlement.outcome).toBe('killed');
    expect(stepsOf(settlement)).toEqual(['stop timeout', 'remove done']);
    expect(server.requests.filter(({ method }) => method === 'POST').map(({ query }) => query.get('force'))).toEqual([null]);
  });

  test('ephemeral is gone with its stop', async () => {
    const server = await start();
    own(server, { autoDeleteInterval: 0 });
    expect(only(await sweepSandboxes(server)).outcome).toBe('graceful');
  });

  test('started is deleted as it runs when there is no grace: one request does', async () => {
    const server = await start();
    own(server);

    const settlement = only(await sweepSandboxes(server, { graceMs: 0 }));

    expect(settlement.outcome).toBe('killed');
    expect(stepsOf(settlement)).toEqual(['stop skipped', 'remove done']);
    expect([server.count('POST', /./), server.count('DELETE', /./)]).toEqual([0, 1]);
  });

  test('started is deleted as it runs when its stop breaks the server', async () => {
    const server = await start();
    own(server);
    server.fault({ method: 'POST', answer: { status: 500 } });
    const settlement = only(await sweepSandboxes(server));
    expect([settlement.outcome, ...stepsOf(settlement)]).toEqual(['killed', 'stop error', 'remove done']);
  });

  test('started, and fails while it stops, is deleted, and its stop is not said to be done', async () => {
    const server = await start();
    const { id } = own(server);
    server.fault({ method: 'POST', answer: { status: 400, message: 'Sandbox is in an errored state' } });
    const stopped = sweepSandboxes(server);
    server.change(id, { state: 'error' });
    expect(stepsOf(only(await stopped))).not.toContain('stop done');
  });
});

describe('a sandbox that does not go', () => {
  test('because it is stuck on its way out is reported, and not waited for', async () => {
    const server = await start();
    own(server, { state: 'destroying', undying: true, updatedAt: Date.UTC(2026, 0, 1) });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(false);
    expect(settlements[0]).toMatchObject({ outcome: 'failed', retryable: false });
    expect(settlements[0]?.error?.message).toBe('Daytona has been destroying it since 2026-01-01T00:00:00.000Z, without success');
  });

  test('because it has been changing for ever is reported with its state, and not waited for', async () => {
    const server = await start();
    own(server, { state: 'creating', stuck: true, updatedAt: Date.UTC(2026, 0, 1) });

    const [settlement] = (await sweepSandboxes(server)).settlements;

    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false });
    expect(settlement?.error?.message).toMatch(
      /^DELETE \/sandbox\/\{id\}: 409 Sandbox state change in progress \(it has been creating since 2026-01-01T00:00:00.000Z\)$/,
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
      `printf 'Authorization: Bearer %s\\n' "$DAYTONA_API_KEY" | curl --silent --show-error --fail --header @- --request DELETE ${server.url}/sandbox/${id}`,
    );
    expect(server.count('DELETE', /./)).toBeGreaterThan(3);
  });

  test('because the key may not delete is stopped', async () => {
    const server = await start();
    const { id } = own(server);

    const [settlement] = (await sweepSandboxes(server, { credentials: { token: server.noDeleteKey, from: 'a test' } }))
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
    const { settlements } = await sweepSandboxes(server, { credentials: { token: server.noDeleteKey, from: 'a test' } });
    expect(settlements).toMatchObject([{ outcome: 'failed', retryable: false }]);
    expect(settlements[0]?.error?.message).toMatch(/^paused, not deleted: /);
    expect(server.count('DELETE', /./)).toBe(1);
  });

  test('because the key may not delete is not said to be stopped before it is', async () => {
    const server = await start();
    const { id } = own(server);
    server.fault({ method: 'POST', path: /stop$/, answer: { status: 200, body: {} } });

    const credentials = { token: server.noDeleteKey, from: 'a test' };
    const { settlements } = await sweepSandboxes(server, { credentials, deadlineMs: 2_000, rungMs: 300 });

    expect(server.get(id)?.state).toBe('started');
    expect(settlements[0]?.error?.message).not.toContain('stopped, not deleted');
  });

  test('because the key may not delete is stopped even where its stop was skipped', async () => {
    const server = await start();
    const { id } = own(server, { state: 'starting' });

    await sweepSandboxes(server, { credentials: { token: server.noDeleteKey, from: 'a test' } });

    await until('it has stopped', () => server.get(id)?.state === 'stopped');
  });
});

describe.each(['creating', 'resizing', 'unknown'] as const)('a sandbox that is stuck in %s', (state) => {
  test('is given up in a third of the default deadline, with one step for all its attempts, and holds up no other', async () => {
    const server = await start();
    own(server, { state, stuck: true });
    const other = own(server, { state: 'stopped' });
    const clock = fastClock(20);
    const startedAt = clock.now();

    const { settlements, verified } = await sweepSandboxes(server, { ...LIKE_THE_DEFAULTS, clock });

    expect(clock.now() - startedAt).toBeLessThan(LIKE_THE_DEFAULTS.deadlineMs / 2);
    expect([verified, server.get(other.id)]).toEqual([false, undefined]);
    const failed = settlements.find(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ retryable: false });
    expect(failed?.error?.message).toMatch(new RegExp(`it has been ${state} since 20`));
    expect(failed?.steps.map(({ action, result }) => `${action} ${result}`)).toEqual(['remove error', 'remove error']);
    expect(failed?.steps[0]?.attempts).toBeGreaterThan(3);
  });
});

describe('a sandbox that Daytona fails to delete', () => {
  const reason = 'runner did not answer';

  test('is failed, with the reason and what to do, though it is gone by its id and from all other listings', async () => {
    const server = await start();
    const { id, name } = own(server, { undeletable: reason });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(verified).toBe(false);
    expect(settlements).toMatchObject([{ outcome: 'failed', retryable: false, resource: { id, name } }]);
    expect(settlements[0]?.error?.message).toBe(
      `Daytona failed to delete it (${reason}), hides it, and does not try again: ask Daytona’s support, or the operator of your server, to remove it from its runner`,
    );
    expect(settlements[0]?.command).toContain('includeErroredDeleted=true');
    const closing = server.requests.findLast(({ path }) => path === '/sandbox')?.query;
    expect([closing?.get('includeErroredDeleted'), closing?.getAll('states')]).toEqual(['true', ['error', 'build_failed']]);
  });

  test.each([
    ['stopped', { state: 'stopped' }],
    ['ephemeral', { autoDeleteInterval: 0 }],
    ['deleted as it runs', {}],
  ] as const)('is failed when it was %s', async (how, options) => {
    const server = await start();
    own(server, { undeletable: reason, ...options });
    const { settlements, verified } = await sweepSandboxes(server, { graceMs: how === 'deleted as it runs' ? 0 : 5_000 });
    expect([verified, ...settlements.map(({ outcome }) => outcome)]).toEqual([false, 'failed']);
  });

  test('leaves 55 of 60 when the runner is away for a while, and 5 that are gone', async () => {
    const server = await start();
    for (let number = 0; number < 60; number += 1) own(server, number < 55 ? { undeletable: reason } : {});
    const { settlements, verified } = await sweepSandboxes(server);
    const outcomes = Object.groupBy(settlements, ({ outcome }) => outcome);
    expect([verified, outcomes.failed?.length, outcomes.graceful?.length]).toEqual([false, 55, 5]);
    expect(new Set(outcomes.failed?.map(({ error }) => error?.message)).size).toBe(1);
  });

  test('is failed when the benchmark itself had deleted it', async () => {
    const server = await start();
    const { id } = own(server, { undeletable: reason });
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is hidden', () => server.get(id) === undefined);
    expect((await sweepSandboxes(server)).settlements).toMatchObject([{ outcome: 'failed', resource: { id } }]);
  });

  test('is the last cleanup’s to report, or that of the cleanup that deleted it', async () => {
    const server = await start();
    const { id } = own(server, { undeletable: reason });
    await ask(server, `DELETE /sandbox/${id}`);
    await until('it is hidden', () => server.get(id) === undefined);
    expect(await sweepSandboxes(server, { final: false })).toMatchObject({ settlements: [], verified: true });
    own(server, { undeletable: reason });
    const { settlements, verified } = await sweepSandboxes(server, { final: false });
    expect([verified, settlements.length]).toEqual([false, 1]);
  });

  test('is not reported when it is another session’s, is to be kept, or had failed before: Daytona only hides that', async () => {
    const server = await start();
    const others = [
      server.add({ labels: { [labels.session]: 'another' }, undeletable: reason }),
      server.add({ labels: { ...OWNED, [labels.keep]: 'true' }, undeletable: reason }),
    ];
    for (const { id } of others) await ask(server, `DELETE /sandbox/${id}`);
    await until('they are hidden', () => others.every(({ id }) => server.get(id) === undefined));
    own(server, { state: 'error' });

    const { settlements, verified } = await sweepSandboxes(server);

    expect([verified, ...settlements.map(({ outcome }) => outcome)]).toEqual([true, 'removed']);
  });

  test('can’t be ruled out where that listing fails: then nothing is verified', async () => {
    const server = await start();
    own(server);
    const isClosing = (_: number, { query }: RecordedRequest) => query.has('includeErroredDeleted');
    server.fault({ path: /^\/sandbox$/, nth: isClosing, answer: { status: 500 } });
    const { verified, error, settlements } = await sweepSandboxes(server);
    expect(verified).toBe(false);
    expect(error?.message).toMatch(/^GET \/sandbox: 500/);
    expect(settlements).toMatchObject([{ outcome: 'graceful' }]);
  });
});

describe('a key without write:sandboxes', () => {
  test('deletes what runs, and says why it was not stopped', async () => {
    const server = await start();
    own(server);
    const settlement = only(await sweepSandboxes(server, { credentials: { token: server.noWriteKey, from: 'a test' } }));
    expect([settlement.outcome, ...stepsOf(settlement)]).toEqual(['killed', 'stop error', 'remove done']);
    expect(settlement.steps[0]?.detail).toBe('POST /sandbox/{id}/stop: 403 Forbidden resource: the key lacks write:sandboxes');
  });

  test('and without delete:sandboxes says that it lacks both, and that the sandbox still runs', async () => {
    const server = await start();
    own(server);
    const { settlements } = await sweepSandboxes(server, { credentials: { token: server.readOnlyKey, from: 'a test' } });
    expect(settlements).toMatchObject([{ outcome: 'failed', retryable: false }]);
    expect(settlements[0]?.error?.message).toMatch(/^it is still started: the key lacks write:sandboxes and delete:sandboxes \(/);
  });
});

describe('an API that takes 5.5 s for an answer', () => {
  const FACTOR = 25;

  test('gets its sandboxes removed within the default deadline', async () => {
    const clock = fastClock(FACTOR);
    const server = await start({ latencyMs: 5_500 / FACTOR });
    const { id } = own(server);
    const { settlements, verified } = await sweepSandboxes(server, { ...LIKE_THE_DEFAULTS, clock });
    expect(settlements, settlements[0]?.error?.message).toMatchObject([{ outcome: 'graceful' }]);
    expect([verified, server.get(id)]).toEqual([true, undefined]);
  });

  test('for one sandbox only holds up no other', async () => {
    const clock = fastClock(FACTOR);
    const server = await start();
    const slow = own(server, { state: 'stopped' });
    for (let number = 0; number < 5; number += 1) own(server, { state: 'stopped' });
    server.fault({ method: 'GET', path: new RegExp(slow.id), answer: 'hang' });
    const options = { ...LIKE_THE_DEFAULTS, concurrency: 1, deadlineMs: 60_000, clock };
    const { settlements } = await sweepSandboxes(server, options);
    expect(settlements.filter(({ outcome }) => outcome === 'removed')).toHaveLength(5);
    expect(server.get(slow.id)?.state).toBe('stopped');
  });
});

describe('one odd sandbox', () => {
  test.each([
    ['null for an id', { id: null, labels: OWNED }],
    ['an id that is a command', { id: 'x; touch /tmp/pwned #', labels: OWNED }],
    ['a number for an id', { id: 5, labels: OWNED, name: 'five' }],
  ])('with %s is one that failed, and the others go', async (_, odd) => {
    const server = await start();
    const { id } = own(server);
    server.fault({
      path: /^\/sandbox$/,
      nth: (nth) => nth === 1,
      answer: { status: 200, body: { items: [odd, { id, labels: OWNED, state: 'started' }], nextCursor: null } },
    });

    const { settlements, verified } = await sweepSandboxes(server);

    expect(settlements.map(({ outcome }) => outcome).toSorted()).toEqual(['failed', 'graceful']);
    const failed = settlements.find(({ outcome }) => outcome === 'failed');
    expect(failed?.error?.message).toMatch(/^Daytona lists it with the id \(.*\), which no request can contain$/);
    expect(failed?.command).not.toContain('pwned');
    expect([verified, server.get(id)]).toEqual([expect.any(Boolean), undefined]);
    expect(server.requests.map(({ path }) => decodeURIComponent(path)).filter((path) => /null|pwned|\b5\b/.test(path))).toEqual(
      [],
    );
  });

  test('of another owner is nothing to report', async () => {
    const server = await start();
    const body = { items: [{ id: null, labels: { a: 'b' } }], nextCursor: null };
    server.fault({ path: /^\/sandbox$/, answer: { status: 200, body } });
    expect(await sweepSandboxes(server)).toMatchObject({ settlements: [], verified: true });
  });

  test.each([
    ['labels null', { labels: null }],
    ['a number for a name', { name: 5 }],
    ['a state that is new', { state: 'dreaming' }],
  ])('with %s in its answer by id does not stop the others', async (_, odd) => {
    const server = await start();
    const [strange, fine] = [own(server, { state: 'stopped' }), own(server, { state: 'stopped' })];
    const body = { id: strange.id, labels: OWNED, state: 'stopped', ...odd };
    server.fault({ method: 'GET', path: new RegExp(strange.id), nth: 1, answer: { status: 200, body } });
    const { settlements } = await sweepSandboxes(server);
    expect(settlements).toHaveLength(2);
    expect(server.get(fine.id)).toBeUndefined();
  });

  test.each(['garbage', 'empty', 'cut'] as const)('whose answer is always %s fails alone', async (answer) => {
    const server = await start();
    const [strange, fine] = [own(server, { state: 'stopped' }), own(server, { state: 'stopped' })];
    server.fault({ method: 'GET', path: new RegExp(strange.id), answer });
    const { settlements, verified } = await sweepSandboxes(server, { deadlineMs: 2_000 });
    expect([verified, server.get(fine.id), server.get(strange.id)?.state]).toEqual([false, undefined, 'stopped']);
    expect(settlements.map(({ outcome }) => outcome).toSorted()).toEqual(['failed', 'removed']);
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

  test('of another owner’s keep their parent, which says why', async () => {
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

  test('a short allowance goes into deletions: what runs is deleted without a stop', async () => {
    const server = await start({ rateLimit: { limit: 20, windowMs: 60_000, only: 'sandbox-lifecycle' }, transitionMs: 1 });
    for (let number = 0; number < 12; number += 1) own(server);

    const { settlements, verified } = await sweepSandboxes(server, { concurrency: 1 });

    expect(verified).toBe(true);
    const outcomes = Object.groupBy(settlements, ({ outcome }) => outcome);
    expect(outcomes.graceful?.length).toBeGreaterThan(0);
    expect(outcomes.killed?.length).toBeGreaterThan(0);
    expect(outcomes.killed?.[0]?.steps[0]?.detail).toBe('few requests are left of the rate limit: it is deleted as it runs');
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

test('are looked at less often where there are a thousand: looks take the most requests', async () => {
  const server = await start();
  const provider = sandboxes(server);
  const usual = provider.pollMs;
  for (let count = 0; count < 999; count += 1) own(server);
  await provider.list('sandbox', AbortSignal.timeout(60_000));
  expect(provider.pollMs).toEqual(usual);

  own(server);
  await provider.list('sandbox', AbortSignal.timeout(60_000));

  expect(provider.pollMs).toEqual({ first: 2_000, max: 4_000 });
});
