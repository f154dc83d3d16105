import { describe, expect, it } from 'vitest';
import type { ErrorClass } from '../../../src/core/provider';
import { type Clock, systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { DeadlinePassed, Halted, TimedOut } from '../../../src/lib/errors';
import { backoff, errorClassOf, parseRetryAfter, type RetryPolicy, withRetries } from '../../../src/reaper/retry';
import { FakeError } from '../../support/fake-provider';
import { useFakeTimers } from '../../support/fake-timers';

useFakeTimers();

const withoutJitter: Clock = { ...systemClock, random: () => 0 };
const policy: RetryPolicy = { retries: 3, delayMs: 2_000, factor: 2 };
const classify = (error: unknown): ErrorClass => (error instanceof FakeError ? error.verdict : { kind: 'permanent' });

const later = (retryAfterMs?: number) => new FakeError('retryable', 'later', retryAfterMs);

interface Settings extends Partial<RetryPolicy> {
  readonly deadlineMs?: number;
}

/** Fails once for each error, then succeeds; tells at which milliseconds it was tried, and what came of it. */
async function attempts(errors: readonly Error[], { deadlineMs = 240_000, ...changes }: Settings = {}) {
  const start = systemClock.now();
  const deadline = new Deadline(systemClock, deadlineMs);
  const at: number[] = [];
  const work = async (attempt: number) => {
    at.push(Math.round(systemClock.now() - start));
    const error = errors[attempt - 1];
    if (error) throw error;
    return 'done';
  };
  const result = await withRetries(work, classify, { ...policy, ...changes }, deadline, withoutJitter).catch((error) => error);
  deadline.dispose();
  return { at, result, took: Math.round(systemClock.now() - start) };
}

describe('retries', () => {
  it('wait exponentially longer', async () => {
    const { at, result } = await attempts([later(), later(), later()]);
    expect({ at, result }).toEqual({ at: [0, 2_000, 6_000, 14_000], result: 'done' });
  });

  it('end when they are used up, with the original error of the last attempt', async () => {
    const errors = [later(), later(), later(), later()];
    const { at, result } = await attempts(errors);
    expect(at).toHaveLength(4);
    expect(result).toBe(errors[3]);
  });

  it('are none when none are wanted', async () => {
    const { at, took } = await attempts([later()], { retries: 0 });
    expect({ at, took }).toEqual({ at: [0], took: 0 });
  });

  it.each(['permanent', 'gone'] as const)('are not made after an error that is %s', async (kind) => {
    const error = new FakeError(kind);
    const { at, result } = await attempts([error]);
    expect(at).toEqual([0]);
    expect(result).toBe(error);
  });

  it('wait as long as the provider asks, longer or shorter than the backoff', async () => {
    const { at } = await attempts([later(30_000), later(100)]);
    expect(at).toEqual([0, 30_000, 30_100]);
  });

  it('are not used up by waits that the provider asked for', async () => {
    const { at, result } = await attempts([...Array(5).fill(later(1_000)), later(), later(), later()]);
    expect(at).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 11_000, 19_000]);
    expect(result).toBe('done');
  });

  it('are made when the provider asks for it after all others are used up', async () => {
    const { at, result } = await attempts([later(), later(1_000)], { retries: 1 });
    expect({ at, result }).toEqual({ at: [0, 2_000, 3_000], result: 'done' });
  });

  it('are made when the provider asks for it though none are wanted', async () => {
    const { at, result } = await attempts([later(1_000)], { retries: 0 });
    expect({ at, result }).toEqual({ at: [0, 1_000], result: 'done' });
  });

  it.each([
    ['their backoff', later()],
    ['the wait that the provider asks for', later(60_000)],
  ])('end at once when %s would pass the deadline', async (_, error) => {
    const { took, result } = await attempts([error], { deadlineMs: 1_500 });
    expect(took).toBe(0);
    expect(result).toBe(error);
  });

  it('end with the deadline’s reason when it is halted while they wait', async () => {
    const deadline = new Deadline(systemClock, 240_000);
    const reason = new Halted('enough');
    const start = systemClock.now();
    setTimeout(() => deadline.halt(reason), 500);
    await expect(withRetries(() => Promise.reject(later()), classify, policy, deadline, withoutJitter)).rejects.toBe(reason);
    expect(Math.round(systemClock.now() - start)).toBe(500);
  });

  it('throws what the work makes of the passed deadline', async () => {
    const deadline = new Deadline(systemClock, 1_000);
    const work = () =>
      deadline
        .within(60_000, 'the answer', () => new Promise<never>(() => undefined))
        .catch(() => {
          throw new FakeError('retryable', 'no engine at /a');
        });
    await expect(withRetries(work, classify, policy, deadline, withoutJitter)).rejects.toThrow('no engine at /a');
  });
});

describe('the backoff', () => {
  it.each([
    { retry: 0, random: 0, ms: 2_000 },
    { retry: 0, random: 0.5, ms: 2_250 },
    { retry: 0, random: 1, ms: 2_500 },
    { retry: 2, random: 0, ms: 8_000 },
    { retry: 2, random: 1, ms: 10_000 },
  ])('of retry $retry with chance at $random is $ms ms', ({ retry, random, ms }) => {
    expect(backoff(policy, retry, { ...systemClock, random: () => random })).toBe(ms);
  });
});

describe('the verdict on an error', () => {
  it.each([
    ['a timeout of ours', new TimedOut('listing', 1_000), 'retryable'],
    ['the passed deadline', new DeadlinePassed(1_000), 'permanent'],
    ['a halt', new Halted('enough'), 'permanent'],
    ['the provider’s error', new FakeError('gone'), 'gone'],
  ])('is for %s', (_, error, kind) => {
    expect(errorClassOf(error, { classify }).kind).toBe(kind);
  });
});

it('a Retry-After of nothing is no wait: the backoff holds, and the retries end', async () => {
  const { at, result } = await attempts(Array.from({ length: 9 }, () => later(0)));
  expect(at).toEqual([0, 2_000, 6_000, 14_000]);
  expect(result).toBeInstanceOf(FakeError);
});

describe('a Retry-After', () => {
  const now = Date.parse('2026-11-21T08:00:00Z');
  it.each([
    ['3', 3_000],
    ['0', 0],
    ['Sat, 21 Nov 2026 08:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('of %s is %s ms', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });
});
