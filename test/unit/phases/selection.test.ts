import { describe, expect, it } from 'vitest';
import { parseConfig, type RawSettings } from '../../../src/config/config';
import { labels } from '../../../src/core/labels';
import { keyOf, type Resource } from '../../../src/core/resource';
import { selectAfter, selectBefore } from '../../../src/phases/selection';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;
const OURS = 'gh-2-1.aaaaaaaa.11111111';
const LEFTOVER = 'gh-1-1.aaaaaaaa.22222222';
const OTHERS = 'gh-3-1.bbbbbbbb.33333333';

const config = (raw: RawSettings) => parseConfig(raw, {});

const resource = (id: string, more: Partial<Resource> & { readonly session?: string } = {}): Resource => {
  const { session, ...rest } = more;
  const base = {
    provider: 'docker',
    kind: 'container',
    id,
    name: id,
    state: 'running',
    running: true,
    createdAt: NOW - HOUR,
  } as const;
  return { ...base, labels: session ? { [labels.session]: session } : {}, ...rest };
};

const chosen = (raw: RawSettings, resources: readonly Resource[]) => {
  const { selector, choose = (all) => all } = selectBefore(config(raw), OURS, new Set(), NOW);
  return choose(resources.filter(selector)).map(({ id }) => id);
};

describe('before the benchmark, with max-containers', () => {
  it('leftovers go first, and then what is too many', () => {
    const resources = [
      resource('leftover', { session: LEFTOVER }),
      resource('stopped', { session: OTHERS, state: 'exited', running: false }),
      resource('stopped, too', { session: OTHERS, state: 'exited', running: false, createdAt: NOW - HOUR / 2 }),
    ];
    expect(chosen({ maxContainers: '1' }, resources)).toEqual(['leftover', 'stopped']);
  });

  it('what may be running in another runner’s live session stays', () => {
    expect(chosen({ maxContainers: '0' }, [resource('live', { session: OTHERS })])).toEqual([]);
  });

  it('what the filters match goes, running or not', () => {
    expect(chosen({ maxContainers: '0', namePrefixes: 'bench-' }, [resource('bench-1'), resource('other')])).toEqual(['bench-1']);
  });

  it('what is protected stays', () => {
    const kept = resource('kept', { session: OTHERS, running: false, protection: 'it is ours' });
    expect(chosen({ maxContainers: '0' }, [kept])).toEqual([]);
  });

  it('only leftovers go when there are no more than allowed', () => {
    expect(chosen({ maxContainers: '9' }, [resource('a', { session: LEFTOVER }), resource('b', { session: OTHERS })])).toEqual([
      'a',
    ]);
  });
});

describe('before the benchmark, with max-sandboxes', () => {
  const sandbox = (id: string) => resource(id, { kind: 'sandbox', provider: 'daytona', session: OTHERS, running: false });

  it('sandboxes that are too many go, and containers stay', () => {
    expect(
      chosen({ maxSandboxes: '1' }, [sandbox('a'), sandbox('b'), resource('c', { session: OTHERS, running: false })]),
    ).toEqual(['a']);
  });

  it('and max-containers, each kind has its own measure', () => {
    const resources = [sandbox('a'), sandbox('b'), resource('c', { session: OTHERS, running: false })];
    expect(chosen({ maxSandboxes: '2', maxContainers: '0' }, resources)).toEqual(['c']);
  });
});

it('a live session’s resources stay', () => {
  const { selector } = selectBefore(config({ preCleanup: 'all' }), OURS, new Set([LEFTOVER]), NOW);
  expect([selector(resource('a', { session: LEFTOVER })), selector(resource('b', { session: OTHERS }))]).toEqual([false, true]);
});

describe('after the benchmark, with scope job', () => {
  const was = resource('was there before');
  const before = { startedAt: NOW, keys: [keyOf(was)] };
  const selects = (candidate: Resource, raw: RawSettings = { scope: 'job' }, seen: typeof before | undefined = before) =>
    selectAfter(config(raw), OURS, seen).selector(candidate);
  const fresh = { createdAt: NOW + 1_000 };

  it.each<[string, boolean, Resource]>([
    ['what came since main’s start', true, resource('new', fresh)],
    ['what came in the second of main’s start', true, resource('new', { createdAt: NOW })],
    ['what the session’s label is on', true, resource('ours', { session: OURS })],
    ['what was there before', false, { ...was, ...fresh }],
    ['what is older, though it was not on the list', false, resource('old')],
    ['a sandbox that came since, in an organization of many', false, resource('new', { ...fresh, kind: 'sandbox' })],
    ['a sandbox that the session’s label is on', true, resource('ours', { kind: 'sandbox', session: OURS })],
    ['what another session owns', false, resource('theirs', { ...fresh, session: OTHERS })],
  ])('%s: %s', (_, expected, candidate) => {
    expect(selects(candidate)).toBe(expected);
  });

  it('without a list of what was there before, only the session’s own is removed', () => {
    expect(selectAfter(config({ scope: 'job' }), OURS, undefined).selector(resource('new', fresh))).toBe(false);
  });

  it('with scope session, what is new is nobody’s', () => {
    expect(selects(resource('new', fresh), {})).toBe(false);
  });
});
