import { describe, expect, it } from 'vitest';
import { labels } from '../../../src/core/labels';
import type { Resource } from '../../../src/core/resource';
import {
  allOf,
  anyOf,
  type Filters,
  inStates,
  leftoversOf,
  matchesFilters,
  ofAnySession,
  ofSession,
  olderThan,
  ownedBy,
  type PreCleanup,
  protectionOf,
  type Selector,
} from '../../../src/core/selector';

const MINE = 'gh-1-1.aaaaaaaa.nonce001';
const SAME_RUNNER = 'gh-2-1.aaaaaaaa.nonce002';
const OTHER_RUNNER = 'gh-3-1.bbbbbbbb.nonce003';
const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2030, 0, 1);

const byLabel = (...lines: Filters['labels']): Filters => ({ labels: lines, namePrefixes: [] });
const byName = (...namePrefixes: string[]): Filters => ({ labels: [], namePrefixes });
const nothing = byLabel();

function resource(changes: Partial<Resource> = {}): Resource {
  const known = { provider: 'fake', kind: 'container', id: 'a', name: 'task-1', state: 'running', running: true } as const;
  return { ...known, labels: {}, createdAt: NOW - HOUR_MS, ...changes };
}

const of = (session: string, changes: Partial<Resource> = {}) =>
  resource({ ...changes, labels: { ...changes.labels, [labels.session]: session } });

describe('filters', () => {
  const bench = { team: 'eval', tier: 'gpu' };
  it.each<[string, boolean, Filters]>([
    ['a label’s key alone', true, byLabel([{ key: 'team' }])],
    ['a key that is not there', false, byLabel([{ key: 'other' }])],
    ['a key that every object has', false, byLabel([{ key: 'toString' }])],
    ['key and value', true, byLabel([{ key: 'team', value: 'eval' }])],
    ['another value', false, byLabel([{ key: 'team', value: 'evals' }])],
    ['an empty value', false, byLabel([{ key: 'team', value: '' }])],
    ['all of a line', true, byLabel([{ key: 'team' }, { key: 'tier', value: 'gpu' }])],
    ['some of a line', false, byLabel([{ key: 'team' }, { key: 'tier', value: 'cpu' }])],
    ['one line of two', true, byLabel([{ key: 'other' }], [{ key: 'team' }])],
    ['an empty line', false, byLabel([])],
    ['the beginning of the name', true, byName('task-')],
    ['the middle of the name', false, byName('ask')],
    ['one prefix of two', true, byName('other', 'task')],
    ['an empty prefix', false, byName('')],
    ['a name prefix beside a label that is not there', true, { labels: [[{ key: 'other' }]], namePrefixes: ['task'] }],
    ['nothing at all', false, nothing],
  ])('by %s: %s', (_, matches, filters) => {
    expect(matchesFilters(resource({ labels: bench }), filters)).toBe(matches);
  });
});

describe('a session owns', () => {
  it.each<[string, boolean, Resource, Filters]>([
    ['what carries its label', true, of(MINE), nothing],
    ['what matches a filter', true, resource(), byName('task')],
    ['not what carries no label and matches nothing', false, resource(), nothing],
    ['not what carries another session’s label', false, of(OTHER_RUNNER), nothing],
    ['not what carries another session’s label, even if a filter matches', false, of(OTHER_RUNNER), byName('task')],
  ])('%s', (_, owns, candidate, filters) => {
    expect(ownedBy(MINE, filters)(candidate)).toBe(owns);
  });
});

describe('an image is owned', () => {
  const image = (changes: Partial<Resource> = {}) => resource({ kind: 'image', state: 'present', running: false, ...changes });
  const stranger = resource({ name: 'stranger' });
  it.each<[string, boolean, Resource]>([
    ['when all that used it is owned', true, image({ name: 'tool', usedBy: [of(MINE), resource()] })],
    ['when it carries the session’s label, whoever used it', true, of(MINE, { kind: 'image', usedBy: [stranger] })],
    ['not when somebody else used it, too', false, image({ name: 'tool', usedBy: [of(MINE), stranger] })],
    ['not when another session used it, too', false, image({ name: 'tool', usedBy: [of(MINE), of(OTHER_RUNNER)] })],
    ['not when what used it is kept', false, image({ name: 'tool', usedBy: [of(MINE, { labels: { [labels.keep]: 'true' } })] })],
    ['not when what used it is protected', false, image({ name: 'tool', usedBy: [of(MINE, { protection: 'it is our own' })] })],
    ['not when nothing used it', false, image({ name: 'tool', usedBy: [] })],
    ['not when another session’s label says whose it is', false, of(OTHER_RUNNER, { kind: 'image', usedBy: [of(MINE)] })],
    ['not by its name', false, image({ name: 'task:latest' })],
  ])('%s', (_, owns, candidate) => {
    expect(ownedBy(MINE, byName('task'))(candidate)).toBe(owns);
  });

  it('when each of what used it is selected by one of several selectors', () => {
    const [a, b] = [resource({ id: 'a' }), resource({ id: 'b' })];
    const selector = anyOf(
      ({ id }) => id === 'a',
      ({ id }) => id === 'b',
    );
    expect(selector(image({ id: 'c', usedBy: [a, b] }))).toBe(true);
  });

  it('as a leftover when all that used it is a leftover', () => {
    const current = { sessionId: MINE, filters: nothing, maxAgeMs: 24 * HOUR_MS, now: NOW };
    const selector = leftoversOf('stale', current);
    expect(selector(image({ usedBy: [of(SAME_RUNNER)] }))).toBe(true);
    expect(selector(image({ usedBy: [of(SAME_RUNNER), of(MINE)] }))).toBe(false);
  });
});

describe('without a session id', () => {
  it('what matches a filter is owned', () => {
    expect(ownedBy(undefined, byName('task'))(resource())).toBe(true);
  });

  it('what carries any session’s label is not', () => {
    expect(ownedBy(undefined, byName('task'))(of(OTHER_RUNNER))).toBe(false);
  });
});

describe('leftovers', () => {
  const old = { createdAt: NOW - 25 * HOUR_MS };
  const stopped = { state: 'exited', running: false };
  const modes: readonly PreCleanup[] = ['none', 'stale', 'stopped', 'all'];

  it.each<[string, Resource, readonly PreCleanup[]]>([
    ['this runner’s other session left', of(SAME_RUNNER), ['stale', 'stopped', 'all']],
    ['another runner’s session runs', of(OTHER_RUNNER), ['all']],
    ['another runner’s session runs since yesterday', of(OTHER_RUNNER, old), ['stale', 'stopped', 'all']],
    ['another runner’s session stopped', of(OTHER_RUNNER, stopped), ['stopped', 'all']],
    [
      'another session’s volume is: it does not run, and may be in use',
      of(OTHER_RUNNER, { kind: 'volume', running: false }),
      ['all'],
    ],
    ['a filter matches', resource(), ['all']],
    ['a filter matches and that is old', resource(old), ['stale', 'stopped', 'all']],
    ['a filter matches and that is stopped', resource(stopped), ['stopped', 'all']],
    ['is of unknown age', of(OTHER_RUNNER, { createdAt: undefined } as unknown as Partial<Resource>), ['all']],
    ['is exactly as old as it may be', of(OTHER_RUNNER, { createdAt: NOW - 24 * HOUR_MS }), ['all']],
    ['carries a label that is no session id', of('aaaaaaaa'), ['all']],
    ['the current session owns', of(MINE, { ...old, ...stopped }), []],
    ['nobody gave us', resource({ ...old, ...stopped, name: 'stranger' }), []],
  ])('are what %s', (_, candidate, expected) => {
    const current = { sessionId: MINE, filters: byName('task'), maxAgeMs: 24 * HOUR_MS, now: NOW };
    expect(modes.filter((mode) => leftoversOf(mode, current)(candidate))).toEqual(expected);
  });

  it('of a session whose id has no runner are told by their age alone', () => {
    const current = { sessionId: 'odd', filters: nothing, maxAgeMs: 24 * HOUR_MS, now: NOW };
    const selector = leftoversOf('stale', current);
    expect([selector(of('stranger')), selector(of('stranger', old))]).toEqual([false, true]);
  });
});

describe('protection', () => {
  it.each<[string, string | undefined, Resource]>([
    ['none for an ordinary resource', undefined, resource()],
    ['by the keep label', `it carries ${labels.keep}=true`, resource({ labels: { [labels.keep]: 'true' } })],
    ['by the keep label in capitals', `it carries ${labels.keep}=true`, resource({ labels: { [labels.keep]: 'TRUE' } })],
    ['not by a keep label that says false', undefined, resource({ labels: { [labels.keep]: 'false' } })],
    ['by the provider', 'this process runs in it', resource({ protection: 'this process runs in it' })],
  ])('is given %s', (_, reason, candidate) => {
    expect(protectionOf(candidate)).toBe(reason);
  });
});

describe('what a person may ask for', () => {
  const old = resource({ createdAt: NOW - 2 * HOUR_MS });

  it.each<[string, boolean, Selector, Resource]>([
    ['older than an hour: two hours old', true, olderThan(HOUR_MS, NOW), old],
    ['older than an hour: an hour old', false, olderThan(HOUR_MS, NOW), resource()],
    ['older than an hour: of unknown age', false, olderThan(HOUR_MS, NOW), withoutAge()],
    ['in a state: that one', true, inStates(['exited', 'dead']), resource({ state: 'dead' })],
    ['in a state: another', false, inStates(['exited', 'dead']), resource()],
    ['of a session: its own', true, ofSession(MINE), of(MINE)],
    ['of a session: another’s', false, ofSession(MINE), of(SAME_RUNNER)],
    ['of any session: one', true, ofAnySession, of(OTHER_RUNNER)],
    ['of any session: none', false, ofAnySession, resource()],
    ['all of several: all', true, allOf(ofSession(MINE), inStates(['running'])), of(MINE)],
    ['all of several: one', false, allOf(ofSession(MINE), inStates(['exited'])), of(MINE)],
    ['any of several: one', true, anyOf(ofSession(MINE), inStates(['exited'])), of(MINE)],
    ['any of several: none', false, anyOf(ofSession(MINE), inStates(['exited'])), resource()],
  ])('%s', (_, expected, selector, candidate) => {
    expect(selector(candidate)).toBe(expected);
  });

  it('all of no conditions at all is refused: it would be everything', () => {
    expect(() => allOf()).toThrow(RangeError);
  });
});

function withoutAge(): Resource {
  const { createdAt: _, ...rest } = resource();
  return rest;
}
