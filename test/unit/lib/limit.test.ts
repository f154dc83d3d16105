import { describe, expect, it } from 'vitest';
import { Limit } from '../../../src/lib/limit';

const never = new AbortController().signal;

/** Work that ends when it is told to, and tells whether it was begun. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const piece = { begun: false, end: resolve, fail: reject };
  const run = () => {
    piece.begun = true;
    return promise;
  };
  return Object.assign(piece, { run });
}

/** Everything that can go on by now has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a limit', () => {
  it('runs as much at a time as it allows', async () => {
    const limit = new Limit(2);
    const pieces = [work(), work(), work()];
    const all = Promise.all(pieces.map(({ run }) => limit.run(never, run)));
    await settled();
    expect(pieces.map(({ begun }) => begun)).toEqual([true, true, false]);
    for (const { end } of pieces) end();
    await all;
  });

  it('lets the next one in, first come, first served', async () => {
    const limit = new Limit(1);
    const [first, second, third] = [work(), work(), work()];
    const all = Promise.all([first, second, third].map(({ run }) => limit.run(never, run)));
    first.end();
    await settled();
    expect([second.begun, third.begun]).toEqual([true, false]);
    second.end();
    third.end();
    await all;
  });

  it('gives the place back when the work fails', async () => {
    const limit = new Limit(1);
    await expect(limit.run(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(limit.run(never, async () => 'next')).resolves.toBe('next');
  });

  it('gives what the work gives', async () => {
    await expect(new Limit(1).run(never, async () => 42)).resolves.toBe(42);
  });

  it('lets those go who are aborted while they wait', async () => {
    const limit = new Limit(1);
    const [first, second, third] = [work(), work(), work()];
    const controller = new AbortController();
    const running = limit.run(never, first.run);
    const waiting = limit.run(controller.signal, second.run);
    const next = limit.run(never, third.run);
    const reason = new Error('no time');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    first.end();
    third.end();
    await Promise.all([running, next]);
    expect([second.begun, third.begun]).toEqual([false, true]);
  });

  it('begins nothing for a signal that has aborted', async () => {
    const piece = work();
    await expect(new Limit(1).run(AbortSignal.abort(new Error('over')), piece.run)).rejects.toThrow('over');
    expect(piece.begun).toBe(false);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses to be %s', (size) => {
    expect(() => new Limit(size)).toThrow(RangeError);
  });
});
