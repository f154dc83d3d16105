import { describe, expect, it } from 'vitest';
import { Shared } from '../../../src/lib/shared';

/** Work that is counted, and ends when it is told to. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const signals: AbortSignal[] = [];
  const run = (signal: AbortSignal) => {
    signals.push(signal);
    return promise;
  };
  return { run, signals, resolve, reject };
}

const never = new AbortController().signal;

describe('shared work', () => {
  it('is done once for all who ask at the same time', async () => {
    const [shared, { run, signals, resolve }] = [new Shared<string>(), work()];
    const answers = [shared.get('a', never, run), shared.get('a', never, run)];
    resolve('done');
    expect(await Promise.all(answers)).toEqual(['done', 'done']);
    expect(signals).toHaveLength(1);
  });

  it('is done again for who asks later, and apart for another key', async () => {
    const [shared, first, other, later] = [new Shared<string>(), work(), work(), work()];
    const [one, two] = [shared.get('a', never, first.run), shared.get('b', never, other.run)];
    first.resolve('first');
    other.resolve('other');
    expect(await Promise.all([one, two])).toEqual(['first', 'other']);
    later.resolve('later');
    expect(await shared.get('a', never, later.run)).toBe('later');
  });

  it('fails for all of them, and is tried again for who asks then', async () => {
    const [shared, broken, good] = [new Shared<string>(), work(), work()];
    const answers = [shared.get('a', never, broken.run), shared.get('a', never, broken.run)];
    const settled = Promise.allSettled(answers);
    broken.reject(new Error('broken'));
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    good.resolve('good');
    expect(await shared.get('a', never, good.run)).toBe('good');
  });

  it('goes on for the others when one gives up', async () => {
    const [shared, { run, signals, resolve }] = [new Shared<string>(), work()];
    const impatient = new AbortController();
    const [one, other] = [shared.get('a', impatient.signal, run), shared.get('a', never, run)];
    impatient.abort(new Error('no time'));
    await expect(one).rejects.toThrow('no time');
    expect(signals[0]?.aborted).toBe(false);
    resolve('done');
    expect(await other).toBe('done');
  });

  it('ends when the last one gives up, and who asks then starts anew', async () => {
    const [shared, given, fresh] = [new Shared<string>(), work(), work()];
    const controllers = [new AbortController(), new AbortController()];
    const answers = controllers.map(({ signal }) => shared.get('a', signal, given.run));
    const settled = Promise.allSettled(answers);
    for (const controller of controllers) controller.abort(new Error('no time'));
    const again = shared.get('a', never, fresh.run);
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(given.signals[0]?.aborted).toBe(true);
    given.reject(new Error('ended')); // As work does that obeys its signal; nobody hears of it.
    fresh.resolve('fresh');
    expect(await again).toBe('fresh');
  });

  it('is not waited for by who has given up before', async () => {
    const [shared, { run, signals }] = [new Shared<string>(), work()];
    await expect(shared.get('a', AbortSignal.abort(new Error('no time')), run)).rejects.toThrow('no time');
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});
