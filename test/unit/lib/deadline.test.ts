import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/lib/clock';
import { Deadline, withTimeout } from '../../../src/lib/deadline';
import { DeadlinePassed, Halted, TimedOut } from '../../../src/lib/errors';
import { useFakeTimers } from '../../support/fake-timers';

useFakeTimers();

const never = () => new Promise<never>(() => undefined);
const inMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const elapsedSince = (start: number) => Math.round(systemClock.now() - start);

describe('a deadline', () => {
  it('tells how much time is left', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await inMs(4_000);
    expect(deadline.remaining()).toBeCloseTo(6_000);
  });

  it('has nothing left when it has passed', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await inMs(10_001);
    expect([deadline.passed, deadline.remaining()]).toEqual([true, 0]);
  });

  it('aborts its signal with a reason that says how long it was', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await inMs(10_001);
    expect(deadline.signal.reason).toEqual(new DeadlinePassed(10_000));
  });

  it('ends at once when it is halted', () => {
    const deadline = new Deadline(systemClock, 10_000);
    const reason = new Halted('enough');
    deadline.halt(reason);
    expect([deadline.passed, deadline.remaining(), deadline.signal.reason]).toEqual([true, 0, reason]);
  });

  it('leaves no timer behind when it is disposed of', () => {
    new Deadline(systemClock, 10_000).dispose();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a part of a deadline', () => {
  it('gives what the work gives', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await expect(deadline.within(1_000, 'stop', async () => 'done')).resolves.toBe('done');
  });

  it('throws what the work throws', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    const error = new Error('broken');
    await expect(deadline.within(1_000, 'stop', () => Promise.reject(error))).rejects.toBe(error);
  });

  it('ends what else the work began when it fails', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    const sibling = vi.fn();
    const error = new Error('broken');
    const work = (signal: AbortSignal) => {
      signal.addEventListener('abort', sibling);
      return Promise.reject(error);
    };
    await expect(deadline.within(1_000, 'the listing', work)).rejects.toBe(error);
    await expect(withTimeout(1_000, { clock: systemClock, signal: deadline.signal }, work)).rejects.toBe(error);
    expect(sibling).toHaveBeenCalledTimes(2);
  });

  it('leaves work behind that ignores its signal', async () => {
    const start = systemClock.now();
    const deadline = new Deadline(systemClock, 10_000);
    await expect(deadline.within(1_500, 'stop', never)).rejects.toEqual(new TimedOut('stop', 1_500));
    expect(elapsedSince(start)).toBe(1_500);
  });

  it('is over when the whole deadline is', async () => {
    const start = systemClock.now();
    const deadline = new Deadline(systemClock, 10_000);
    await expect(deadline.within(60_000, 'stop', never)).rejects.toEqual(new DeadlinePassed(10_000));
    expect(elapsedSince(start)).toBe(10_000);
  });

  it('says why it was aborted, whatever the work makes of it', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    const work = (signal: AbortSignal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('socket hang up'))));
    await expect(deadline.within(1_000, 'stop', work)).rejects.toBeInstanceOf(TimedOut);
  });

  it('is not begun after the deadline', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await inMs(10_001);
    const work = vi.fn(never);
    await expect(deadline.within(1_000, 'stop', work)).rejects.toBeInstanceOf(DeadlinePassed);
    expect(work).not.toHaveBeenCalled();
  });

  it('leaves no timer behind but the deadline’s own', async () => {
    const deadline = new Deadline(systemClock, 10_000);
    await deadline.within(1_000, 'stop', async () => 'done');
    deadline.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });
});
