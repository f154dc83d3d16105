import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../../src/cli/exit';
import {
  excludeLive,
  type FilterContext,
  type FilterOptions,
  isSelecting,
  readFilters,
  selectorOf,
  selectsAllSessions,
} from '../../../../src/cli/options/filters';
import { labels } from '../../../../src/core/labels';
import type { Resource } from '../../../../src/core/resource';
import { LIVE, livenessOf } from '../../../support/session/liveness';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;

const here: FilterContext = {
  sessionId: 'cli-me.1a2b3c4d.aaaaaaaa',
  liveness: livenessOf('cli-me.1a2b3c4d.aaaaaaaa'),
  areLeasesKept: true,
  config: { labels: undefined, namePrefixes: undefined, maxAge: 24 * HOUR, maxAgeFailed: undefined },
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

function selects(options: FilterOptions, what: Resource, where: Partial<FilterContext> = {}): boolean {
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
    expect(
      selects({ stale: true }, resource({}, `${runner}.bbbbbbbb`), {
        liveness: livenessOf(here.sessionId, { [`${runner}.bbbbbbbb`]: LIVE }),
      }),
    ).toBe(false);
  });

  it('leaves out another runner’s while it is young', () => {
    expect(selects({ stale: true }, resource({}, 'gh-1-1.ffffffff.bbbbbbbb'))).toBe(false);
  });

  it('means what is older than max-age, whosever it is', () => {
    expect(selects({ stale: true }, resource({ createdAt: NOW - 25 * HOUR }, 'gitlab-1'))).toBe(true);
  });

  it('means what is old and owned by its name', () => {
    const config = { ...here.config, namePrefixes: ['task-'] };
    expect(selects({ stale: true }, resource({ createdAt: NOW - 25 * HOUR }), { config })).toBe(true);
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
  const known = { ...here, liveness: livenessOf(here.sessionId, { live: LIVE }) };
  const unknown = { ...here, areLeasesKept: false };
  const mine = 'cli-me.1a2b3c4d.bbbbbbbb';

  it('keeps what it has', () => {
    expect(excludeLive(readFilters({ olderThan: ['1s'] }), known)(resource({}, 'live'))).toBe(false);
  });

  it('does not keep it from who names its session', () => {
    expect(excludeLive(readFilters({ session: ['live'] }), known)(resource({}, 'live'))).toBe(true);
  });

  it('does not keep it from who wants everything', () => {
    expect(excludeLive(readFilters({ all: true }), known)(resource({}, 'live'))).toBe(true);
  });

  it('may be any session where runs are not known', () => {
    expect(excludeLive(readFilters({ stale: true }), unknown)(resource({}, mine))).toBe(false);
  });

  it('may be a session that was named by hand where runs are not known', () => {
    expect(excludeLive(readFilters({ label: ['a'] }), unknown)(resource({}, 'gitlab-7'))).toBe(false);
  });

  it('is over at --max-age where runs are not known', () => {
    expect(excludeLive(readFilters({ stale: true }), unknown)(resource({ createdAt: NOW - 25 * HOUR }, mine))).toBe(true);
  });
});

it.each<FilterOptions>([{ kind: ['volume'] }, { provider: ['docker'] }])('%j alone selects nothing', (options) => {
  expect(isSelecting(readFilters(options))).toBe(false);
});

it.each<FilterOptions>([
  { all: true },
  { status: ['exited'] },
  { olderThan: ['0'] },
  { olderThan: ['0.0001s'], kind: ['volume'] },
  { olderThan: ['24h', '1s'] },
  { all: true, session: ['a'] },
])('%j selects the resources of all sessions', (options) => {
  expect(selectsAllSessions(readFilters(options))).toBe(true);
});

it.each<FilterOptions>([
  { stale: true },
  { olderThan: ['1m'] },
  { olderThan: ['24h'], status: ['exited'] },
  { session: ['a'], olderThan: ['0'] },
  { label: ['a'], status: ['exited'] },
  { namePrefix: ['a'] },
])('%j says whose resources are meant, or how old they are', (options) => {
  expect(selectsAllSessions(readFilters(options))).toBe(false);
});

it.each<FilterOptions>([
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

it.each([{ label: ['a=*'] }, { label: ['*'] }, { namePrefix: ['*'] }])(
  '%j is a usage error: it could match everything',
  (options) => {
    expect(() => readFilters(options)).toThrow(UsageError);
  },
);

it.each(['label', 'namePrefix', 'session', 'status'])('an empty %s is a usage error: a script’s variable was not set', (name) => {
  expect(() => readFilters({ [name]: [' '] })).toThrow(/is empty, which could match everything/);
});
