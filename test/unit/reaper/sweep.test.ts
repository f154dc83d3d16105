import { beforeEach, describe, expect, it, vi } from 'vitest';
import { labels } from '../../../src/core/labels';
import type { Settlement } from '../../../src/core/outcome';
import type { Resource } from '../../../src/core/resource';
import { type Clock, systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { type SweepMode, type SweepOptions, sweep } from '../../../src/reaper/sweep';
import { FakeError, FakeProvider } from '../../support/fake-provider';
import { useFakeTimers } from '../../support/fake-timers';

useFakeTimers();

const clock: Clock = { ...systemClock, random: () => 0 };

let provider: FakeProvider;
beforeEach(() => {
  provider = new FakeProvider();
});

type Situation = Partial<Omit<SweepOptions, 'deadline'>> & { readonly deadlineMs?: number };

/** What came of a sweep, and how many milliseconds it took. */
async function swept({ deadlineMs = 240_000, ...situation }: Situation = {}) {
  const startedAt = clock.now();
  const deadline = new Deadline(clock, deadlineMs);
  const result = await sweep({
    provider,
    selector: () => true,
    mode: { kind: 'remove' },
    policy: { graceMs: 5_000, retry: { retries: 3, delayMs: 2_000, factor: 2 } },
    deadline,
    concurrency: 4,
    failFast: false,
    final: true,
    clock,
    ...situation,
  });
  deadline.dispose();
  return { ...result, took: Math.round(clock.now() - startedAt) };
}

/** `{ a: 'graceful' }` */
const outcomes = ({ settlements }: { readonly settlements: readonly Settlement[] }) =>
  Object.fromEntries(settlements.map(({ resource, outcome }) => [resource.id, outcome]));

const way = ({ settlements }: { readonly settlements: readonly Settlement[] }) =>
  settlements.flatMap(({ steps }) => steps.map(({ action, result }) => `${action} ${result}`));

describe('a sweep', () => {
  it('of nothing is verified by one listing', async () => {
    expect(await swept()).toMatchObject({ settlements: [], verified: true });
    expect(provider.count('list', 'container')).toBe(1);
  });

  it('lists again after it has removed everything', async () => {
    provider.add({ id: 'a' });
    provider.add({ id: 'b', state: 'exited' });
    const result = await swept();
    expect([outcomes(result), result.verified, provider.count('list', 'container')]).toEqual([
      { a: 'graceful', b: 'removed' },
      true,
      2,
    ]);
  });

  it('leaves alone what is not selected', async () => {
    provider.add({ id: 'mine' });
    provider.add({ id: 'theirs' });
    const result = await swept({ selector: ({ id }) => id === 'mine' });
    expect([outcomes(result), result.verified]).toEqual([{ mine: 'graceful' }, true]);
    expect(provider.calls.filter(({ id }) => id === 'theirs')).toEqual([]);
  });

  it('picks up what appears meanwhile', async () => {
    provider.add({ id: 'a' }, { endsAfterMs: 2_000 });
    setTimeout(() => provider.add({ id: 'late' }), 1_000);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful', late: 'graceful' }, true]);
  });

  it('looks once more when something was created meanwhile: the last one may land after a clean listing', async () => {
    provider.add({ id: 'a' }, { endsAfterMs: 2_000 });
    setTimeout(() => provider.add({ id: 'late' }), 1_000);
    setTimeout(() => provider.add({ id: 'latest' }), 4_000);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful', late: 'graceful', latest: 'graceful' }, true]);
    expect(result.took).toBeLessThan(8_000);
  });

  it('does not look once more for what its user had hidden', async () => {
    const user = provider.add({ id: 'a' });
    const list = provider.list.bind(provider);
    const volume = provider.add({ id: 'data', kind: 'volume', state: 'there' });
    provider.list = async (kind, signal) => {
      const listed = await list(kind, signal);
      return kind === 'volume' && provider.has(user) ? listed.filter(({ id }) => id !== volume.id) : listed;
    };
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful', data: 'removed' }, true]);
    expect(result.took).toBeLessThan(2_000);
  });

  it('does not look once more in pre-cleanup', async () => {
    provider.add({ id: 'a' }, { endsAfterMs: 2_000 });
    setTimeout(() => provider.add({ id: 'late' }), 1_000);
    expect((await swept({ final: false })).took).toBeLessThan(3_000);
  });

  it('tells each settlement once, as soon as it is one', async () => {
    provider.add({ id: 'slow' }, { endsAfterMs: 3_000 });
    provider.add({ id: 'fast' });
    provider.add({ id: 'stuck', state: 'exited' });
    provider.fail('remove', new FakeError('retryable'), (nth, id) => id === 'stuck' && nth <= 4);
    const told: string[] = [];
    await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
    expect(told).toEqual(['fast graceful', 'slow graceful', 'stuck removed']);
  });

  it('tells at the end what it gave up', async () => {
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('retryable'));
    provider.fail('list', 'hang', (nth) => nth > 1);
    const told: string[] = [];
    await swept({ deadlineMs: 20_000, onSettled: ({ outcome }) => told.push(outcome) });
    expect(told).toEqual(['failed']);
  });

  it('settles what uses others first', async () => {
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    provider.add({ id: 'img', kind: 'image', state: 'there' });
    provider.add({ id: 'box' }, { endsAfterMs: 3_000 });
    await swept();
    const removals = provider.calls.filter(({ operation }) => operation === 'remove');
    expect(removals.map(({ id }) => id)).toEqual(['box', 'net', 'img']);
  });

  it('tells resources of the same id but of different kinds apart', async () => {
    provider.add({ id: 'x', kind: 'network', state: 'there' });
    provider.add({ id: 'x', kind: 'volume', state: 'there' });
    expect((await swept()).settlements.map(({ resource }) => resource.kind)).toEqual(['network', 'volume']);
  });
});

describe('a failure', () => {
  it('that may pass is tried again in a next round, and its steps are kept', async () => {
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('retryable'), (nth) => nth <= 4);
    const result = await swept();
    expect([outcomes(result), way(result), result.verified]).toEqual([{ a: 'removed' }, ['remove error', 'remove done'], true]);
  });

  it('of what ran, mended in a next round, still tells how it ended', async () => {
    provider.add();
    provider.fail('remove', new FakeError('retryable'), (nth) => nth <= 4);
    expect(outcomes(await swept())).toEqual({ a: 'graceful' });
  });

  it('of what did not run, gone by the next round, was a removal of ours', async () => {
    provider.add({ state: 'exited' }, { lingersMs: 11_000 });
    const result = await swept();
    expect([outcomes(result), way(result)]).toEqual([{ a: 'removed' }, ['remove timeout']]);
  });

  it('of what ran, gone by the next round, still tells how it ended', async () => {
    provider.add({}, { lingersMs: 11_000 });
    expect(outcomes(await swept())).toEqual({ a: 'graceful' });
  });

  it('that may pass is tried until the deadline, with pauses', async () => {
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('retryable', 'the engine restarts'));
    const result = await swept({ deadlineMs: 120_000 });
    expect([outcomes(result), result.verified, result.took]).toEqual([{ a: 'failed' }, false, 120_000]);
    expect(provider.count('list', 'container')).toBeLessThan(20);
  });

  it('that may pass is tried with pauses even when the retries have none', async () => {
    provider.add({ state: 'exited' });
    provider.latencyMs = 1;
    provider.fail('remove', new FakeError('retryable'));
    await swept({ deadlineMs: 10_000, policy: { graceMs: 0, retry: { retries: 0, delayMs: 0, factor: 2 } } });
    expect(provider.count('list', 'container')).toBeLessThan(100);
  });

  it('for good is not tried again', async () => {
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('permanent'));
    const result = await swept();
    expect([outcomes(result), result.verified, provider.count('remove')]).toEqual([{ a: 'failed' }, false, 1]);
  });

  it('for good holds up no other resource, not even of a later stage', async () => {
    provider.add({ id: 'bad', state: 'exited' });
    provider.add({ id: 'good', state: 'exited' });
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'bad');
    expect(outcomes(await swept())).toEqual({ bad: 'failed', good: 'removed', net: 'removed' });
  });

  it('for good of what a later listing lacks is looked at once more, and is none if it is gone', async () => {
    const bad = provider.add({ id: 'bad', state: 'exited' });
    provider.add({ id: 'slow' }, { endsAfterMs: 2_000 });
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'bad');
    setTimeout(() => provider.change(bad, undefined), 1_000);
    const told: string[] = [];
    const result = await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
    expect([outcomes(result), result.verified]).toEqual([{ bad: 'gone', slow: 'graceful' }, true]);
    expect(told.toSorted()).toEqual(['bad gone', 'slow graceful']);
  });

  it('is what was listed again after its removal when time is up before another look', async () => {
    const box = provider.add({ state: 'exited' });
    const lists = provider.list.bind(provider);
    provider.list = async (kind, signal) => {
      // Removed, as it was answered, and there all the same: a proxy has lied.
      if (!provider.has(box)) provider.add(box);
      const listed = await lists(kind, signal);
      if (kind === 'network' && provider.count('remove') > 0) await new Promise(() => undefined);
      return listed;
    };
    const result = await swept({ deadlineMs: 20_000 });
    expect([outcomes(result), result.verified]).toEqual([{ a: 'failed' }, false]);
    const [{ error, command } = {}] = result.settlements;
    expect([error?.message, command]).toEqual([
      expect.stringMatching(/^it was listed again after its removal/),
      expect.any(String),
    ]);
  });

  it('for good of what no listing has, and a look finds, is one failure, and nothing is verified', async () => {
    const bad = provider.add({ id: 'bad', state: 'exited' });
    provider.add({ id: 'slow' }, { endsAfterMs: 2_000 });
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'bad');
    setTimeout(() => provider.hide(bad), 1_000);
    const told: string[] = [];
    const result = await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
    expect([outcomes(result), result.verified]).toEqual([{ bad: 'failed', slow: 'graceful' }, false]);
    expect(provider.count('remove', 'bad')).toBe(2);
    expect(told.toSorted()).toEqual(['bad failed', 'slow graceful']);
  });

  it('of a look after the removal is no failure when the last listing shows it gone', async () => {
    provider.add({ state: 'exited' });
    provider.fail('inspect', new FakeError('retryable'), (nth) => nth === 2);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'removed' }, true]);
  });
});

describe('a network', () => {
  const net = { id: 'net', kind: 'network', state: 'there' } as const;
  /** The provider refuses its removal while the container is there. */
  const isOn = (box: Resource) =>
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'net' && provider.has(box));

  it('goes once the container that holds it does, in a later round', async () => {
    provider.add(net);
    isOn(provider.add({ id: 'box', state: 'exited' }));
    provider.fail('remove', new FakeError('retryable'), (nth, id) => id === 'box' && nth <= 4);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ net: 'removed', box: 'removed' }, true]);
  });

  it('goes once a container that appeared on it meanwhile does', async () => {
    provider.add(net);
    provider.add({ id: 'box' }, { endsAfterMs: 2_000 });
    setTimeout(() => isOn(provider.add({ id: 'late', state: 'exited' })), 1_000);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ net: 'removed', box: 'graceful', late: 'removed' }, true]);
  });

  it('that a foreign container holds has failed at once', async () => {
    provider.add(net);
    isOn(provider.add({ id: 'foreign' }));
    provider.add({ id: 'box', state: 'exited' });
    provider.add({ id: 'other', kind: 'network', state: 'there' });
    const result = await swept({ selector: ({ id }) => id !== 'foreign' });
    expect([outcomes(result), result.took]).toEqual([{ net: 'failed', box: 'removed', other: 'removed' }, 0]);
    expect(provider.count('remove', 'net')).toBe(1);
  });

  it('is reported once, when it is settled', async () => {
    provider.add(net);
    isOn(provider.add({ id: 'box', state: 'exited' }));
    provider.add({ id: 'held', kind: 'network', state: 'there' });
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'held');
    provider.fail('remove', new FakeError('retryable'), (nth, id) => id === 'box' && nth <= 4);
    const told: string[] = [];
    await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
    expect(told).toEqual(['box removed', 'net removed', 'held failed']);
  });

  it('does not end a sweep that fails fast while the container that holds it may still go', async () => {
    provider.add(net);
    isOn(provider.add({ id: 'box', state: 'exited' }));
    provider.fail('remove', new FakeError('retryable'), (nth, id) => id === 'box' && nth <= 4);
    expect(outcomes(await swept({ failFast: true }))).toEqual({ net: 'removed', box: 'removed' });
  });
});

describe('what is listed again after it was removed', () => {
  const data = { id: 'data', kind: 'volume', state: 'there' } as const;

  it('is another one of the same name, and goes as well', async () => {
    provider.add(data);
    provider.add({ id: 'img', kind: 'image', state: 'there' });
    provider.latencyMs = 100;
    setTimeout(() => provider.add(data), 550);
    const told: string[] = [];
    const result = await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
    expect(provider.count('remove', 'data')).toBe(2);
    expect([outcomes(result), result.verified]).toEqual([{ data: 'removed', img: 'removed' }, true]);
    expect(told).toEqual(['data removed', 'img removed']);
  });

  it('is the same one where the listing is behind, and is waited for', async () => {
    const box = provider.add();
    const list = provider.list.bind(provider);
    let listings = 0;
    provider.list = async (kind, signal) => {
      if (kind === 'container') listings += 1;
      return kind === 'container' && listings <= 3 ? [box] : list(kind, signal);
    };
    const result = await swept();
    expect([outcomes(result), way(result), result.verified]).toEqual([{ a: 'graceful' }, ['stop done', 'remove done'], true]);
    expect(result.settlements.map(({ reason }) => reason)).toEqual([undefined]);
  });
});

describe('what is listed for ever, though inspections say that it is gone', () => {
  /** Lists it whatever happens; `createdAt` can change. */
  const haunt = (ghost: () => Resource) => {
    const list = provider.list.bind(provider);
    provider.list = async (kind, signal) => {
      const listed = await list(kind, signal);
      return kind === ghost().kind ? [...listed.filter(({ id }) => id !== ghost().id), ghost()] : listed;
    };
  };

  it('is told early, and holds up no verdict', async () => {
    const ghost = provider.add();
    provider.add({ id: 'b' });
    haunt(() => ghost);

    const result = await swept();

    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful', b: 'graceful' }, true]);
    expect(result.settlements.find(({ resource }) => resource.id === 'a')?.reason).toMatch(/^still listed, but each inspection/);
    expect(result.took).toBeLessThan(20_000);
  });

  it('was gone before the sweep began: the same', async () => {
    const ghost = provider.add();
    provider.change(ghost, undefined);
    haunt(() => ghost);

    const result = await swept();

    expect([outcomes(result), result.verified, provider.count('remove')]).toEqual([{ a: 'gone' }, true, 0]);
    expect(result.took).toBeLessThan(20_000);
  });

  it('is no ghost when it is another one each time, or is there after all', async () => {
    const data = provider.add({ id: 'data', kind: 'volume', state: 'there', createdAt: 1 });
    provider.change(data, undefined);
    let listings = 0;
    haunt(() => {
      listings += 1;
      return { ...data, createdAt: listings };
    });
    setTimeout(() => provider.add(data), 20_000);

    const result = await swept({ deadlineMs: 60_000 });

    expect([provider.count('remove', 'data'), result.verified]).toEqual([1, false]);
  });
});

describe('of several images', () => {
  it('those that were made from another go before it', async () => {
    const image = (id: string, ...dependents: string[]) => provider.add({ id, kind: 'image', state: 'there', dependents });
    image('base', 'middle', 'leaf');
    image('middle', 'leaf');
    image('leaf', 'unselected');
    await swept();
    const removals = provider.calls.filter(({ operation }) => operation === 'remove');
    expect(removals.map(({ id }) => id)).toEqual(['leaf', 'middle', 'base']);
  });

  it('none waits for ever, whatever the provider says', async () => {
    provider.add({ id: 'a', kind: 'image', state: 'there', dependents: ['b'] });
    provider.add({ id: 'b', kind: 'image', state: 'there', dependents: ['a'] });
    expect(outcomes(await swept())).toEqual({ a: 'removed', b: 'removed' });
  });
});

describe('a listing', () => {
  it('that fails for ever is asked for until the deadline, and leaves the sweep unverified', async () => {
    const error = new FakeError('retryable', 'no answer');
    provider.fail('list', error);
    const result = await swept({ deadlineMs: 60_000 });
    expect(result).toMatchObject({ settlements: [], verified: false });
    expect(result.error).toBe(error);
    expect(result.took).toBeGreaterThan(45_000);
    expect(result.took).toBeLessThanOrEqual(60_000);
  });

  it('that comes late, of an engine that restarts, is worked at', async () => {
    provider.add();
    provider.fail('list', new FakeError('retryable', 'no answer'), (nth) => nth <= 9);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful' }, true]);
  });

  it('that fails for ever ends a cleanup that is not the last one after its retries', async () => {
    provider.fail('list', new FakeError('retryable', 'no answer'));
    expect(await swept({ final: false })).toMatchObject({ verified: false, took: 14_000 });
    expect(provider.count('list', 'container')).toBe(4);
  });

  it('that is refused is not retried', async () => {
    provider.fail('list', new FakeError('permanent'));
    expect(await swept()).toMatchObject({ verified: false, took: 0 });
  });

  it('that hangs is given up and retried', async () => {
    provider.add();
    provider.fail('list', 'hang for ever', (nth) => nth === 1);
    const result = await swept();
    expect([outcomes(result), result.verified, result.took]).toEqual([{ a: 'graceful' }, true, 12_000]);
  });

  it('that hangs twice as all others do is asked for again: the engine may come back', async () => {
    provider.add();
    provider.fail('list', 'hang for ever', (nth) => nth <= 2);
    const result = await swept({ final: false });
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful' }, true]);
  });

  it('that fails while something is still to do does not end the sweep', async () => {
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('retryable'), (nth) => nth <= 8);
    provider.fail('list', new FakeError('retryable'), (nth) => nth >= 2 && nth <= 9);
    const result = await swept();
    expect([outcomes(result), result.verified, result.error]).toEqual([{ a: 'removed' }, true, undefined]);
  });

  it('that fails at the end leaves the sweep unverified, and says why', async () => {
    provider.add();
    const error = new FakeError('permanent', 'no answer');
    provider.fail('list', error, (nth) => nth > 1);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'graceful' }, false]);
    expect(result.error).toBe(error);
  });
});

describe('a kind that can’t be listed', () => {
  const ofVolumes = (_: number, id: string) => id === 'volume';
  const add = () => {
    provider.add({ id: 'box' });
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    provider.add({ id: 'data', kind: 'volume', state: 'there' });
  };

  it('because it is refused stops no other, and leaves the sweep unverified, with the reason', async () => {
    add();
    provider.fail('list', new FakeError('permanent', 'GET /volumes: forbidden'), ofVolumes);
    const result = await swept();
    expect([outcomes(result), result.verified, result.took]).toEqual([{ box: 'graceful', net: 'removed' }, false, 0]);
    expect(result.unlisted?.message).toBe('no listing of the kind volume: GET /volumes: forbidden');
    expect(result.error).toBeUndefined();
  });

  it('because it hangs holds up the others for two seconds, and the end for two tries', async () => {
    add();
    provider.fail('list', 'hang for ever', ofVolumes);
    let goneAfter = 0;
    const startedAt = performance.now();
    const onSettled = () => {
      goneAfter = performance.now() - startedAt;
    };
    const result = await swept({ onSettled });
    expect([outcomes(result), result.verified, result.took]).toEqual([{ box: 'graceful', net: 'removed' }, false, 44_000]);
    expect(goneAfter).toBeLessThanOrEqual(2_000);
    expect(result.unlisted?.message).toContain('the listing took longer than 30 s');
  });

  it('at first is listed as soon as it can be, and is cleaned, too', async () => {
    add();
    provider.fail('list', 'hang', (nth, id) => ofVolumes(nth, id) && nth === 1);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ box: 'graceful', net: 'removed', data: 'removed' }, true]);
  });
});

describe('the deadline', () => {
  it('leaves nothing unaccounted for', async () => {
    for (let id = 0; id < 20; id += 1) provider.add({ id: `${id}`, state: 'exited' });
    provider.fail('remove', 'hang for ever', (_, id) => id !== '0');
    const result = await swept({ deadlineMs: 25_000, concurrency: 20 });
    expect(Object.values(outcomes(result)).sort()).toEqual([...Array(19).fill('failed'), 'removed']);
    expect([result.verified, result.took]).toEqual([false, 25_000]);
  });

  it('gives what was never reached the command that removes it', async () => {
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    provider.add({ id: 'box', state: 'exited' });
    provider.fail('remove', 'hang');
    const { settlements } = await swept({ deadlineMs: 8_000 });
    expect(provider.count('remove', 'net')).toBe(0);
    expect(settlements.find(({ resource }) => resource.id === 'net')).toMatchObject({
      outcome: 'failed',
      command: 'fake rm network net',
    });
  });

  it('ends a listing that hangs', async () => {
    provider.fail('list', 'hang for ever');
    expect(await swept({ deadlineMs: 20_000 })).toMatchObject({ verified: false, took: 20_000, error: expect.any(Error) });
  });
});

describe('a dry run', () => {
  it('plans everything and touches nothing', async () => {
    provider.add({ id: 'a' });
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    const result = await swept({ mode: { kind: 'plan' } });
    expect([outcomes(result), result.verified]).toEqual([{ a: 'planned', net: 'planned' }, false]);
    expect(provider.calls.every(({ operation }) => operation === 'list')).toBe(true);
  });
});

describe('keeping', () => {
  it('leaves everything, and says why', async () => {
    provider.add();
    const { settlements, verified } = await swept({ mode: { kind: 'keep', reason: 'post-cleanup is never' } });
    expect(settlements).toMatchObject([
      { outcome: 'kept', reason: 'post-cleanup is never', steps: [], command: 'fake rm container a' },
    ]);
    expect(verified).toBe(false);
  });
});

describe('what is protected', () => {
  const keep = { [labels.keep]: 'true' };

  it.each<SweepMode>([{ kind: 'remove' }, { kind: 'plan' }])('is kept (mode $kind)', async (mode) => {
    provider.add({ id: 'a', labels: keep });
    provider.add({ id: 'b', protection: 'this process runs in it' });
    const result = await swept({ mode });
    expect(outcomes(result)).toEqual({ a: 'kept', b: 'kept' });
    expect(provider.calls.every(({ operation }) => operation === 'list')).toBe(true);
  });

  it('does not count against the verification', async () => {
    provider.add({ id: 'a', labels: keep });
    provider.add({ id: 'b' });
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'kept', b: 'graceful' }, true]);
  });

  it('since the listing is kept, too', async () => {
    const resource = provider.add();
    provider.latencyMs = 10;
    setTimeout(() => provider.change(resource, { labels: keep }), 15);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'kept' }, true]);
  });
});

describe('fail-fast', () => {
  it('keeps the rest at the first failure for good', async () => {
    provider.add({ id: 'bad', state: 'exited' });
    provider.add({ id: 'slow' }, { endsAfterMs: 3_000 });
    provider.add({ id: 'net', kind: 'network', state: 'there' });
    provider.fail('remove', new FakeError('permanent'), (_, id) => id === 'bad');
    const result = await swept({ failFast: true });
    expect([outcomes(result), result.verified]).toEqual([{ bad: 'failed', slow: 'kept', net: 'kept' }, false]);
    expect(result.settlements[1]?.reason).toBe('fail-fast: bad could not be removed');
  });

  it('does not mind a failure that may pass', async () => {
    provider.add({ id: 'bad', state: 'exited' });
    provider.add({ id: 'good' });
    provider.fail('remove', new FakeError('retryable'), (nth, id) => id === 'bad' && nth <= 4);
    expect(outcomes(await swept({ failFast: true }))).toEqual({ bad: 'removed', good: 'graceful' });
  });
});

describe('what fails until the deadline passes', () => {
  it('is reported with the error of the rounds before', async () => {
    provider.add({ id: 'bad', state: 'exited' });
    provider.fail('remove', new FakeError('retryable', 'the engine is full'), (nth) => nth <= 4);
    // In the next round it says nothing at all.
    provider.fail('remove', 'hang', (nth) => nth > 4);
    const { settlements } = await swept({ deadlineMs: 20_000 });
    expect(settlements[0]?.error?.message).toBe('the deadline of 20 s has passed; before that: the engine is full');
  });
});

describe('concurrency', () => {
  it('bounds the requests that make the provider work', async () => {
    for (let id = 0; id < 30; id += 1) provider.add({ id: `${id}`, state: 'exited' });
    provider.latencyMs = 20;
    await swept();
    expect(provider.mostInFlight.working).toBe(4);
  });

  it('does not bound waiting: 100 stubborn resources take one grace period', async () => {
    for (let id = 0; id < 100; id += 1) provider.add({ id: `${id}` }, { endsAfterMs: Number.POSITIVE_INFINITY });
    const result = await swept();
    expect(Object.values(outcomes(result))).toEqual(Array(100).fill('killed'));
    expect(result.took).toBe(5_000);
    expect(provider.mostInFlight.waiting).toBe(100);
  });
});

describe('where listings lag', () => {
  /** Listed only after a while, as what was made a moment ago. */
  const appearsAfter = (ms: number) => setTimeout(() => provider.add({ id: 'late' }, { endsAfterMs: 0 }), ms);

  it('what they do not tell yet is waited for', async () => {
    provider.listingLagMs = 2_000;
    appearsAfter(1_500);
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ late: 'graceful' }, true]);
  });

  it('one that is empty counts when another is, so much later', async () => {
    provider.listingLagMs = 2_000;
    const { verified, took } = await swept();
    expect([verified, took, provider.count('list', 'container')]).toEqual([true, 2_000, 2]);
  });

  it.each([
    ['another cleanup follows', { final: false }],
    ['nothing is removed', { mode: { kind: 'plan' } }],
  ] as const)('nothing is waited for where %s', async (_, situation) => {
    provider.listingLagMs = 2_000;
    expect((await swept(situation)).took).toBe(0);
  });

  it('the wait ends with the deadline, and nothing is said to be sure', async () => {
    provider.listingLagMs = 2_000;
    expect(await swept({ deadlineMs: 1_000 })).toMatchObject({ verified: false, took: 1_000 });
  });

  it('what has failed for good is not waited for', async () => {
    provider.listingLagMs = 2_000;
    provider.add({ state: 'exited' });
    provider.fail('remove', new FakeError('permanent'));
    expect(await swept()).toMatchObject({ verified: false, took: 0 });
  });
});

describe('what the provider calls gone and failed to remove', () => {
  const failed = (resource: Resource) => ({ resource, error: new Error('the runner was away'), command: 'look' });

  it.each([undefined, 2_000])(
    'has failed, with its steps, and is reported once as gone and once as failed (lag: %s)',
    async (lag) => {
      if (lag !== undefined) provider.listingLagMs = lag;
      const resource = provider.add();
      provider.failedRemovals = async () => [failed(resource)];
      const reported: string[] = [];
      const result = await swept({ onSettled: ({ outcome }) => reported.push(outcome) });
      expect([outcomes(result), result.verified, reported]).toEqual([{ a: 'failed' }, false, ['graceful', 'failed']]);
      expect(way(result)).toEqual(['stop done', 'remove done']);
      expect(result.settlements[0]).toMatchObject({ error: { message: 'the runner was away' }, command: 'look' });
    },
  );

  it('counts in the last cleanup though it was never listed, unless it is another’s or protected', async () => {
    const resource = { ...provider.add(), labels: {} };
    provider.change(resource, undefined);
    const kept = { ...resource, id: 'kept', labels: { [labels.keep]: 'true' } };
    provider.failedRemovals = async () => [failed(resource), failed(kept), failed({ ...resource, id: 'another’s' })];
    const selector = ({ id }: Resource) => id !== 'another’s';
    expect(outcomes(await swept({ selector }))).toEqual({ a: 'failed' });
    expect(await swept({ selector, final: false })).toMatchObject({ settlements: [], verified: true });
  });

  it('leaves nothing verified where it can’t be listed', async () => {
    provider.failedRemovals = () => Promise.reject(new FakeError('permanent'));
    expect(await swept()).toMatchObject({ verified: false, error: expect.any(FakeError) });
  });

  it('leaves nothing verified where the deadline passes before it is asked for', async () => {
    const asked = vi.fn(async () => []);
    provider.failedRemovals = asked;
    // With the listing that is clean, there is no time left.
    const end = vi.fn(async () => void vi.advanceTimersByTime(1_000));
    expect(await swept({ deadlineMs: 1_000, learn: end })).toMatchObject({ settlements: [], verified: false });
    expect(end).toHaveBeenCalledOnce();
    expect(asked).not.toHaveBeenCalled();
  });

  it('is not asked for in a dry run', async () => {
    const asked = vi.fn();
    provider.failedRemovals = asked;
    await swept({ mode: { kind: 'plan' } });
    expect(asked).not.toHaveBeenCalled();
  });
});

it('what must go first may be known only by a later listing', async () => {
  const parent = provider.add({ id: 'parent', state: 'stopped' });
  provider.add({ id: 'child', state: 'stopped' }, { lingersMs: 12_000 });
  const isThere = () => provider.count('remove', 'child') > 0 && provider.has({ ...parent, id: 'child' });
  const refused = new FakeError('retryable', 'the child first');
  provider.fail('remove', refused, (_, id) => id === 'parent' && (provider.count('list', 'container') < 2 || isThere()));
  const list = provider.list.bind(provider);
  provider.list = async (kind, signal) =>
    (await list(kind, signal)).map((each) =>
      each.id === 'parent' && provider.count('list', 'container') > 1 ? { ...each, dependents: ['child'] } : each,
    );

  const result = await swept({ policy: { graceMs: 0, retry: { retries: 0, delayMs: 1_000, factor: 1 } } });

  expect(result.verified).toBe(true);
  expect(
    provider.calls
      .filter(({ operation }) => operation === 'remove')
      .map(({ id }) => id)
      .at(-1),
  ).toBe('parent');
});

describe('a provider that takes its time', () => {
  it('of 6 s an answer gets everything done: an inspection gets the time that is needed', async () => {
    provider.listingLagMs = 100; // What can't be inspected is not touched here.
    provider.latencyMs = 6_000;
    provider.add({ id: 'a', state: 'exited' });
    provider.add({ id: 'b' });
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ a: 'removed', b: 'graceful' }, true]);
  });

  it('over one inspection holds up no other', async () => {
    const slow = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const id of slow) provider.add({ id, state: 'exited' });
    provider.add({ id: 'quick', state: 'exited' });
    provider.fail('inspect', 'hang', (nth, id) => id !== 'quick' && nth === 1);
    const times = new Map<string, number>();
    const startedAt = clock.now();
    await swept({ concurrency: 2, onSettled: ({ resource }) => times.set(resource.id, clock.now() - startedAt) });
    // Two places, given back after a second each: the seventh begins after three.
    expect(Math.round(times.get('quick') ?? 0)).toBe(3_000);
  });
});

describe('one odd resource', () => {
  it('whose ladder can’t be made has failed, and holds up no other', async () => {
    provider.add({ id: 'odd', state: 'exited' });
    provider.add({ id: 'a' });
    const error = new TypeError('Cannot read properties of null');
    const ladder = provider.ladder.bind(provider);
    provider.ladder = (resource) => {
      if (resource.id === 'odd') throw error;
      return ladder(resource);
    };
    const result = await swept();
    expect([outcomes(result), result.verified]).toEqual([{ odd: 'failed', a: 'graceful' }, false]);
    expect(result.settlements[0]).toMatchObject({ error });
  });

  it('that the selector chokes on ends this sweep, not the program', async () => {
    provider.add({ id: 'odd' });
    const result = await swept({
      selector: () => {
        throw new TypeError('labels is null');
      },
    });
    expect(result).toMatchObject({ settlements: [], verified: false, error: { message: 'labels is null' } });
  });
});

it('a step that ends the same in every round is one step', async () => {
  provider.add({ state: 'exited' });
  provider.fail('remove', new FakeError('retryable', 'busy'));
  const { settlements } = await swept({ deadlineMs: 60_000 });
  expect(way({ settlements })).toEqual(['remove error']);
  expect(settlements[0]?.steps[0]?.attempts).toBe(provider.count('remove'));
});

it('what is gone stays gone in the report when a list that lags has it once more and the cleanup is halted', async () => {
  provider.listingLagMs = 1_000;
  const net = provider.add({ id: 'net', kind: 'network', state: 'there' });
  provider.fail('remove', new FakeError('permanent', 'refused'), (_, id) => id === 'stuck');
  const list = provider.list.bind(provider);
  provider.list = async (kind, signal) => {
    if (!provider.has(net)) provider.add({ id: 'stuck', state: 'exited' });
    return kind === 'network' ? [net] : list(kind, signal);
  };
  const result = await swept({ failFast: true });
  expect([outcomes(result), result.verified]).toEqual([{ net: 'removed', stuck: 'failed' }, false]);
});

it('a failure that was reported and is mended later is reported again', async () => {
  const told: string[] = [];
  provider.add({ id: 'net', kind: 'network', state: 'there' });
  provider.fail('remove', new FakeError('permanent', 'has active endpoints'), (nth, id) => id === 'net' && nth === 1);
  let listings = 0;
  const list = provider.list.bind(provider);
  provider.list = (kind, signal) => {
    if (kind === 'container') listings += 1;
    if (listings === 2) provider.add({ id: 'late', state: 'exited' });
    return list(kind, signal);
  };
  await swept({ onSettled: ({ resource, outcome }) => told.push(`${resource.id} ${outcome}`) });
  expect(told).toEqual(['late removed', 'net removed']);
});
