import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ContainerEvent, ContainerSource } from '../../../src/core/container-source';
import { systemClock } from '../../../src/lib/clock';
import { watch } from '../../../src/recorder/watch';

/** What one connection tells, before it breaks. */
type Connection = readonly ContainerEvent[] | 'refused' | 'hangs';

const happening = (kind: ContainerEvent['kind'], at: number): ContainerEvent => ({
  kind,
  at,
  container: { provider: 'docker', kind: 'container', id: 'a', name: 'a', state: kind, running: false, labels: {} },
});

let told: string[];
let asked: { readonly since: number; readonly at: number }[];
let broken: string[];
let end: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  [told, asked, broken, end] = [[], [], [], new AbortController()];
});
afterEach(() => vi.useRealTimers());

/** Watches a provider whose connections come one after the other; the last one stays. */
async function watched(connections: readonly Connection[], ms = 60_000): Promise<void> {
  let next = 0;
  const source: Pick<ContainerSource, 'watch'> = {
    async watch(since, signal) {
      asked.push({ since, at: performance.now() });
      const connection = connections[next];
      next += 1;
      if (connection === 'refused') throw new Error('refused');
      if (connection === 'hangs') return aborted(signal);
      return stream(connection ?? [], connection === undefined, signal);
    },
  };
  const watching = watch(1_000, {
    source: source as ContainerSource,
    clock: systemClock,
    signal: end.signal,
    onEvent: ({ kind, at }) => told.push(`${kind} ${at}`),
    onListening: () => told.push('listening'),
    onBroken: ({ message }) => broken.push(message),
  });
  await vi.advanceTimersByTimeAsync(ms);
  end.abort();
  await watching;
}

async function* stream(
  happenings: readonly ContainerEvent[],
  stays: boolean,
  signal: AbortSignal,
): AsyncGenerator<ContainerEvent> {
  yield* happenings;
  if (stays) await aborted(signal);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

describe('a stream that breaks', () => {
  it('is opened again where it left off', async () => {
    await watched([[happening('created', 1_010), happening('started', 1_020)]]);
    expect(asked.map(({ since }) => since)).toEqual([1_000, 1_020]);
  });

  it('says again what it said last, and it is told once', async () => {
    const started = happening('started', 1_020.5);
    await watched([
      [happening('created', 1_020.25), started],
      [happening('created', 1_020.25), started, happening('died', 1_030)],
    ]);
    expect(told).toEqual(['listening', 'created 1020.25', 'started 1020.5', 'listening', 'died 1030', 'listening']);
  });

  it('is told to have broken, each time', async () => {
    await watched(['refused', []]);
    expect(broken).toEqual(['the stream of events broke: refused', 'the provider ended the stream of its events']);
  });
});

describe('a provider that can’t be reached', () => {
  it('is asked less and less often, and at least every five seconds', async () => {
    await watched(Array.from({ length: 12 }, () => 'refused' as const));
    const waits = asked.slice(1).map(({ at }, index) => at - (asked[index]?.at ?? 0));
    expect(waits[0]).toBeLessThanOrEqual(250);
    expect(Math.max(...waits)).toBe(5_000);
  });

  it('that takes the request and says nothing is asked again', async () => {
    await watched(['hangs', [happening('died', 1_030)]]);
    expect(told).toContain('died 1030');
  });
});

describe('the end', () => {
  it('comes at once, whatever the provider does, and is no trouble', async () => {
    await watched(['hangs'], 10);
    expect(broken).toEqual([]);
  });
});
