import { describe, expect, it } from 'vitest';
import { labels as labelKeys } from '../../../src/core/labels';
import { type Lifetimes, NoLifetimes } from '../../../src/core/lifetimes';
import { renewLifetimes } from '../../../src/phases/sandbox-ttl';
import { VirtualClock } from '../../support/simulation/virtual-clock';

const MINUTE = 60_000;
const OURS = { [labelKeys.session]: 'ours' };

interface Sandbox {
  labels: Readonly<Record<string, string>>;
  /** When it ends; undefined: never. */
  endsAt?: number | undefined;
}

/** Sandboxes for which `ours` asks 20 minutes. A listing shows all of them, whatever their labels are now. */
function renewing(sandboxes: Readonly<Record<string, Sandbox>>, renewed = new Set<string>()) {
  const clock = new VirtualClock(() => 0.5);
  const begun = clock.now();
  const ended = new AbortController();
  const warnings: string[] = [];
  const sets: (readonly [id: string, minutes: number | undefined])[] = [];
  const state: { refusal?: Error } = {};
  const lifetimes: Lifetimes = {
    access: { url: '', token: '', proxy: '' },
    list: async () => Object.keys(sandboxes),
    async inspect(id) {
      const { labels = {}, endsAt } = sandboxes[id] ?? {};
      if (endsAt !== undefined && endsAt <= clock.now()) return undefined;
      return {
        resource: { provider: 'daytona', kind: 'sandbox', id, name: id, state: 'started', running: true, labels },
        endsInMs: endsAt === undefined ? undefined : endsAt - clock.now(),
      };
    },
    async set(id, ms) {
      if (state.refusal) throw state.refusal;
      sets.push([id, ms === undefined ? undefined : ms / MINUTE]);
      Object.assign(sandboxes[id] ?? {}, { endsAt: ms === undefined ? undefined : clock.now() + ms });
    },
  };
  const work = renewLifetimes({
    connections: [{ name: 'daytona', lifetimes }, { name: 'docker' }],
    renewed,
    ...{ sessionId: 'ours', ttlMs: 20 * MINUTE, clock, signal: ended.signal },
    log: { warning: (line) => warnings.push(line) },
  });
  async function pass(minutes: number): Promise<void> {
    await clock.run(new Promise<void>((resolve) => clock.after(minutes * MINUTE, resolve)));
  }
  async function stop(): Promise<void> {
    ended.abort(new Error('the session ended'));
    await clock.run(work);
  }
  const at = (minutes: number) => begun + minutes * MINUTE;
  return { clock, sets, warnings, state, work, pass, stop, at };
}

describe('a sandbox of the session', () => {
  it('is renewed long before it ends, as long as the session goes on, and ends then', async () => {
    const sandboxes: Record<string, Sandbox> = { one: { labels: OURS } };
    const { clock, sets, pass, stop, at } = renewing(sandboxes);
    await pass(60);
    expect(sandboxes['one']?.endsAt).toBeGreaterThan(at(60 + 13));
    expect(sets.length).toBeLessThan(12);
    await stop();
    expect(sandboxes['one']?.endsAt).toBeLessThanOrEqual(at(60 + 20));
    expect(clock.pending).toBe(0);
  });

  it('is found when it appears later', async () => {
    const sandboxes: Record<string, Sandbox> = {};
    const { pass, stop, at } = renewing(sandboxes);
    await pass(5);
    sandboxes['late'] = { labels: OURS };
    await pass(1);
    expect(sandboxes['late'].endsAt).toBeGreaterThanOrEqual(at(25));
    await stop();
  });

  it('that somebody has end sooner ends when they say, unless an earlier process of the session said so', async () => {
    const soon = () => ({ labels: OURS, endsAt: 1_000_000_000_000 + 10 * MINUTE });
    const theirs = renewing({ one: soon() });
    await theirs.pass(9);
    expect(theirs.sets).toEqual([]);
    await theirs.stop();
    const ours = renewing({ one: soon() }, new Set(['one']));
    await ours.pass(1);
    expect(ours.sets).toEqual([['one', 20]]);
    await ours.stop();
  });

  it('that is to be kept from now on does not end by itself any more', async () => {
    const sandboxes: Record<string, Sandbox> = { one: { labels: OURS } };
    const renewed = new Set<string>();
    const { pass, stop } = renewing(sandboxes, renewed);
    await pass(1);
    expect(sandboxes['one']?.endsAt).toBeDefined();
    sandboxes['one'] = { ...sandboxes['one'], labels: { ...OURS, [labelKeys.keep]: 'true' } };
    await pass(20);
    expect([sandboxes['one'].endsAt, renewed.has('one')]).toEqual([undefined, false]);
    await stop();
  });
});

describe('a sandbox that is not the session’s', () => {
  it.each([
    ['of another session', { [labelKeys.session]: 'theirs' }],
    ['of nobody', {}],
    ['with the keep label', { ...OURS, [labelKeys.keep]: 'true' }],
  ])('is given no end, although a listing shows it: one %s', async (_, labels) => {
    const { sets, pass, stop } = renewing({ one: { labels }, ours: { labels: OURS } });
    await pass(30);
    expect(new Set(sets.map(([id]) => id))).toEqual(new Set(['ours']));
    await stop();
  });
});

describe('what goes wrong', () => {
  it('is told once, and tried again', async () => {
    const { sets, warnings, state, pass, stop } = renewing({ one: { labels: OURS } });
    state.refusal = new Error('too many requests');
    await pass(2);
    expect(warnings).toEqual(['sandbox-ttl: daytona’s sandboxes may not end by themselves: too many requests']);
    delete state.refusal;
    await pass(1);
    expect(sets).toEqual([['one', 20]]);
    await stop();
  });

  it('for good ends it', async () => {
    const { clock, warnings, state, work } = renewing({ one: { labels: OURS } });
    state.refusal = new NoLifetimes('it has no such clock');
    await clock.run(work);
    expect(warnings).toHaveLength(1);
  });
});
