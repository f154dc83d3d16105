import { describe, expect, it } from 'vitest';
import { parseConfig, type RawSettings } from '../../../src/config/config';
import { labels } from '../../../src/core/labels';
import type { SessionState } from '../../../src/core/liveness';
import { keyOf, type Resource } from '../../../src/core/resource';
import type { Seen } from '../../../src/phases/others';
import { type Selection, selectAfter, selectBefore } from '../../../src/phases/selection';
import { baselineOf } from '../../../src/phases/snapshot';
import { LIVE, livenessOf, OF_THIS_JOB } from '../../support/session/liveness';

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

const chosen = (raw: RawSettings, resources: readonly Resource[], known: Readonly<Record<string, SessionState>> = {}) => {
  const { selector, choose = (all) => all } = selectBefore(config(raw), OURS, livenessOf(OURS, known), NOW);
  const seen = { listed: resources, leases: [], now: NOW };
  return choose(resources.filter(selector), seen).map(({ id }) => id);
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

  it('what live sessions of other jobs have counts and stays, running or not; what this job has does not count', () => {
    const live = { [OTHERS]: LIVE, [LEFTOVER]: OF_THIS_JOB };
    const resources = [
      resource('live', { session: OTHERS, running: false, createdAt: NOW - 2 * HOUR }),
      resource('unknown', { session: 'gh-4-1.cccccccc.44444444', running: false }),
      resource('ours', { session: LEFTOVER, running: false }),
    ];
    expect(chosen({ maxContainers: '1' }, resources, live)).toEqual(['unknown']);
    expect(chosen({ maxContainers: '2' }, resources, live)).toEqual([]);
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
  const { selector } = selectBefore(config({ preCleanup: 'all' }), OURS, livenessOf(OURS, { [LEFTOVER]: LIVE }), NOW);
  expect([selector(resource('a', { session: LEFTOVER })), selector(resource('b', { session: OTHERS }))]).toEqual([false, true]);
});

const KINDS = ['container', 'network', 'volume', 'image'] as const;

/** Main listed all kinds on the engine. */
const baseline = (...resources: readonly Resource[]) =>
  baselineOf({
    startedAt: NOW,
    listed: KINDS.map((kind) => `docker ${kind}`),
    resources: Object.fromEntries(
      resources.map((each) => [keyOf(each), each.kind === 'volume' ? (each.createdAt ?? null) : null]),
    ),
    tags: resources.flatMap(({ provider, tags = [] }) => tags.map((tag) => `${provider} ${tag}`)),
  });
const fresh = { createdAt: NOW + 1_000 };

describe('after the benchmark, with scope job', () => {
  const was = resource('was there before');
  const selects = (candidate: Resource, raw: RawSettings = { scope: 'job' }) =>
    selectAfter(config(raw), OURS, baseline(was)).selector(candidate);

  it.each<[string, boolean, Resource]>([
    ['what came since main’s start', true, resource('new', fresh)],
    ['what came in the second of main’s start', true, resource('new', { createdAt: NOW })],
    ['what the session’s label is on', true, resource('ours', { session: OURS })],
    ['what was there before', false, { ...was, ...fresh }],
    ['what is older, though it was not on the list', false, resource('old')],
    ['a sandbox that came since, in an organization of many', false, resource('new', { ...fresh, kind: 'sandbox' })],
    ['a sandbox that the session’s label is on', true, resource('ours', { kind: 'sandbox', session: OURS })],
    ['what another session owns', false, resource('theirs', { ...fresh, session: OTHERS })],
    ['what is on an engine that main did not see', false, resource('new', { ...fresh, provider: 'docker (ssh://b)' })],
  ])('%s: %s', (_, expected, candidate) => {
    expect(selects(candidate)).toBe(expected);
  });

  it('without a list of what was there before, only the session’s own is removed', () => {
    expect(selectAfter(config({ scope: 'job' }), OURS, undefined).selector(resource('new', fresh))).toBe(false);
  });

  it('with scope session, what is new has no owner', () => {
    expect(selects(resource('new', fresh), {})).toBe(false);
  });

  it('a volume is new when one of its name was there before, and was made at another time', () => {
    const before = resource('data', { kind: 'volume', createdAt: NOW - HOUR });
    const { selector } = selectAfter(config({ scope: 'job' }), OURS, baseline(before));
    expect([selector(before), selector({ ...before, ...fresh })]).toEqual([false, true]);
  });
});

describe('what has no owner after the benchmark', () => {
  const was = resource('was there before');
  const isUnowned = (candidate: Resource, raw: RawSettings = {}) =>
    selectAfter(config(raw), OURS, baseline(was)).unowned?.(candidate);

  it.each<[string, boolean, Resource, RawSettings]>([
    ['what is new', true, resource('new', fresh), {}],
    ['a new image', true, resource('new', { ...fresh, kind: 'image' }), {}],
    ['a new anonymous volume', true, resource('beef', { ...fresh, kind: 'volume', anonymous: true }), {}],
    ['not what was there before', false, was, {}],
    ['not what the session’s label is on', false, resource('ours', { ...fresh, session: OURS }), {}],
    ['not what another session’s label is on', false, resource('theirs', { ...fresh, session: OTHERS }), {}],
    ['what only its image gave a label', true, resource('new', { ...fresh, session: OTHERS, inheritsSession: true }), {}],
    ['not another session’s image', false, resource('theirs', { ...fresh, kind: 'image', session: OTHERS }), {}],
    ['not what a filter matches', false, resource('bench-1', fresh), { namePrefixes: 'bench-' }],
    ['what a filter does not match', true, resource('bensh-1', fresh), { namePrefixes: 'bench-' }],
    ['not what is protected', false, resource('new', { ...fresh, protection: 'it is the runner’s' }), {}],
    ['not a sandbox, which may be anyone’s', false, resource('new', { ...fresh, kind: 'sandbox' }), {}],
    ['not a layer of another image', false, resource('new', { ...fresh, kind: 'image', isLayer: true }), {}],
    ['the session’s own of a kind that is not cleaned', true, resource('ours', { kind: 'image', session: OURS }), {}],
    ['with scope job, nothing that it removes', false, resource('new', fresh), { scope: 'job' }],
    ['with scope job, images that are not cleaned', true, resource('new', { ...fresh, kind: 'image' }), { scope: 'job' }],
  ])('%s', (_, expected, candidate, raw) => {
    expect(isUnowned(candidate, raw)).toBe(expected);
  });

  it('is not known without a list of what was there before', () => {
    expect(selectAfter(config({}), OURS, undefined).unowned).toBeUndefined();
  });
});

describe('the Compose project of an owned container', () => {
  const of = (project: string, id: string, more: Parameters<typeof resource>[1] = {}) => {
    const made = resource(id, { createdAt: NOW + 1, ...more });
    const number = made.kind === 'container' ? { 'com.docker.compose.container-number': '1' } : {};
    return { ...made, labels: { ...made.labels, 'com.docker.compose.project': project, ...number } };
  };
  /** `docker run` of an image that Compose has built: its label is the container's, too. */
  const fromImageOf = (project: string, id: string, more: Parameters<typeof resource>[1] = {}) => {
    const made = resource(id, { createdAt: NOW + 1, ...more });
    return { ...made, labels: { ...made.labels, 'com.docker.compose.project': project } };
  };
  const owned = of('trial', 'owned', { session: OURS });
  const goWith = (others: readonly Resource[]) => {
    const { selector, choose = (all) => all } = selectAfter(config({}), OURS, baseline(resource('was there', { kind: 'image' })));
    const seen = { listed: [...others, owned], leases: [], now: NOW + HOUR };
    return choose(seen.listed.filter(selector), seen).map(({ id }) => id);
  };

  it.each<[string, boolean, Resource]>([
    ['a container', true, of('trial', 'other')],
    ['a network', true, of('trial', 'other', { kind: 'network' })],
    ['a volume', true, of('trial', 'other', { kind: 'volume' })],
    ['not an image of before', false, of('trial', 'was there', { kind: 'image' })],
    ['not what is older', false, of('trial', 'other', { createdAt: NOW - HOUR })],
    ['not what another session owns', false, of('trial', 'other', { session: OTHERS })],
    ['not another project', false, of('trial-2', 'other')],
    ['not the same name at another provider', false, { ...of('trial', 'other'), provider: 'docker (tcp://other)' }],
    ['not what has no project', false, resource('other', { createdAt: NOW + 1 })],
    ['not a container with the project’s label from its image', false, fromImageOf('trial', 'other')],
  ])('takes %s along', (_, goes, other) => {
    expect(goWith([other])).toEqual(goes ? ['other', 'owned'] : ['owned']);
  });

  it.each<[string, Resource]>([
    ['an older part', of('trial', 'older', { createdAt: NOW - HOUR })],
    ['an older volume', of('trial', 'older', { kind: 'volume', createdAt: NOW - HOUR })],
    ['a part of another session', of('trial', 'of others', { session: OTHERS })],
  ])('stays if the project has %s: someone may have deployed it anew', (_, part) => {
    expect(goWith([part, of('trial', 'other')])).toEqual(['owned']);
    expect(goWith([of('trial', 'other'), part])).toEqual(['owned']);
  });

  it('stays if all that is owned of it is a one-off container', () => {
    const oneOff = { ...owned, labels: { ...owned.labels, 'com.docker.compose.oneoff': 'True' } };
    const { selector, choose } = selectAfter(config({}), OURS, baseline());
    const listed = [oneOff, of('trial', 'other')];
    expect(choose?.(listed.filter(selector), { listed, leases: [], now: NOW })).toEqual([oneOff]);
  });

  it('stays if all that is owned of it is a container from its image', () => {
    const { selector, choose } = selectAfter(config({}), OURS, baseline());
    const fromImage = fromImageOf('trial', 'owned', { session: OURS });
    const listed = [fromImage, of('trial', 'other'), of('trial', 'network', { kind: 'network' })];
    expect(choose?.(listed.filter(selector), { listed, leases: [], now: NOW })).toEqual([fromImage]);
  });

  it('is remembered when the container has gone', () => {
    const { selector, choose } = selectAfter(config({}), OURS, baseline());
    const network = of('trial', 'network', { kind: 'network' });
    choose?.([owned], { listed: [owned], leases: [], now: NOW });
    expect(selector(network)).toBe(true);
  });

  it('takes nothing along where it is not known what was there before', () => {
    const { selector, choose } = selectAfter(config({}), OURS, undefined);
    choose?.([owned], { listed: [owned], leases: [], now: NOW });
    expect(selector(of('trial', 'other'))).toBe(false);
  });

  it('of a container that only matches a filter goes, too', () => {
    const { selector, choose } = selectAfter(config({ namePrefixes: 'bench-' }), OURS, baseline());
    const listed = [of('trial', 'bench-1'), of('trial', 'other')];
    expect(choose?.(listed.filter(selector), { listed, leases: [], now: NOW })).toHaveLength(2);
  });
});

describe('another live session on the same engine', () => {
  const lease = (session = OTHERS, namePrefix = 'bench-') => ({
    session,
    since: NOW,
    engines: [],
    filters: { labels: [], namePrefixes: [namePrefix] },
  });
  const post = selectAfter(config({ namePrefixes: 'bench-' }), OURS, baseline());
  const pre = (raw: RawSettings) =>
    selectBefore(config({ namePrefixes: 'bench-', maxAge: '1ms', ...raw }), OURS, livenessOf(OURS), NOW + HOUR);
  const goes = ({ selector, choose = (all) => all, spared = () => [] }: Selection, seen: Partial<Seen>, candidate: Resource) => {
    const all = { listed: [candidate], leases: [], now: NOW + HOUR, ...seen };
    const chosen = choose([candidate].filter(selector), all);
    return chosen.length > 0 ? 'goes' : (spared(all)[0]?.why ?? 'none of ours');
  };
  const theirs = resource('bench-1', { createdAt: NOW + 1 });

  it.each<[string, string, Selection, Partial<Seen>, Resource]>([
    ['post', 'live-session', post, { leases: [lease()] }, theirs],
    ['pre-cleanup', 'live-session', pre({}), { leases: [lease()] }, theirs],
    [
      'pre-cleanup of stopped ones',
      'live-session',
      pre({ preCleanup: 'stopped' }),
      { leases: [lease()] },
      { ...theirs, running: false },
    ],
    ['a quota', 'live-session', pre({ maxContainers: '0' }), { leases: [lease()] }, theirs],
    [
      'post, of unknown age',
      'live-session',
      post,
      { leases: [lease()] },
      { ...resource('bench-1'), createdAt: undefined } as unknown as Resource,
    ],
    ['post, of a network', 'live-session', post, { leases: [lease()] }, { ...theirs, kind: 'network' }],
    ['not pre-cleanup of all', 'goes', pre({ preCleanup: 'all' }), { leases: [lease()] }, theirs],
    ['not from post what is older than it', 'goes', post, { leases: [lease()] }, resource('bench-1', { createdAt: NOW - HOUR })],
    ['not from post what its filters do not match', 'goes', post, { leases: [lease(OTHERS, 'other-')] }, theirs],
    [
      'not from post what carries our label',
      'goes',
      post,
      { leases: [lease()] },
      resource('bench-1', { ...fresh, session: OURS }),
    ],
    ['not when it is of this runner: that one’s job is ours', 'goes', post, { leases: [lease(LEFTOVER)] }, theirs],
    ['not when it is ours', 'goes', post, { leases: [lease(OURS)] }, theirs],
  ])('spares from %s', (_, expected, selection, seen, candidate) => {
    expect(goes(selection, seen, candidate)).toBe(expected);
  });

  it('is seen by what carries its label and matches our filters, too', () => {
    const labelled = (changes: Partial<Resource>) => resource('bench-0', { createdAt: NOW, session: OTHERS, ...changes });
    const seenBy = (changes: Partial<Resource>) => goes(post, { listed: [theirs, labelled(changes)] }, theirs);
    expect([seenBy({}), seenBy({ running: false }), seenBy({ name: 'other' }), seenBy({ inheritsSession: true })]).toEqual([
      'live-session',
      'goes',
      'goes',
      'goes',
    ]);
  });

  it('keeps the image that it uses', () => {
    const both = config({ namePrefixes: 'bench-', resources: 'containers images' });
    const { selector, choose } = selectAfter(both, OURS, baseline());
    const image = resource('tool', { kind: 'image', usedBy: [theirs] });
    const seen = { listed: [theirs, image], leases: [lease()], now: NOW };
    expect([selector(image), choose?.([theirs, image], seen)]).toEqual([true, []]);
  });
});

describe('images after the benchmark', () => {
  const image = (id: string, more: Parameters<typeof resource>[1] = {}) =>
    resource(id, { kind: 'image', state: 'present', running: false, ...more });
  const both = (before: readonly Resource[], raw: RawSettings = {}) =>
    selectAfter(config({ resources: 'containers images', ...raw }), OURS, baseline(...before));
  const goneOf = (selection: Selection, listed: readonly Resource[], seen: Partial<Seen> = {}) => {
    const { selector, choose = (all) => all } = selection;
    return choose(listed.filter(selector), { listed, leases: [], now: NOW + HOUR, ...seen }).map(({ id }) => id);
  };
  const old = image('old', { tags: ['tool:1'] });
  const lease = { session: OTHERS, since: NOW, engines: [], filters: { labels: [], namePrefixes: [] } };

  it.each<[string, boolean, Resource]>([
    ['that nobody used goes', true, image('new', { tags: ['tool:2'], usedBy: [] })],
    ['without a name goes', true, image('new', { usedBy: [] })],
    ['that the session’s containers used goes', true, image('new', { usedBy: [resource('ours', { session: OURS })] })],
    ['that another’s container used stays', false, image('new', { usedBy: [resource('stranger')] })],
    ['with another session’s label stays', false, image('new', { session: OTHERS })],
    ['that took an older image’s name stays', false, image('new', { tags: ['tool:1'] })],
  ])('a new one %s', (_, goes, candidate) => {
    expect(goneOf(both([old]), [old, candidate])).toEqual(goes ? ['new'] : []);
  });

  it('go, with scope job, in the same way', () => {
    const listed = [old, image('new', { tags: ['tool:2'] }), image('moved', { tags: ['tool:1'] })];
    expect(goneOf(both([old], { scope: 'job' }), listed)).toEqual(['new']);
  });

  it('stay where another that stays was made from them', () => {
    const listed = [
      image('base', { tags: ['base:1'], dependents: ['child', 'grandchild'] }),
      image('child', { tags: ['child:1'], dependents: ['grandchild'] }),
      image('grandchild', { session: OTHERS }),
      image('other', { tags: ['other:1'] }),
    ];
    expect(goneOf(both([]), listed)).toEqual(['other']);
  });

  it.each<[string, readonly string[], Resource]>([
    ['goes from an older image', ['tool:2'], { ...old, tags: ['tool:1', 'tool:2'] }],
    ['stays where the image has lost the name that it had', [], { ...old, tags: ['tool:2'] }],
    ['stays where another image had it', [], { ...old, tags: ['tool:1', 'moved:1'] }],
  ])('a tag that was added %s', (_, expected, now) => {
    const moved = image('moved', { tags: ['moved:1'] });
    expect(goneOf(both([old, moved]), [now, moved])).toEqual(expected);
  });

  describe('while another session is at work', () => {
    const images = [
      { ...old, tags: ['tool:1', 'tool:2'] },
      image('new'),
      image('used', { usedBy: [resource('ours', { session: OURS })] }),
      image('ours', { session: OURS }),
    ];
    const theirs = resource('theirs', { session: OTHERS });

    it.each<[string, readonly string[], readonly Resource[], Partial<Seen>]>([
      ['as its lease says, only the session’s own go', ['ours'], images, { leases: [lease] }],
      ['as a container seems to say, what only ours used goes, too', ['used', 'ours'], [...images, theirs], {}],
    ])('%s', (_, expected, listed, seen) => {
      const selection = both([old]);
      expect(goneOf(selection, listed, seen)).toEqual(expected);
      const spared = selection.spared?.({ listed, leases: [], now: NOW + HOUR, ...seen }) ?? [];
      const stay = ['new', 'used', 'tool:2'].filter((id) => !expected.includes(id));
      expect(spared.map(({ resource: { id }, why }) => [id, why])).toEqual(stay.map((id) => [id, 'live-session']));
    });

    it.each<[string, Resource]>([
      ['has ended', { ...theirs, running: false }],
      ['is of this runner', resource('theirs', { session: LEFTOVER })],
      ['is older than a session may be', { ...theirs, createdAt: NOW - 48 * HOUR }],
    ])('is not what a container shows that %s', (_, other) => {
      expect(goneOf(both([old]), [...images, other])).toEqual(['new', 'used', 'ours', 'tool:2']);
    });
  });

  it('that another session made and left to this one go, though they were there; what else was there stays', () => {
    const [inherited, other] = [image('inherited', { tags: ['left:1'] }), image('other', { tags: ['other:1'] })];
    const listed = [old, inherited, other];
    const left = [{ id: 'inherited', tags: ['left:1'] }];
    expect(goneOf(both(listed), listed, { left })).toEqual(['inherited']);
    const tagged = { ...inherited, tags: ['left:1', 'mine:1'] };
    expect(goneOf(both([old, tagged, other]), [old, tagged, other], { left })).toEqual([]);
  });

  it('are left to another session at work, with those that were left to this one', () => {
    const inherited = image('inherited', { tags: ['left:1'] });
    const listed = [old, inherited, image('new'), image('ours', { session: OURS }), image('theirs', { session: OTHERS })];
    const selection = both([old, inherited]);
    const seen = { listed, leases: [lease], left: [{ id: 'inherited', tags: ['left:1'] }], now: NOW + HOUR };
    expect(goneOf(selection, listed, seen)).toEqual(['ours']);
    expect(selection.left?.(seen).map(({ id }) => id)).toEqual(['inherited', 'new']);
    expect(selection.left?.({ ...seen, leases: [] })).toEqual([]);
  });

  it('stay where main left no list of what was there', () => {
    const selection = selectAfter(config({ resources: 'images' }), OURS, undefined);
    expect(goneOf(selection, [image('new'), { ...old, tags: ['tool:1', 'tool:2'] }])).toEqual([]);
  });
});
