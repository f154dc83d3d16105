import { describe, expect, it } from 'vitest';
import { labels } from '../../../src/core/labels';
import type { SessionState } from '../../../src/core/liveness';
import type { Resource } from '../../../src/core/resource';
import {
  allOf,
  type Baseline,
  createdSince,
  evidenceOf,
  type Filters,
  inStates,
  leftoverJudge,
  leftoversOf,
  matchesFilters,
  ofAnySession,
  ofSession,
  olderThan,
  olderThanAllowed,
  ownedBy,
  type PreCleanup,
  protectionOf,
  type Selector,
} from '../../../src/core/selector';
import { LIVE, livenessOf } from '../../support/session/liveness';

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

const image = (changes: Partial<Resource> = {}) =>
  resource({ kind: 'image', id: 'image', state: 'present', running: false, ...changes });

/** The session began now; nothing was there but these. */
const began = (...before: readonly Resource[]): Baseline => ({
  startedAt: NOW,
  had: ({ id }) => before.some((resource) => resource.id === id),
  hadTag: (_, tag) => before.some(({ tags = [] }) => tags.includes(tag)),
});
const fresh = { id: 'fresh', createdAt: NOW + 1_000 };

const context = (filters = nothing, known: Readonly<Record<string, SessionState>> = {}) => ({
  sessionId: MINE,
  liveness: livenessOf(MINE, known),
  filters,
  maxAgeMs: 24 * HOUR_MS,
  now: NOW,
});

describe('a container that Compose was about to make anew', () => {
  const compose = { 'com.docker.compose.project': 'task' };
  it.each([
    ['is known by the name that it was to have', true, '0123456789ab_task-main-1', compose],
    ['is another’s when that name is', false, '0123456789ab_prod-main-1', compose],
    ['is not one when Compose did not make it', false, '0123456789ab_task-main-1', {}],
    ['is not one when the id is none', false, 'staging_task-main-1', compose],
  ])('%s', (_, matches, name, own) => {
    expect(matchesFilters(resource({ name, labels: own }), byName('task-'))).toBe(matches);
  });
});

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
    ['a prefix with a wildcard', true, byName('t*k')],
    ['a prefix with a wildcard that does not match', false, byName('t*K')],
    ['a value with a wildcard', true, byLabel([{ key: 'team', value: 'e*l' }])],
    ['a value with a wildcard that does not match', false, byLabel([{ key: 'team', value: 'e*k' }])],
    ['a wildcard for a key that is not there', false, byLabel([{ key: 'other', value: 'e*' }])],
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

describe('a label that a container may have from its image', () => {
  const inherited = { inheritsSession: true } as const;

  it.each<[string, boolean, Resource, Filters]>([
    ['counts where the session made it', true, of(MINE, { ...inherited, ...fresh }), nothing],
    ['counts where the session made it, of unknown age', true, withoutAge(of(MINE, { ...inherited, id: 'fresh' })), nothing],
    ['does not count where it was there before', false, of(MINE, inherited), nothing],
    ['does not count where it is older than the session', false, of(MINE, { ...inherited, id: 'fresh' }), nothing],
    ['says nothing against a filter that matches', true, of(OTHER_RUNNER, { ...inherited, ...fresh }), byName('task')],
    ['says nothing by itself', false, of(OTHER_RUNNER, { ...inherited, ...fresh }), nothing],
  ])('%s', (_, owns, candidate, filters) => {
    expect(ownedBy(MINE, filters, began(resource()))(candidate)).toBe(owns);
  });

  it('counts for the session without a baseline: its id is its own', () => {
    expect(ownedBy(MINE, nothing)(of(MINE, inherited))).toBe(true);
  });

  it.each<[PreCleanup, Resource, string | undefined]>([
    ['stale', of(SAME_RUNNER, inherited), 'inherited-label'],
    ['stale', of(OTHER_RUNNER, { ...inherited, createdAt: NOW - 25 * HOUR_MS }), 'inherited-label'],
    ['all', of(OTHER_RUNNER, inherited), 'inherited-label'],
    ['stopped', of(OTHER_RUNNER, { ...inherited, running: false }), 'inherited-label'],
    // It would have stayed in any case.
    ['stale', of(OTHER_RUNNER, inherited), undefined],
    ['none', of(SAME_RUNNER, inherited), undefined],
  ])('condemns nothing in pre-cleanup: %s', (mode, candidate, expected) => {
    expect(leftoverJudge(mode, context())(candidate)).toBe(expected);
  });

  it('leaves a container to the filters in pre-cleanup', () => {
    const judge = leftoverJudge('stale', context(byName('task')));
    const old = { createdAt: NOW - 25 * HOUR_MS };
    expect([judge(of(SAME_RUNNER, inherited)), judge(of(SAME_RUNNER, { ...inherited, ...old }))]).toEqual(['age', 'goes']);
  });
});

describe('an image is owned', () => {
  const stranger = resource({ name: 'stranger' });
  it.each<[string, boolean, Resource]>([
    ['when all that used it is owned', true, image({ name: 'tool', usedBy: [of(MINE), resource()] })],
    ['when it carries the session’s label, whoever used it', true, of(MINE, { ...image(), usedBy: [stranger] })],
    ['not when another’s container used it, too', false, image({ name: 'tool', usedBy: [of(MINE), stranger] })],
    ['not when another session used it, too', false, image({ name: 'tool', usedBy: [of(MINE), of(OTHER_RUNNER)] })],
    ['not when what used it is kept', false, image({ name: 'tool', usedBy: [of(MINE, { labels: { [labels.keep]: 'true' } })] })],
    ['not when what used it is protected', false, image({ name: 'tool', usedBy: [of(MINE, { protection: 'it is our own' })] })],
    ['when it is new and nothing used it', true, image({ name: 'tool', usedBy: [] })],
    ['not when another session’s label says whose it is', false, of(OTHER_RUNNER, { ...image(), usedBy: [of(MINE)] })],
    ['not by its name', false, image({ name: 'task:latest', usedBy: [stranger] })],
    ['when it carries a label of the filters', true, image({ labels: { team: 'eval' } })],
  ])('%s', (_, owns, candidate) => {
    const filters = { labels: [[{ key: 'team' }]], namePrefixes: ['task'] };
    expect(ownedBy(MINE, filters, began())(candidate)).toBe(owns);
  });

  const used = image({ usedBy: [of(MINE)] });
  it.each<[string, Resource, Baseline | undefined]>([
    ['which was there before the job', used, began(used)],
    ['which was there before the job, though it has the session’s label', of(MINE, image()), began(image())],
    ['which was there before the job, though a filter matches', image({ labels: { team: 'eval' } }), began(image())],
    ['of which nothing says whether it was there', used, { startedAt: NOW, had: () => undefined, hadTag: () => undefined }],
    ['used by the session’s, where main left no list of what was there', used, undefined],
  ])('not one %s', (_, candidate, baseline) => {
    expect(ownedBy(MINE, byLabel([{ key: 'team' }]), baseline)(candidate)).toBe(false);
  });

  it('as a leftover by its age alone: its label may be its base image’s', () => {
    const judge = leftoverJudge('stale', context());
    const old = { createdAt: NOW - 25 * HOUR_MS };
    expect([
      judge(of(SAME_RUNNER, image())),
      judge(of(OTHER_RUNNER, { ...image(), ...old })),
      judge(of(OTHER_RUNNER, { ...image(), ...old, inheritsSession: true })),
      judge(withoutAge(of(SAME_RUNNER, image()))),
    ]).toEqual(['inherited-label', 'goes', 'inherited-label', 'inherited-label']);
  });

  it('never as a leftover because leftovers used it: it may have been there before them', () => {
    expect(leftoversOf('all', context())(image({ usedBy: [of(SAME_RUNNER)] }))).toBe(false);
  });
});

describe('with scope job', () => {
  const selects = (candidate: Resource, ...before: readonly Resource[]) => {
    const baseline = began(...before);
    return createdSince(ownedBy(MINE, nothing, baseline), baseline)(candidate);
  };
  const volume = (changes: Partial<Resource> = {}) => resource({ kind: 'volume', running: false, ...changes });

  it.each<[string, boolean, Resource, readonly Resource[]]>([
    ['a new anonymous volume goes', true, volume({ ...fresh, anonymous: true }), []],
    ['an anonymous volume of before stays', false, volume({ anonymous: true }), [volume()]],
    ['a new sandbox stays: others share the organization', false, resource({ kind: 'sandbox', ...fresh }), []],
    ['a new service goes', true, resource({ kind: 'service', ...fresh }), []],
    ['a new service of several machines stays', false, resource({ kind: 'service', shared: true, ...fresh }), []],
    ['a new image goes', true, image({ usedBy: [] }), []],
    ['a new image that another session’s container uses stays', false, image({ usedBy: [of(OTHER_RUNNER)] }), []],
    ['a new image that a container of before uses stays', false, image({ usedBy: [resource()] }), [resource()]],
    ['an image of before stays', false, image({ usedBy: [of(MINE)] }), [image()]],
    [
      'a container whose session’s label comes from its image goes',
      true,
      of(SAME_RUNNER, { ...fresh, inheritsSession: true }),
      [],
    ],
  ])('%s', (_, expected, candidate, before) => {
    expect(selects(candidate, ...before)).toBe(expected);
  });
});

describe('an anonymous volume', () => {
  const volume = (changes: Partial<Resource> = {}) =>
    resource({ kind: 'volume', running: false, anonymous: true, ...fresh, ...changes });
  const had = (session: string) => [of(session, { state: 'created' })];
  const noted = new Set(['fresh']);
  const none = new Set<string>();

  it.each<[string, boolean, Resource, ReadonlySet<string>, Baseline | undefined]>([
    ['goes where the session’s container had it', true, volume({ usedBy: had(MINE) }), none, began()],
    ['goes where it was noted', true, volume(), noted, began()],
    ['stays where nothing says who had it', false, volume(), none, began()],
    ['stays where another had it, too', false, volume({ usedBy: [...had(MINE), ...had(OTHER_RUNNER)] }), none, began()],
    ['stays where another had it, though it was noted', false, volume({ usedBy: [resource()] }), noted, began()],
    ['stays where it was there before', false, volume({ usedBy: had(MINE) }), noted, began(volume())],
    ['stays where it is older', false, volume({ usedBy: had(MINE), createdAt: NOW - HOUR_MS }), noted, began()],
    ['stays where main left no list', false, volume({ usedBy: had(MINE) }), noted, undefined],
  ])('%s', (_, goes, candidate, volumes, baseline) => {
    expect(ownedBy(MINE, nothing, baseline, volumes)(candidate)).toBe(goes);
  });

  it('is not matched by the name that the engine made up', () => {
    expect(matchesFilters(resource({ kind: 'volume', name: 'beef01', anonymous: true }), byName('beef'))).toBe(false);
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
    ['another runner’s session left idle, a sandbox', of(OTHER_RUNNER, { ...stopped, kind: 'sandbox' }), ['all']],
    ['a filter matches, an idle sandbox', resource({ ...stopped, kind: 'sandbox' }), ['all']],
    ['this runner left, a sandbox', of(SAME_RUNNER, { ...stopped, kind: 'sandbox' }), ['stale', 'stopped', 'all']],
    [
      'another runner left, an old sandbox',
      of(OTHER_RUNNER, { ...old, ...stopped, kind: 'sandbox' }),
      ['stale', 'stopped', 'all'],
    ],
    ['a filter matches (see below)', resource(), ['all']],
    ['a filter matches and that is old', resource(old), ['stale', 'stopped', 'all']],
    ['a filter matches and that is stopped', resource(stopped), ['stopped', 'all']],
    ['is of unknown age', of(OTHER_RUNNER, { createdAt: undefined } as unknown as Partial<Resource>), ['all']],
    ['is exactly as old as it may be', of(OTHER_RUNNER, { createdAt: NOW - 24 * HOUR_MS }), ['all']],
    ['carries a label that is no session id', of('aaaaaaaa'), ['all']],
    ['the current session owns', of(MINE, { ...old, ...stopped }), []],
    ['nobody gave us', resource({ ...old, ...stopped, name: 'stranger' }), []],
  ])('are what %s', (_, candidate, expected) => {
    const current = context(byName('task'));
    expect(modes.filter((mode) => leftoversOf(mode, current)(candidate))).toEqual(expected);
  });

  it('of a session whose id has no runner are reported by their age alone', () => {
    const selector = leftoversOf('stale', { ...context(), sessionId: 'odd', liveness: livenessOf('odd') });
    expect([selector(of('stranger')), selector(of('stranger', old))]).toEqual([false, true]);
  });
});

describe('what is known of its session decides first', () => {
  const OVER = { state: 'over', evidence: 'ci' } as const;
  const ended = { running: false, state: 'exited' };
  const old = { createdAt: NOW - 25 * HOUR_MS };

  it.each<PreCleanup>(['stale', 'stopped', 'all'])('nothing of a live session goes with %s, however old', (mode) => {
    const judge = leftoverJudge(mode, context(nothing, { [SAME_RUNNER]: LIVE }));
    expect([{}, old, { ...old, ...ended }].map((changes) => judge(of(SAME_RUNNER, changes)))).toEqual(Array(3).fill(undefined));
  });

  it('what a session left goes that is known to be over, whichever runner it was on', () => {
    expect(leftoverJudge('stale', context(nothing, { [OTHER_RUNNER]: OVER }))(of(OTHER_RUNNER))).toBe('goes');
  });

  it.each<[string | undefined, Resource]>([
    ['ci', of(OTHER_RUNNER, old)],
    ['runner', of(SAME_RUNNER)],
    ['age', of('gh-9-1.cccccccc.nonce009', old)],
    ['age', resource(old)],
    [undefined, of('gh-9-1.cccccccc.nonce009', ended)],
    [undefined, of(OTHER_RUNNER, { inheritsSession: true })],
  ])('the evidence is %s', (expected, candidate) => {
    expect(evidenceOf(candidate, context(nothing, { [OTHER_RUNNER]: OVER }))).toBe(expected);
  });
});

describe('with a maximum age of its own for what has failed or is stopped', () => {
  const isOld = olderThanAllowed({ ...context(), maxAgeFailedMs: 2 * HOUR_MS });
  const since = (ms: number) => ({ createdAt: NOW - ms });

  it.each<[boolean, string, Resource]>([
    [true, 'an exited container', resource({ state: 'exited', ...since(3 * HOUR_MS) })],
    [false, 'one that is younger', resource({ state: 'exited', ...since(HOUR_MS) })],
    [true, 'a failed sandbox', resource({ kind: 'sandbox', state: 'error', ...since(3 * HOUR_MS) })],
    [
      false,
      'a sandbox that stopped just now',
      resource({ kind: 'sandbox', state: 'stopped', ...since(30 * HOUR_MS), stateSince: NOW - 1 }),
    ],
    [false, 'what runs', resource(since(3 * HOUR_MS))],
    [true, 'what runs, and is older than all may be', resource(since(25 * HOUR_MS))],
    [false, 'what was only created', resource({ state: 'created', running: false, ...since(3 * HOUR_MS) })],
    [false, 'a volume', resource({ kind: 'volume', state: 'present', running: false, ...since(3 * HOUR_MS) })],
    [false, 'what is of unknown age', withoutAge(resource({ state: 'exited' }))],
  ])('%s for %s', (expected, _, candidate) => {
    expect(isOld(candidate)).toBe(expected);
  });
});

describe('what a filter matches and is not old enough', () => {
  it.each<[PreCleanup, Resource, string | undefined]>([
    ['stale', resource(), 'age'],
    ['stopped', resource(), 'age'],
    ['stopped', resource({ running: false }), 'goes'],
    ['stale', withoutAge(), 'age'],
    ['none', resource(), undefined],
    // Another session's label says whose it is: that session may be at work.
    ['stale', of(OTHER_RUNNER), undefined],
    ['stale', resource({ name: 'stranger' }), undefined],
  ])('is reported for with pre-cleanup %s', (mode, candidate, expected) => {
    expect(leftoverJudge(mode, context(byName('task')))(candidate)).toBe(expected);
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
  ])('%s', (_, expected, selector, candidate) => {
    expect(selector(candidate)).toBe(expected);
  });

  it('all of no conditions at all is refused: it would be everything', () => {
    expect(() => allOf()).toThrow(RangeError);
  });
});

function withoutAge(from = resource()): Resource {
  const { createdAt: _, ...rest } = from;
  return rest;
}

describe('build cache', () => {
  const record = (changes: Partial<Resource> = {}) =>
    resource({ kind: 'build-cache', id: 'record', name: 'task-1 of a build', running: false, ...changes });

  it('is the session’s where it is new, and known to be; its description is no name', () => {
    const selects = ownedBy(MINE, byName('task'), began(record({ id: 'old' })));
    expect([record(fresh), record({ ...fresh, id: 'old' }), record()].map(selects)).toEqual([true, false, false]);
    expect(ownedBy(MINE, byName('task'))(record(fresh))).toBe(false);
    expect(createdSince(selects, began())(record(fresh))).toBe(true);
  });

  it('is never a leftover', () => {
    for (const mode of ['stale', 'stopped', 'all'] as const) {
      expect(leftoverJudge(mode, context(byName('task')))(record({ createdAt: 0 }))).toBeUndefined();
    }
  });
});
