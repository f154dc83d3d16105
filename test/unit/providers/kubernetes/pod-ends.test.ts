import { describe, expect, it } from 'vitest';
import { UnreadableAnswer } from '../../../../src/lib/http-errors';
import type { Json } from '../../../../src/lib/json-shape';
import type { Ask } from '../../../../src/providers/kubernetes/client';
import { KubernetesError } from '../../../../src/providers/kubernetes/errors';
import { PodEnds } from '../../../../src/providers/kubernetes/pod-ends';
import { VirtualClock } from '../../../support/simulation/virtual-clock';

const POD = { uid: 'u', name: 'p', namespace: 'n' };
const TERMINATED = { state: { terminated: { exitCode: 137, finishedAt: '2026-11-27T10:00:00Z' } } };

const podWith = (uid: string, containerStatuses: readonly object[] = []): Json => ({
  metadata: { uid, name: 'p', namespace: 'n' },
  spec: { nodeName: 'node' },
  status: { phase: 'Running', containerStatuses },
});
const event = (type: string, object: unknown) => JSON.stringify({ type, object });
const notFound = () => new KubernetesError('GET pods', 404, 'pods "p" not found', { reason: 'NotFound' });

/** A watch that the test ends, and says lines through. */
class Watch {
  readonly #lines: string[] = [];
  #wake: () => void = () => undefined;
  #end: { readonly error?: Error } | undefined;

  say(...lines: readonly string[]): void {
    this.#lines.push(...lines);
    this.#wake();
  }

  end(error?: Error): void {
    this.#end = error === undefined ? {} : { error };
    this.#wake();
  }

  async *follow(signal: AbortSignal): AsyncGenerator<string> {
    signal.addEventListener('abort', () => this.end(signal.reason));
    for (;;) {
      for (const line of this.#lines.splice(0)) yield line;
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A cluster with one pod. */
function cluster({ watch = new Watch(), opens = () => Promise.resolve() } = {}) {
  const clock = new VirtualClock(() => 0.5);
  const looks: number[] = [];
  const watches: (Ask['query'] & object)[] = [];
  const begun = clock.now();
  const state: { answer: () => Json; watchSignal?: AbortSignal } = { answer: () => podWith('u') };
  const client = {
    async ask() {
      looks.push(clock.now() - begun);
      return state.answer();
    },
    async lines({ query = {} }: Ask, signal: AbortSignal) {
      watches.push(query);
      state.watchSignal = signal;
      await opens();
      return watch.follow(signal);
    },
  };
  const ends = new PodEnds(client, clock);
  return { clock, ends, state, looks, watches, watch, now: () => clock.now() - begun };
}

const never = new AbortController().signal;
const nothing = async () => undefined;

describe('the end of a pod', () => {
  it('is told by a watch that goes on from the listing, before anything is requested', async () => {
    const { clock, ends, looks, watches, watch, now, state } = cluster();
    ends.listed('n', '77');
    const watchesAtWork: number[] = [];
    const work = async () => {
      watchesAtWork.push(watches.length);
      clock.after(900, () =>
        watch.say(event('MODIFIED', podWith('u', [TERMINATED])), event('DELETED', podWith('u', [TERMINATED]))),
      );
    };
    await clock.run(ends.after(POD, work, never));
    expect(watchesAtWork).toEqual([1]);
    expect(watches).toEqual([{ watch: 'true', resourceVersion: '77' }]);
    expect(now()).toBe(900);
    expect(looks).toEqual([]);
    expect(ends.endingOf('u')).toBe('killed');
    expect(state.watchSignal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is no change of it, nor the end of another pod, nor of the one that took its name', async () => {
    const { clock, ends, watch, now } = cluster();
    ends.listed('n', '1');
    const work = async () => {
      clock.after(50, () => watch.say(event('MODIFIED', podWith('u', [TERMINATED]))));
      clock.after(100, () => watch.say(event('DELETED', podWith('another')), event('ADDED', podWith('third')), 'no JSON', '{}'));
      clock.after(2_000, () => watch.say(event('DELETED', podWith('u'))));
    };
    await clock.run(ends.after(POD, work, never));
    expect(now()).toBe(2_000);
  });

  it('is found by looks where no watch can begin: there was no listing', async () => {
    const { clock, ends, state, watches, looks } = cluster();
    const work = async () =>
      void clock.after(4_000, () =>
        Object.assign(state, {
          answer: () => {
            throw notFound();
          },
        }),
      );
    await clock.run(ends.after(POD, work, never));
    expect(watches).toEqual([]);
    expect(looks[0]).toBe(200);
    expect(looks.at(-1)).toBeLessThanOrEqual(4_000 + 3_000);
  });

  it('is found by looks when the watch is refused, and only once is it asked for with that state', async () => {
    const { clock, ends, state, watches } = cluster({
      opens: async () => {
        throw new KubernetesError('WATCH pods', 410, 'too old', { reason: 'Expired' });
      },
    });
    ends.listed('n', '1');
    const work = async () => void clock.after(1_000, () => Object.assign(state, { answer: () => podWith('its successor') }));
    await clock.run(ends.after(POD, work, never));
    await clock.run(ends.after({ ...POD, uid: 'v' }, nothing, never));
    expect(watches).toHaveLength(1);
  });

  it('is asked for although the watch never begins, after a second', async () => {
    const { clock, ends, state, now } = cluster({ opens: () => new Promise(() => undefined) });
    ends.listed('n', '1');
    const requestedAt: number[] = [];
    const work = async () => {
      requestedAt.push(now());
      state.answer = () => {
        throw notFound();
      };
    };
    await clock.run(ends.after(POD, work, never));
    expect(requestedAt).toEqual([1_000]);
    expect(now()).toBe(1_200);
  });

  it('is looked for at once when the watch breaks in the middle', async () => {
    const { clock, ends, state, watch, now } = cluster();
    ends.listed('n', '1');
    const work = async () => {
      clock.after(500, () => watch.end(new Error('connection reset')));
      state.answer = () => {
        throw notFound();
      };
    };
    await clock.run(ends.after(POD, work, never));
    expect(now()).toBe(500);
  });

  it('is looked for every 15 s where the watch stays silent', async () => {
    const { clock, ends, state, looks } = cluster();
    ends.listed('n', '1');
    const work = async () =>
      void clock.after(16_000, () =>
        Object.assign(state, {
          answer: () => {
            throw notFound();
          },
        }),
      );
    await clock.run(ends.after(POD, work, never));
    expect(looks).toEqual([15_000, 30_000]);
  });

  it('has come when its deletion says so, whatever the watch does', async () => {
    const { clock, ends, now, looks } = cluster();
    ends.listed('n', '1');
    await clock.run(ends.after(POD, async () => 'gone', never));
    expect(now()).toBe(0);
    expect(looks).toEqual([]);
  });

  it.each([
    ['a proxy’s 404', new KubernetesError('GET pods', 404, '<html>')],
    ['a refusal', new KubernetesError('GET pods', 403, 'forbidden', { reason: 'Forbidden' })],
    ['an answer that can’t be read', new UnreadableAnswer('GET pods: the answer is not JSON')],
  ])('is not %s', async (_, error) => {
    const { clock, ends, state, now } = cluster();
    const answers: (() => Json)[] = [
      () => {
        throw error;
      },
      () => ({ status: 'down for maintenance' }),
    ];
    state.answer = () => {
      const answer = answers.shift();
      if (answer) return answer();
      throw notFound();
    };
    await clock.run(ends.after(POD, nothing, never));
    expect(now()).toBe(200 + 400 + 800);
  });

  it('is waited for no longer than the signal allows, and everything is put away', async () => {
    const { clock, ends, state } = cluster();
    ends.listed('n', '1');
    const controller = new AbortController();
    clock.after(5_000, () => controller.abort(new Error('out of time')));
    await expect(clock.run(ends.after(POD, nothing, controller.signal))).rejects.toThrow('out of time');
    expect(state.watchSignal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is not waited for when its deletion fails', async () => {
    const { clock, ends } = cluster();
    const work = () => Promise.reject(new Error('refused'));
    await expect(clock.run(ends.after(POD, work, never))).rejects.toThrow('refused');
  });

  it('has one watch for all pods of a namespace, open while one of them is waited for', async () => {
    const { clock, ends, watches, watch, state } = cluster();
    ends.listed('n', '1');
    const [first, second] = ['u', 'v'].map((uid) => ends.after({ ...POD, uid }, nothing, never));
    clock.after(100, () => watch.say(event('DELETED', podWith('u'))));
    await clock.run(first ?? nothing());
    expect(state.watchSignal?.aborted).toBe(false);
    clock.after(100, () => watch.say(event('DELETED', podWith('v'))));
    await clock.run(second ?? nothing());
    expect(state.watchSignal?.aborted).toBe(true);
    expect(watches).toHaveLength(1);
  });
});
