import { beforeEach, describe, expect, it } from 'vitest';
import type { ContainerEvent, ContainerStatus } from '../../../src/core/container-source';
import type { Resource } from '../../../src/core/resource';
import { ContainerTracker, type Transition } from '../../../src/recorder/container-tracker';

const container: Resource = {
  provider: 'docker',
  kind: 'container',
  id: 'a',
  name: 'task-1',
  state: 'created',
  running: false,
  labels: {},
};

/** The recording begins at 1000. */
let tracker: ContainerTracker;
beforeEach(() => {
  tracker = new ContainerTracker(1_000);
});

const heard = (kind: ContainerEvent['kind'], at: number, more: Partial<ContainerEvent> = {}) =>
  tracker.onEvent({ kind, at, container, ...more });

const seen = (life: Partial<ContainerStatus>, now: number) =>
  tracker.onInspect({ container, phase: 'running', oomKilled: false, autoRemove: false, ...life }, now);

const ends = (...news: readonly (readonly Transition[])[]) =>
  news.flat().flatMap((each) => (each.kind === 'ended' ? [each.end] : []));

describe('a container that is heard of from its creation to its end', () => {
  it('appears, starts and ends, each once', () => {
    const news = [heard('created', 1_010), heard('started', 1_020), heard('died', 1_050, { exitCode: 3 })].flat();
    expect(news.map(({ kind }) => kind)).toEqual(['appeared', 'started', 'ended']);
  });

  it('ends with its exit code, when it did, and after how long', () => {
    heard('started', 1_020);
    expect(ends(heard('died', 1_050, { exitCode: 3 }))).toEqual([
      { container, exitCode: 3, oomKilled: false, asked: false, at: 1_050, livedMs: 30 },
    ]);
  });

  it('ends once, though it is removed afterwards', () => {
    heard('started', 1_020);
    expect(ends(heard('died', 1_050), heard('removed', 1_060))).toHaveLength(1);
  });

  it('ends again when it was started again', () => {
    heard('started', 1_020);
    heard('died', 1_050, { exitCode: 1 });
    heard('started', 1_100);
    expect(ends(heard('died', 1_150, { exitCode: 2 }))).toMatchObject([{ exitCode: 2, livedMs: 50 }]);
  });

  it('has the name that it has at its end', () => {
    heard('started', 1_020);
    expect(ends(heard('died', 1_050, { container: { ...container, name: 'renamed' } }))).toMatchObject([
      { container: { name: 'renamed' } },
    ]);
  });

  it('was out of memory if that was told of this run', () => {
    heard('started', 1_020);
    heard('oom', 1_030);
    expect(ends(heard('died', 1_050, { exitCode: 137 }))).toMatchObject([{ oomKilled: true }]);
    heard('started', 1_100);
    expect(ends(heard('died', 1_150, { exitCode: 137 }))).toMatchObject([{ oomKilled: false }]);
  });
});

describe('what is told twice', () => {
  it('is no news the second time', () => {
    const all = () => [heard('created', 1_010), heard('started', 1_020), heard('died', 1_050, { exitCode: 3 })].flat();
    all();
    expect(all()).toEqual([]);
  });

  it('is no news when it is all over', () => {
    const all = () => [heard('created', 1_010), heard('started', 1_020), heard('died', 1_050), heard('removed', 1_060)].flat();
    all();
    expect(all()).toEqual([]);
  });

  it('is no news when a look has found it before: its start, though told after its end', () => {
    heard('created', 1_010);
    seen({ phase: 'ended', startedAt: 1_020, endedAt: 1_019, exitCode: 3 }, 1_030);
    expect(ends(heard('started', 1_021), heard('died', 1_025, { exitCode: 3 }))).toEqual([]);
  });
});

describe('what was missed', () => {
  it('is an end when a look finds it', () => {
    heard('started', 1_020);
    expect(ends(seen({ phase: 'ended', startedAt: 1_019, endedAt: 1_500, exitCode: 137, oomKilled: true }, 2_000))).toMatchObject(
      [{ exitCode: 137, oomKilled: true, at: 1_500, livedMs: 481 }],
    );
  });

  it('is an end of which nobody told how, when the container is gone', () => {
    heard('started', 1_020);
    expect(ends(tracker.vanished(container, 2_000))).toMatchObject([{ exitCode: null, at: 2_000 }]);
  });

  it('is an end of which nobody told how, when it runs again', () => {
    heard('started', 1_020);
    const news = seen({ phase: 'running', startedAt: 1_600, endedAt: 1_500 }, 2_000);
    expect(ends(news)).toMatchObject([{ exitCode: null, at: 1_500 }]);
    expect(news.at(-1)?.kind).toBe('started');
  });

  it('is a second end when it was started and ended again', () => {
    heard('started', 1_020);
    heard('died', 1_050, { exitCode: 1 });
    expect(ends(seen({ phase: 'ended', startedAt: 1_200, endedAt: 1_300, exitCode: 2 }, 2_000))).toMatchObject([{ exitCode: 2 }]);
  });

  it('is nothing where it had ended before the recording began', () => {
    tracker.onListed(container);
    expect(seen({ phase: 'ended', startedAt: 100, endedAt: 900, exitCode: 3 }, 2_000)).toEqual([]);
  });

  it('was asked for where the look says so', () => {
    heard('started', 1_020);
    const status = { phase: 'ended', startedAt: 1_019, endedAt: 1_050, askedAt: 1_040, exitCode: 143 } as const;
    expect(ends(seen(status, 1_100))).toMatchObject([{ exitCode: 143, asked: true }]);
  });

  it('is nothing where a look is older than what was heard since', () => {
    heard('started', 1_020);
    heard('died', 1_050, { exitCode: 3 });
    expect(seen({ phase: 'running', startedAt: 1_019 }, 1_040)).toEqual([]);
  });
});

describe('a container that never runs', () => {
  it('has ended when its start has failed', () => {
    heard('created', 1_010);
    expect(ends(seen({ phase: 'never started', exitCode: 127, error: 'no such file' }, 1_500))).toMatchObject([
      { exitCode: 127, livedMs: null, neverStarted: 'no such file' },
    ]);
  });

  it('has ended when an event says so, with why', () => {
    heard('created', 1_010);
    expect(ends(heard('died', 1_500, { exitCode: 128, error: 'no such file' }))).toMatchObject([
      { exitCode: 128, at: 1_500, livedMs: null, neverStarted: 'no such file' },
    ]);
  });

  it('had ended before, at the time that a look tells', () => {
    expect(ends(seen({ phase: 'never started', exitCode: 128, endedAt: 900, error: 'no such file' }, 1_500))).toEqual([]);
  });

  it('has ended when it removes itself without having run', () => {
    heard('created', 1_010);
    seen({ phase: 'waiting', autoRemove: true }, 1_011);
    expect(ends(heard('removed', 1_300))).toMatchObject([{ exitCode: null, neverStarted: expect.any(String) }]);
  });

  it('has not ended when somebody removes it: it may have been made for its files', () => {
    heard('created', 1_010);
    seen({ phase: 'waiting' }, 1_011);
    expect(heard('removed', 1_300)).toEqual([]);
  });
});

describe('what is there', () => {
  it('is alive until it ends', () => {
    heard('started', 1_020);
    expect(tracker.alive).toEqual([container]);
    heard('died', 1_050);
    expect(tracker.alive).toEqual([]);
  });

  it('has another revision after each start and each end', () => {
    heard('created', 1_010);
    const created = tracker.revisionOf(container);
    heard('started', 1_020);
    const started = tracker.revisionOf(container);
    heard('died', 1_050);
    expect(new Set([created, started, tracker.revisionOf(container)]).size).toBe(3);
  });
});
