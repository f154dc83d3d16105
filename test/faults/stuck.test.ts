import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SweepResult } from '../../src/reaper/sweep';
import { HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { type Fault, FlakyProxy } from '../support/engine/flaky-proxy';
import { newSession, only, type SweepSettings, sweepSession } from '../support/engine/sweeping';

let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterEach(() => there.checkBystanders());
afterAll(() => there.stop());

/** Milliseconds that each rung may take: much more than a healthy engine needs, little enough to wait for. */
const TIMES = { stopMs: 2_500, killMs: 1_000, removeMs: 1_500 };

interface Patient {
  readonly containers: readonly Docker.Container[];
  readonly proxy: FlakyProxy;
  /** Sweeps through the proxy. */
  sweep(settings?: SweepSettings): Promise<SweepResult & { readonly tookMs: number }>;
}

/** Containers of one session, and a proxy of the test's own between them and the sweep. */
async function withContainers(
  count: number,
  work: (patient: Patient) => Promise<void>,
  command: readonly string[] = HONOURS_SIGTERM,
): Promise<void> {
  const { session } = newSession();
  const proxy = await FlakyProxy.start(there.engine.socketPath);
  try {
    const containers = await there.leak(session, count, command);
    const sweep = async (settings: SweepSettings = {}) => {
      const startedAt = performance.now();
      const result = await sweepSession(session, { url: proxy.url, ...TIMES, ...settings });
      return { ...result, tookMs: performance.now() - startedAt };
    };
    await work({ containers, proxy, sweep });
  } finally {
    await proxy.stop();
  }
}

/** `['stop done 1', 'remove done 2']`: each step with its number of attempts. */
const account = ({ settlements }: SweepResult) =>
  settlements.flatMap(({ steps }) => steps.map(({ action, result, attempts }) => `${action} ${result} ${attempts}`));

const HANG: Fault = { kind: 'hang' };
const RESET: Fault = { kind: 'reset' };
const CUT: Fault = { kind: 'cut' };
const answer = (status: number): Fault => ({ kind: 'answer', status });
const BUSY: Fault = { kind: 'answer', status: 429, retryAfter: '1' };

const LISTING = /^GET \/containers\/json/;
const LOOK = /^GET \/containers\/\w+\/json/;
const STOP = /^POST \/containers\/\w+\/stop/;
const REMOVE = /^DELETE \/containers\//;

const AS_USUAL = ['stop done 1', 'remove done 1'];

interface Once {
  readonly what: string;
  readonly request: RegExp;
  readonly fault: Fault;
  readonly steps: readonly string[];
  /** `graceful`, unless told otherwise. */
  readonly outcome?: string;
}

const ONCE: readonly Once[] = [
  { what: 'a reset listing', request: LISTING, fault: RESET, steps: AS_USUAL },
  { what: 'a listing cut in the middle', request: LISTING, fault: CUT, steps: AS_USUAL },
  { what: 'a listing answered with 500', request: LISTING, fault: answer(500), steps: AS_USUAL },
  { what: 'a listing answered with 429', request: LISTING, fault: BUSY, steps: AS_USUAL },
  { what: 'a reset look', request: LOOK, fault: RESET, steps: AS_USUAL },
  { what: 'a look cut in the middle', request: LOOK, fault: CUT, steps: AS_USUAL },
  { what: 'a look answered with 500', request: LOOK, fault: answer(500), steps: AS_USUAL },
  { what: 'a look answered with 429', request: LOOK, fault: BUSY, steps: AS_USUAL },
  {
    what: 'a stop that hangs',
    request: STOP,
    fault: HANG,
    steps: ['stop timeout 1', 'kill done 1', 'remove done 1'],
    outcome: 'killed',
  },
  { what: 'a reset stop', request: STOP, fault: RESET, steps: ['stop done 2', 'remove done 1'] },
  { what: 'a stop whose answer is lost', request: STOP, fault: CUT, steps: ['stop done 2', 'remove done 1'] },
  { what: 'a stop answered with 500', request: STOP, fault: answer(500), steps: ['stop done 2', 'remove done 1'] },
  { what: 'a stop answered with 409', request: STOP, fault: answer(409), steps: ['stop done 2', 'remove done 1'] },
  { what: 'a stop answered with 429', request: STOP, fault: BUSY, steps: ['stop done 2', 'remove done 1'] },
  {
    what: 'a removal that hangs',
    request: REMOVE,
    fault: HANG,
    steps: ['stop done 1', 'remove timeout 1', 'remove done 1'],
  },
  { what: 'a reset removal', request: REMOVE, fault: RESET, steps: ['stop done 1', 'remove done 2'] },
  { what: 'a removal whose answer is lost', request: REMOVE, fault: CUT, steps: ['stop done 1', 'remove gone 2'] },
  { what: 'a removal answered with 500', request: REMOVE, fault: answer(500), steps: ['stop done 1', 'remove done 2'] },
  { what: 'a removal answered with 409', request: REMOVE, fault: answer(409), steps: ['stop done 1', 'remove done 2'] },
  { what: 'a removal answered with 429', request: REMOVE, fault: BUSY, steps: ['stop done 1', 'remove done 2'] },
];

describe('once', () => {
  test.concurrent.each(ONCE)('$what is got over', async ({ request, fault, steps, outcome = 'graceful' }) => {
    await withContainers(1, async ({ proxy, sweep }) => {
      const spoiled = proxy.spoil(fault, request, 1);

      const result = await sweep();

      expect({ outcome: only(result).outcome, verified: result.verified }).toEqual({ outcome, verified: true });
      expect(account(result)).toEqual(steps);
      // Nothing waits for a time-out of its own where the connection already told: a look has 5 s, a listing 10 s; rungs have steps.
      if (fault.kind !== 'hang') expect(spoiled.askedAgainAfterMs).toBeLessThan(4_500);
      if (fault === BUSY && request !== LOOK) expect(result.tookMs, 'Retry-After').toBeGreaterThan(1_000);
    });
  });
});

interface Stuck {
  readonly what: string;
  readonly fault: Fault;
  readonly error: RegExp;
}

const STUCK: readonly Stuck[] = [
  { what: 'hangs', fault: HANG, error: /took longer than|deadline/ },
  { what: 'breaks the connection', fault: RESET, error: /socket hang up|ECONNRESET/ },
  { what: 'answers 500', fault: answer(500), error: /the proxy says 500/ },
  { what: 'answers 409', fault: answer(409), error: /the proxy says 409/ },
  { what: 'answers 429', fault: BUSY, error: /429/ },
];

describe('an engine that for one container of five', () => {
  test.concurrent.each(STUCK)('$what for ever loses the other four, and reports the one', async ({ fault, error }) => {
    await withContainers(5, async ({ containers: [stuck, ...others], proxy, sweep }) => {
      if (stuck === undefined) throw new Error('no container');
      proxy.spoil(fault, (call) => call.includes(stuck.id));

      let isOverAt = Number.POSITIVE_INFINITY;
      // It comes as late as the deadline does on a machine that stands still for seconds.
      const over = setTimeout(() => {
        isOverAt = performance.now();
      }, 25_000);
      const result = await sweep({ deadlineMs: 25_000 });
      clearTimeout(over);

      expect(performance.now() - isOverAt).toBeLessThan(1_000);
      const ends = new Map(result.settlements.map((settlement) => [settlement.resource.id, settlement]));
      expect(others.map(({ id }) => ends.get(id)?.outcome)).toEqual(['graceful', 'graceful', 'graceful', 'graceful']);
      expect(ends.get(stuck.id)).toMatchObject({
        outcome: 'failed',
        command: `docker --host ${proxy.url} rm --force --volumes ${stuck.id.slice(0, 12)}`,
      });
      expect(ends.get(stuck.id)?.steps.map(({ action }) => action)).toEqual(expect.arrayContaining(['stop', 'kill', 'remove']));
      expect(ends.get(stuck.id)?.error?.message).toMatch(error);
      expect(result.verified).toBe(false);
      await stuck.remove({ force: true });
    });
  });
});

test('a request that hangs beside one that failed does not keep post from ending', async () => {
  const job = await there.begunJob({ inputs: { proxy: 'false' } });
  await there.leak(await job.session(), 1, HONOURS_SIGTERM);
  const proxy = await FlakyProxy.start(there.engine.socketPath);
  try {
    proxy.spoil(HANG, /^GET \/volumes\?filters=/, 1);
    proxy.spoil(RESET, /^GET \/volumes(?!\?filters=)/, 1);
    const post = await job.startPost({}, (await job.stateFile()).replaceAll(there.engine.url, proxy.url));
    const { exitCode, output } = await post.ended;
    expect(exitCode, output).toBe(0);
    expect((await job.report()).phases.post, output).toMatchObject({ verified: true, totals: { graceful: 1, failed: 0 } });
  } finally {
    await proxy.stop();
  }
});

describe('a listing', () => {
  test.concurrent.each([
    { what: 'of nothing at all, not even a list,', body: '' },
    { what: 'that is not a list', body: '{}' },
  ])('$what proves nothing', async ({ body }) => {
    await withContainers(1, async ({ containers, proxy, sweep }) => {
      proxy.spoil({ kind: 'answer', status: 200, body }, LISTING);

      const result = await sweep({ deadlineMs: 3_000 });

      expect(result).toMatchObject({ settlements: [], verified: false });
      expect(result.unlisted ?? result.error).toBeInstanceOf(Error);
      await Promise.all(containers.map((container) => container.remove({ force: true })));
    });
  });

  test('of 30 containers that breaks off in the middle is asked for again', async () => {
    const work = async ({ proxy, sweep }: Patient) => {
      proxy.spoil(CUT, LISTING, 2);

      const result = await sweep();

      expect(result.settlements.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 30 }, () => 'removed'));
      expect(result.verified).toBe(true);
      // The time that a listing may take is 30 s.
      expect(result.tookMs).toBeLessThan(25_000);
    };
    await withContainers(30, work, ['true']);
  });

  test('that stalls in the middle does not outlast the deadline', async () => {
    await withContainers(1, async ({ containers, proxy, sweep }) => {
      proxy.spoil({ kind: 'stall' }, LISTING);

      const result = await sweep({ deadlineMs: 1_500 });

      expect(result.tookMs).toBeLessThan(2_500);
      expect(result).toMatchObject({ settlements: [], verified: false });
      expect(result.unlisted?.message).toContain('the deadline of 1.5 s has passed');
      await Promise.all(containers.map((container) => container.remove({ force: true })));
    });
  });
});
