import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Settlement } from '../../../src/core/outcome';
import { rungActions } from '../../../src/core/provider';
import type { Resource } from '../../../src/core/resource';
import { type Clock, systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { DeadlinePassed, Halted } from '../../../src/lib/errors';
import { Limit } from '../../../src/lib/limit';
import { Inspector } from '../../../src/reaper/inspect';
import { reap } from '../../../src/reaper/ladder';
import { FakeError, FakeProvider, type Fault, type Habits } from '../../support/fake-provider';
import { useFakeTimers } from '../../support/fake-timers';

useFakeTimers();

const clock: Clock = { ...systemClock, random: () => 0 };
const DEAF: Habits = { endsAfterMs: Number.POSITIVE_INFINITY };

let provider: FakeProvider;
beforeEach(() => {
  provider = new FakeProvider();
});

interface Situation {
  readonly graceMs?: number;
  readonly deadlineMs?: number;
  readonly owned?: (resource: Resource) => boolean;
  /** Halts the cleanup after so many milliseconds. */
  readonly haltAfterMs?: number;
}

async function reaped(resource: Resource, situation: Situation = {}): Promise<Settlement> {
  const { graceMs = 5_000, deadlineMs = 240_000, owned = () => true, haltAfterMs } = situation;
  const deadline = new Deadline(clock, deadlineMs);
  if (haltAfterMs !== undefined) setTimeout(() => deadline.halt(new Halted('fail-fast')), haltAfterMs);
  const policy = { graceMs, retry: { retries: 3, delayMs: 2_000, factor: 2 } };
  const settlement = await reap(resource, {
    provider,
    policy,
    deadline,
    limit: new Limit(4),
    inspector: new Inspector({ provider, concurrency: 4, deadline, clock }),
    clock,
    owned,
  });
  deadline.dispose();
  return settlement;
}

/** `['stop timeout', 'kill done']` */
const way = ({ steps }: Settlement) => steps.map(({ action, result }) => `${action} ${result}`);

describe('what runs', () => {
  it('and ends by itself after the stop signal is graceful', async () => {
    const settlement = await reaped(provider.add({}, { endsAfterMs: 1_200 }));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['graceful', 'stop done', 'remove done']);
  });

  it('and is deaf to the stop signal is killed by the stop when its grace is over', async () => {
    const settlement = await reaped(provider.add({}, DEAF));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['killed', 'stop done', 'remove done']);
    expect(Math.round(settlement.durationMs)).toBe(5_000);
  });

  it('and is gone as soon as it ends needs no removal', async () => {
    const settlement = await reaped(provider.add({}, { endsAfterMs: 100, autoRemove: true }));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['graceful', 'stop done']);
  });

  it('is killed when the stop takes too long', async () => {
    provider.fail('stop', 'hang');
    const settlement = await reaped(provider.add());
    expect([settlement.outcome, ...way(settlement)]).toEqual(['killed', 'stop timeout', 'kill done', 'remove done']);
  });

  it('is killed after a stop that ignores its signal, too', async () => {
    provider.fail('stop', 'hang for ever');
    const settlement = await reaped(provider.add());
    expect(settlement.steps[0]).toMatchObject({ result: 'timeout', attempts: 1, detail: 'stop took longer than 15 s' });
    expect(Math.round(settlement.durationMs)).toBe(15_000);
  });

  it('is killed when the stop is refused', async () => {
    provider.fail('stop', new FakeError('permanent', 'no such signal'));
    const settlement = await reaped(provider.add());
    expect([settlement.outcome, ...way(settlement)]).toEqual(['killed', 'stop error', 'kill done', 'remove done']);
    expect(settlement.steps[0]).toMatchObject({ attempts: 1, detail: 'no such signal' });
  });

  it('is killed at once when the grace period is 0', async () => {
    const settlement = await reaped(provider.add(), { graceMs: 0 });
    expect([settlement.outcome, ...way(settlement)]).toEqual(['killed', 'stop skipped', 'kill done', 'remove done']);
    expect(settlement.steps[0]).toMatchObject({ attempts: 0, detail: 'the grace period is 0' });
    expect(provider.count('stop')).toBe(0);
  });

  it('is not killed again when it has ended though its stop failed', async () => {
    provider.fail('stop', 'hang');
    const resource = provider.add();
    setTimeout(() => provider.change(resource, { state: 'exited', running: false }), 10_000);
    expect(way(await reaped(resource))).toEqual(['stop timeout', 'remove done']);
  });

  it('is removed though stop and kill fail', async () => {
    provider.fail('stop', new FakeError('permanent')).fail('kill', new FakeError('permanent'));
    const settlement = await reaped(provider.add());
    expect(way(settlement)).toEqual(['stop error', 'kill error', 'remove done']);
    expect(provider.count('inspect')).toBeGreaterThan(0);
  });
});

describe('what does not run', () => {
  it('is removed, and neither stopped nor killed', async () => {
    const settlement = await reaped(provider.add({ state: 'exited' }));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['removed', 'remove done']);
  });

  it('by now, though it was listed as running, is removed', async () => {
    const resource = provider.add();
    provider.change(resource, { state: 'exited', running: false });
    const settlement = await reaped(resource);
    expect([settlement.outcome, ...way(settlement)]).toEqual(['removed', 'remove done']);
  });
});

describe('what something else removes', () => {
  it('before the first look is gone, and left alone', async () => {
    const resource = provider.add();
    provider.change(resource, undefined);
    const settlement = await reaped(resource);
    expect([settlement.outcome, ...way(settlement)]).toEqual(['gone']);
  });

  it('is gone too when the provider says so with an error', async () => {
    provider.fail('inspect', new FakeError('gone'));
    expect((await reaped(provider.add())).outcome).toBe('gone');
  });

  it.each([
    ['stop', {}],
    ['remove', { state: 'exited' }],
  ] as const)('right before the %s is gone', async (action, resource) => {
    provider.fail(action, new FakeError('gone'));
    const settlement = await reaped(provider.add(resource));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['gone', `${action} gone`]);
  });

  it('after it was stopped was ended by us all the same', async () => {
    provider.fail('remove', new FakeError('gone'));
    const settlement = await reaped(provider.add());
    expect([settlement.outcome, ...way(settlement)]).toEqual(['graceful', 'stop done', 'remove gone']);
  });
});

describe('what is not ours any more', () => {
  it('is kept and left alone', async () => {
    const resource = provider.add({ labels: { session: 'mine' } });
    provider.change(resource, { labels: { session: 'theirs' } });
    const settlement = await reaped(resource, { owned: ({ labels }) => labels['session'] === 'mine' });
    expect(settlement).toMatchObject({ outcome: 'kept', steps: [], reason: expect.stringContaining('no longer selected') });
    expect(provider.calls.map(({ operation }) => operation)).toEqual(['inspect']);
  });
});

describe('a removal', () => {
  it('that is answered but not done is waited for', async () => {
    const settlement = await reaped(provider.add({ state: 'exited' }, { lingersMs: 4_000 }));
    expect([settlement.outcome, ...way(settlement)]).toEqual(['removed', 'remove done']);
    expect(settlement.durationMs).toBeGreaterThanOrEqual(4_000);
    expect(provider.count('remove')).toBe(1);
  });

  it('that is never done fails in time, with the command', async () => {
    const settlement = await reaped(provider.add({ state: 'exited' }, { lingersMs: Number.POSITIVE_INFINITY }));
    expect(settlement).toMatchObject({ outcome: 'failed', retryable: true, command: 'fake rm container a' });
    expect(settlement.error?.message).toBe('remove, answered but not done (removing), took longer than 10 s');
    expect(settlement.durationMs).toBeLessThanOrEqual(10_000);
  });

  it('is looked at again when the look after it fails', async () => {
    provider.fail('inspect', new FakeError('retryable'), (nth) => nth === 2);
    expect((await reaped(provider.add({ state: 'exited' }))).outcome).toBe('removed');
  });

  it('is tried though no look at the resource succeeds', async () => {
    provider.fail('inspect', new FakeError('permanent'));
    await reaped(provider.add());
    expect(provider.count('remove')).toBe(1);
  });

  it('is retried after a retryable error', async () => {
    provider.fail('remove', new FakeError('retryable'), (nth) => nth <= 2);
    const settlement = await reaped(provider.add({ state: 'exited' }));
    expect(settlement).toMatchObject({ outcome: 'removed', steps: [{ action: 'remove', attempts: 3, result: 'done' }] });
  });

  it('that is refused fails at once, with the original error and the command', async () => {
    const error = new FakeError('permanent', 'permission denied');
    provider.fail('remove', error);
    const settlement = await reaped(provider.add({ state: 'exited' }));
    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false, command: 'fake rm container a' });
    expect(settlement.error).toBe(error);
    expect(provider.count('remove')).toBe(1);
  });

  it('of what is stuck is given up, with the reason, when nothing else is left to try', async () => {
    const asked = vi.fn(async () => 'its process hangs');
    Object.assign(provider, { whyStuck: asked });
    provider.fail('kill', 'hang').fail('remove', 'hang');
    const settlement = await reaped(provider.add({}, DEAF));
    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false, command: 'fake rm container a' });
    expect(settlement.error?.message).toBe('its process hangs');
    expect([asked.mock.calls.length, way(settlement).at(-1)]).toEqual([1, 'remove timeout']);
  });

  it('of what is stuck when time is up is given its reason, too', async () => {
    const asked = vi.fn(async (_: Resource, isOver: boolean) => (isOver ? 'its process hangs' : undefined));
    Object.assign(provider, { whyStuck: asked });
    provider.fail('remove', 'hang');
    const settlement = await reaped(provider.add({ state: 'exited' }), { deadlineMs: 5_000 });
    expect(settlement).toMatchObject({ outcome: 'failed', error: { message: 'its process hangs' } });
    expect(asked).toHaveBeenCalledOnce();
  });

  it('that is done is not asked about', async () => {
    Object.assign(provider, { whyStuck: () => Promise.reject(new Error('asked')) });
    expect((await reaped(provider.add())).outcome).toBe('graceful');
  });

  it('that fails in ways that may pass can be tried again in another round', async () => {
    provider.fail('remove', new FakeError('retryable'));
    expect(await reaped(provider.add({ state: 'exited' }))).toMatchObject({ outcome: 'failed', retryable: true });
    expect(provider.count('remove')).toBe(4);
  });
});

describe('the deadline', () => {
  it.each([
    { deadlineMs: 30_000, graceMs: 5_000 },
    { deadlineMs: 18_000, graceMs: 3_000 },
    { deadlineMs: 16_500, graceMs: 1_500 },
  ])('of $deadlineMs ms leaves a grace of $graceMs ms', async ({ deadlineMs, graceMs }) => {
    await reaped(provider.add(), { deadlineMs });
    expect(provider.calls.find(({ operation }) => operation === 'stop')?.graceMs).toBeCloseTo(graceMs, 0);
  });

  it('that is near leaves none: killed at once', async () => {
    const settlement = await reaped(provider.add(), { deadlineMs: 15_500 });
    expect(way(settlement)).toEqual(['stop skipped', 'kill done', 'remove done']);
    expect(settlement.steps[0]?.detail).toBe('the deadline is near');
  });

  it('leaves time for the removal when stop and kill hang', async () => {
    provider.fail('stop', 'hang').fail('kill', 'hang');
    const settlement = await reaped(provider.add(), { deadlineMs: 20_000 });
    expect(settlement.outcome).toBe('killed');
  });

  it.each<[string, Fault]>([
    ['hangs', 'hang'],
    ['hangs and ignores its signal', 'hang for ever'],
  ])('holds when everything %s: failed, with the command', async (_, fault) => {
    for (const operation of ['inspect', ...rungActions] as const) provider.fail(operation, fault);
    const settlement = await reaped(provider.add(), { deadlineMs: 40_000 });
    expect(settlement).toMatchObject({ outcome: 'failed', retryable: false, command: 'fake rm container a' });
    expect(Math.round(settlement.durationMs)).toBe(40_000);
  });

  it.each([5_000, 12_000, 25_000])('of %i ms leaves time to try the removal when every look hangs too', async (deadlineMs) => {
    for (const operation of ['inspect', ...rungActions] as const) provider.fail(operation, 'hang');
    await reaped(provider.add(), { deadlineMs });
    expect(provider.count('remove')).toBe(1);
  });

  it('is the error when it passes, and tells what went wrong before', async () => {
    const error = new FakeError('retryable', 'the engine restarts');
    provider.fail('kill', error).fail('remove', 'hang');
    const settlement = await reaped(provider.add(), { graceMs: 0, deadlineMs: 20_000 });
    expect(settlement.error?.message).toBe('the deadline of 20 s has passed; before that: the engine restarts');
    expect(settlement.error?.cause).toBe(error);
  });

  it('that has passed lets nothing be touched', async () => {
    provider.latencyMs = 10;
    const settlement = await reaped(provider.add(), { deadlineMs: 5 });
    expect(settlement).toMatchObject({ outcome: 'failed', error: expect.any(DeadlinePassed), command: 'fake rm container a' });
    expect(rungActions.map((action) => provider.count(action))).toEqual([0, 0, 0]);
  });
});

describe('a halt', () => {
  it('keeps what is not gone yet, and says why', async () => {
    const settlement = await reaped(provider.add({}, DEAF), { haltAfterMs: 1_000 });
    expect(settlement).toMatchObject({ outcome: 'kept', reason: 'fail-fast' });
    expect(provider.count('remove')).toBe(0);
  });
});

describe('a step', () => {
  it('tells when it began', async () => {
    const startedAt = clock.now();
    const { steps } = await reaped(provider.add({}, { endsAfterMs: 1_200 }));
    expect(steps.map((step) => Math.round(step.startedAt - startedAt))).toEqual([0, 1_200]);
  });

  it('tells why each of its attempts but the last had to be repeated', async () => {
    const failure = Object.assign(new FakeError('retryable'), { statusCode: 409 });
    provider.fail('remove', failure, (nth) => nth === 1).fail('remove', new FakeError('retryable'), (nth) => nth === 2);
    const { steps } = await reaped(provider.add({ state: 'exited' }));
    expect(steps).toMatchObject([{ attempts: 3, retriedAfter: ['conflict', 'network'] }]);
  });

  it('that failed for good at once was not retried', async () => {
    provider.fail('remove', new FakeError('permanent'));
    const { steps } = await reaped(provider.add({ state: 'exited' }));
    expect(steps[0]).not.toHaveProperty('retriedAfter');
  });
});

describe('where listings may be out of date', () => {
  it('what can’t be looked at is not touched', async () => {
    const resource = provider.add();
    provider.listingLagMs = 2_000;
    provider.fail('inspect', new FakeError('retryable', 'try later'));

    const settlement = await reaped(resource);

    expect(settlement).toMatchObject({ outcome: 'failed', retryable: true, steps: [] });
    expect(settlement.error?.message).toBe('try later');
    expect(provider.has(resource)).toBe(true);
  });

  it('what nobody could look at before the deadline says that', async () => {
    const resource = provider.add();
    provider.listingLagMs = 2_000;
    provider.fail('inspect', 'hang');
    const settlement = await reaped(resource, { deadlineMs: 1_000 });
    expect(settlement).toMatchObject({ outcome: 'failed', steps: [] });
  });
});

describe('a look', () => {
  it('waits when the provider says when to ask again', async () => {
    const resource = provider.add({}, { endsAfterMs: 0 });
    provider.listingLagMs = 2_000;
    provider.fail('inspect', new FakeError('retryable', 'try later', 30_000), (nth) => nth === 1);

    expect((await reaped(resource)).outcome).toBe('graceful');

    const [first, second] = provider.calls.filter(({ operation }) => operation === 'inspect');
    expect(Math.round((second?.at ?? 0) - (first?.at ?? 0))).toBe(30_000);
  });

  it('comes as late and as seldom as the provider wants it', async () => {
    provider.pollMs = { first: 2_000, max: 3_000 };
    const resource = provider.add({ state: 'exited' }, { lingersMs: 8_000 });

    await reaped(resource);

    const looks = provider.calls.filter(({ operation }) => operation === 'inspect').map(({ at }) => at);
    const removedAt = provider.calls.find(({ operation }) => operation === 'remove')?.at ?? 0;
    expect(looks.slice(1).map((at) => Math.round(at - removedAt))).toEqual([2_000, 4_000, 7_000, 10_000]);
  });
});

it('what does not come to its end says in which state it is, and since when', async () => {
  const resource = provider.add({ state: 'exited', stateSince: Date.UTC(2026, 0, 1) }, { lingersMs: Number.POSITIVE_INFINITY });
  const settlement = await reaped(resource);
  expect(settlement.error?.message).toBe(
    'remove, answered but not done (removing since 2026-01-01T00:00:00.000Z), took longer than 10 s',
  );
});

it('a request that was not made is no attempt', async () => {
  class Unsent extends FakeError {
    override readonly verdict = { kind: 'retryable', retryAfterMs: 1_000, unsent: true } as const;
  }
  const resource = provider.add({ state: 'exited' });
  provider.fail('remove', new Unsent('retryable'), (nth) => nth < 3);
  const { steps } = await reaped(resource);
  expect(steps).toMatchObject([{ action: 'remove', attempts: 1, result: 'done' }]);
  expect(steps[0]).not.toHaveProperty('retriedAfter');
});

it('what changes hands between two rungs is not touched any more', async () => {
  const box = provider.add({ labels: { mine: 'yes' } }, DEAF);
  provider.fail('stop', new FakeError('permanent', 'refused'));
  const inspect = provider.inspect.bind(provider);
  provider.inspect = (resource, signal) => {
    if (provider.count('stop') > 0) provider.change(box, { labels: { theirs: 'yes' } });
    return inspect(resource, signal);
  };
  const settlement = await reaped(box, { owned: ({ labels }) => labels['mine'] === 'yes' });
  expect([settlement.outcome, ...way(settlement)]).toEqual(['kept', 'stop error']);
  expect([provider.count('kill'), provider.count('remove')]).toEqual([0, 0]);
});

describe('a provider whose answers are the effect', () => {
  beforeEach(() => {
    provider.isPrompt = true;
  });

  it('is asked for nothing but the first inspection, the kill and the removal', async () => {
    const settlement = await reaped(provider.add({}, DEAF), { graceMs: 0 });
    expect(settlement.outcome).toBe('killed');
    expect(provider.calls.map(({ operation }) => operation)).toEqual(['inspect', 'kill', 'remove']);
  });

  it('is asked again where a removal was only accepted', async () => {
    const settlement = await reaped(provider.add({ state: 'exited' }, { lingersMs: 300 }));
    expect(settlement.outcome).toBe('removed');
    expect(provider.count('inspect')).toBeGreaterThan(1);
  });

  it('is inspected after a kill that failed', async () => {
    provider.fail('kill', new FakeError('permanent'));
    const settlement = await reaped(provider.add({}, DEAF), { graceMs: 0 });
    expect(way(settlement)).toEqual(['stop skipped', 'kill error', 'remove done']);
    expect(provider.calls.map(({ operation }) => operation)).toEqual(['inspect', 'kill', 'inspect', 'remove']);
  });
});
