import { describe, expect, it } from 'vitest';
import { excludeLive, type FilterContext, isSelecting, readFilters, selectorOf } from '../../../../src/cli/options/filters';
import { UsageError } from '../../../../src/cli/options/usage-error';
import { labels } from '../../../../src/core/labels';
import type { Resource } from '../../../../src/core/resource';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;

const here: FilterContext = {
  sessionId: 'cli-me.1a2b3c4d.aaaaaaaa',
  live: new Set(),
  owned: { labels: [], namePrefixes: [] },
  maxAgeMs: 24 * HOUR,
  now: NOW,
};

function resource(own: Partial<Resource> = {}, session?: string): Resource {
  const { labels: more, ...rest } = own;
  return {
    provider: 'docker',
    kind: 'container',
    id: 'c1',
    name: 'task-1',
    state: 'running',
    running: true,
    createdAt: NOW - HOUR,
    ...rest,
    labels: { ...(session === undefined ? {} : { [labels.session]: session }), ...more },
  };
}

function selects(options: Readonly<Record<string, unknown>>, what: Resource, where: Partial<FilterContext> = {}): boolean {
  return selectorOf(readFilters(options), { ...here, ...where })(what);
}

describe('without labels or names', () => {
  it('only what carries a session’s label is meant', () => {
    expect(selects({ status: ['exited'] }, resource({ state: 'exited' }))).toBe(false);
  });

  it('whichever session that is', () => {
    expect(selects({ status: ['exited'] }, resource({ state: 'exited' }, 'anybodys'))).toBe(true);
  });
});

describe('labels', () => {
  it('mean what carries them, with or without a session', () => {
    expect(selects({ label: ['team=a'] }, resource({ labels: { team: 'a' } }))).toBe(true);
  });

  it('joined by commas must all match', () => {
    expect(selects({ label: ['team=a,suite=x'] }, resource({ labels: { team: 'a' } }))).toBe(false);
  });

  it('and names must both match', () => {
    expect(selects({ label: ['team=a'], namePrefix: ['other-'] }, resource({ labels: { team: 'a' } }))).toBe(false);
  });
});

describe('--older-than', () => {
  it('leaves out what is younger', () => {
    expect(selects({ olderThan: ['2h'] }, resource({}, 's'))).toBe(false);
  });

  it('takes the least of several, as one is enough', () => {
    expect(selects({ olderThan: ['2h', '30m'] }, resource({}, 's'))).toBe(true);
  });

  it('leaves out what has no age', () => {
    const { createdAt: _, ...ageless } = resource({}, 's');
    expect(selects({ olderThan: ['1s'] }, ageless)).toBe(false);
  });

  it('that can’t be read is a usage error', () => {
    expect(() => readFilters({ olderThan: ['yesterday'] })).toThrow(UsageError);
  });
});

describe('--stale', () => {
  const runner = 'cli-me.1a2b3c4d';

  it('means what other sessions of this runner left', () => {
    expect(selects({ stale: true }, resource({}, `${runner}.bbbbbbbb`))).toBe(true);
  });

  it('leaves out a session that is live', () => {
    expect(selects({ stale: true }, resource({}, `${runner}.bbbbbbbb`), { live: new Set([`${runner}.bbbbbbbb`]) })).toBe(false);
  });

  it('leaves out another runner’s while it is young', () => {
    expect(selects({ stale: true }, resource({}, 'gh-1-1.ffffffff.bbbbbbbb'))).toBe(false);
  });

  it('means what is older than max-age, whosever it is', () => {
    expect(selects({ stale: true }, resource({ createdAt: NOW - 25 * HOUR }, 'gitlab-1'))).toBe(true);
  });

  it('means what is old and owned by its name', () => {
    const owned = { labels: [], namePrefixes: ['task-'] };
    expect(selects({ stale: true }, resource({ createdAt: NOW - 25 * HOUR }), { owned })).toBe(true);
  });

  it('and labels must both hold', () => {
    expect(selects({ stale: true, label: ['team=a'] }, resource({}, `${runner}.bbbbbbbb`))).toBe(false);
  });
});

describe('--provider', () => {
  it('means each engine, where there are several', () => {
    expect(selects({ all: true, provider: ['docker'] }, resource({ provider: 'docker (tcp://a:2375)' }, 's'))).toBe(true);
  });

  it('leaves out the other one', () => {
    expect(selects({ all: true, provider: ['daytona'] }, resource({}, 's'))).toBe(false);
  });
});

describe('a run in progress', () => {
  const isLive = (id: string) => id === 'live';

  it('keeps what it has', () => {
    expect(excludeLive(readFilters({ olderThan: ['1s'] }), isLive)(resource({}, 'live'))).toBe(false);
  });

  it('does not keep it from who names its session', () => {
    expect(excludeLive(readFilters({ session: ['live'] }), isLive)(resource({}, 'live'))).toBe(true);
  });

  it('does not keep it from who wants everything', () => {
    expect(excludeLive(readFilters({ all: true }), isLive)(resource({}, 'live'))).toBe(true);
  });
});

it.each([['kind'], ['provider']])('--%s alone selects nothing', (name) => {
  expect(isSelecting(readFilters({ [name]: [name === 'kind' ? 'volume' : 'docker'] }))).toBe(false);
});

it.each([
  { all: true },
  { stale: true },
  { label: ['a'] },
  { namePrefix: ['a'] },
  { session: ['a'] },
  { olderThan: ['0s'] },
  { status: ['exited'] },
])('%j selects', (options) => {
  expect(isSelecting(readFilters(options))).toBe(true);
});

it.each(['label', 'namePrefix', 'session', 'status'])('an empty %s is a usage error: a script’s variable was not set', (name) => {
  expect(() => readFilters({ [name]: [' '] })).toThrow(/is empty, which could match everything/);
});
