import { describe, expect, it } from 'vitest';
import type { PhaseReport } from '../../../src/report/model';
import { isVerifiable, needsAction, type PhaseVerdict, verdictOf, verdictOfAll } from '../../../src/report/verdict';
import { failed, phase, provider, report as reportOf, resource } from '../../support/report/sample';

const killed = resource({ outcome: 'killed' });
const gone = resource({ outcome: 'gone' });
const kept = resource({ outcome: 'kept' });
const planned = resource({ outcome: 'planned' });
const unowned: NonNullable<PhaseReport['unowned']> = [
  { provider: 'docker', kind: 'container', count: 3, names: ['web', 'db'] },
  { provider: 'docker', kind: 'network', count: 1, names: ['bench_default'] },
];
const spared: NonNullable<PhaseReport['spared']> = [
  { provider: 'docker', kind: 'container', count: 2, why: 'age', names: ['a', 'b'] },
];
const sandbox = resource({ kind: 'sandbox', outcome: 'removed' });
const unavailable = { name: 'docker', status: 'unavailable', reason: 'no answer', command: null } as const;
const skipped = { name: 'docker', status: 'skipped', reason: 'no engine', command: null } as const;

describe('a phase', () => {
  it.each<[string, PhaseVerdict['kind'], string, PhaseReport]>([
    ['found nothing', 'nothing', 'Nothing to clean up', phase()],
    ['had no provider to look at', 'skipped', 'Nothing was checked: docker skipped', phase([], { providers: [skipped] })],
    ['removed everything', 'clean', 'Everything is gone: 2 containers, 1 sandbox in 6.2s', phase([resource(), killed, sandbox])],
    [
      'removed all but what is protected',
      'kept',
      '1 container removed in 6.2s; 2 containers kept',
      phase([resource(), kept, kept]),
    ],
    [
      'left something, and kept something',
      'leftovers',
      '1 container is left behind: action needed; 1 container removed in 6.2s; 1 container kept',
      phase([failed(), killed, kept]),
    ],
    [
      'was a dry run with something protected',
      'planned',
      'Dry run: 1 container would be removed; 1 container kept',
      phase([planned, kept], { dryRun: true, verified: false }),
    ],
    [
      'was a dry run that had no provider to look at',
      'skipped',
      'Nothing was checked: docker skipped',
      phase([], { dryRun: true, providers: [skipped] }),
    ],
    ['came too late for everything', 'clean', 'Everything was already gone', phase([gone])],
    ['kept everything', 'kept', '2 containers kept', phase([kept, kept], { verified: false })],
    [
      'was a dry run',
      'planned',
      'Dry run: 2 containers would be removed',
      phase([planned, planned], { dryRun: true, verified: false }),
    ],
    ['was a dry run of nothing', 'planned', 'Dry run: nothing would be removed', phase([], { dryRun: true })],
    ['left something', 'leftovers', '1 container is left behind: action needed', phase([failed()], { verified: false })],
    [
      'left something and removed something',
      'leftovers',
      '2 containers are left behind: action needed; 1 container removed in 6.2s',
      phase([failed(), failed(), killed], { verified: false }),
    ],
    [
      'left something of an unavailable provider',
      'leftovers',
      '1 container is left behind: action needed',
      phase([failed()], { verified: false, providers: [unavailable] }),
    ],
    [
      'could not reach a provider',
      'unverified',
      'Not cleaned up: docker can’t be reached',
      phase([], { verified: false, providers: [unavailable] }),
    ],
    [
      'found only what is not owned',
      'untouched',
      'Nothing was removed; 3 containers, 1 network without a label stay',
      phase([], { unowned }),
    ],
    [
      'removed everything beside what is not owned',
      'clean',
      'Everything is gone: 1 container in 6.2s; 3 containers, 1 network without a label stay',
      phase([killed], { unowned }),
    ],
    [
      'spared what may be in use',
      'untouched',
      'Nothing was removed; 2 containers that may be in use stay',
      phase([], { spared }),
    ],
    [
      'left something beside what is not owned',
      'leftovers',
      '1 container is left behind: action needed; 3 containers, 1 network without a label stay; 2 containers that may be in use stay',
      phase([failed()], { unowned, spared }),
    ],
    ['listed nothing', 'skipped', 'Nothing was checked', phase([], { verified: null })],
    [
      'could not list again',
      'unverified',
      '1 container removed in 6.2s, but no last listing confirmed that all is gone',
      phase([killed], { verified: false }),
    ],
  ])('that %s', (_, kind, headline, report) => {
    expect(verdictOf(report)).toEqual({ kind, headline });
  });

  it('that found nothing without a last listing does not say that there is nothing', () => {
    expect(verdictOf(phase([], { verified: false })).kind).toBe('unverified');
  });

  it('that came too late for all it knew does not say that everything is gone without a last listing', () => {
    expect(verdictOf(phase([gone], { verified: false })).kind).toBe('unverified');
  });

  it('that removed what it could before a provider went away says what it removed', () => {
    const { headline } = verdictOf(phase([killed], { verified: false, providers: [unavailable] }));
    expect(headline).toContain('1 container removed');
  });
});

describe('somebody must act', () => {
  const gone = { name: 'docker', status: 'unavailable', reason: 'no answer', command: null } as const;
  it.each([
    ['on what failed', true, phase([failed()])],
    ['where a provider went away', true, phase([], { providers: [gone] })],
    ['where no last listing could be had', true, phase([resource()], { verified: false })],
    ['not on what was kept', false, phase([resource({ outcome: 'kept' })], { verified: false })],
    ['not when all is gone', false, phase([resource()])],
    ['not on what is not owned or spared', false, phase([], { unowned, spared })],
  ])('%s', (_, must, report) => {
    expect(needsAction(report)).toBe(must);
  });
});

describe('a whole session', () => {
  const unreachable = phase([], { verified: false, providers: [unavailable] });
  it.each<[string, PhaseVerdict['kind'], string, Parameters<typeof reportOf>[0]]>([
    ['without a post', 'unverified', 'Nothing was cleaned up', {}],
    ['of which all is gone', 'clean', 'Everything is gone: 1 container in 6.2s', { pre: phase(), post: phase([killed]) }],
    [
      'that removed leftovers of others, too',
      'clean',
      'Everything of this session is gone: 1 container in 6.2s; 2 containers of earlier runs removed',
      { pre: phase([resource(), killed]), post: phase([killed]) },
    ],
    [
      'that removed nothing but leftovers of others',
      'clean',
      'Nothing of this session was left; 1 container of earlier runs removed',
      { pre: phase([killed]), post: phase() },
    ],
    [
      'that removed all while the benchmark ran',
      'clean',
      'Nothing of this session was left; 1 container removed while the benchmark ran',
      { run: phase([killed]), post: phase() },
    ],
    [
      'that would remove leftovers of others',
      'planned',
      'Dry run: nothing would be removed; 1 container of earlier runs would be removed',
      { pre: phase([planned], { dryRun: true }), post: phase([], { dryRun: true }) },
    ],
    [
      'that spared what others may use',
      'untouched',
      'Nothing of this session was left; 2 containers that may be in use stay',
      { pre: phase([], { spared }), post: phase() },
    ],
    [
      'beside which something appeared',
      'untouched',
      'Nothing was removed; 3 containers, 1 network without a label stay',
      { pre: phase(), post: phase([], { unowned }) },
    ],
    [
      'that found leftovers of others and could not remove them',
      'leftovers',
      'Everything of this session is gone: 1 container in 6.2s; 2 containers of earlier runs are left behind: action needed',
      { pre: phase([failed({ id: 'a' }), failed({ id: 'b' })]), post: phase([killed]) },
    ],
    [
      'that left nothing, beside leftovers of others',
      'leftovers',
      'Nothing of this session was left; 1 container of earlier runs is left behind: action needed',
      { pre: phase([failed()]), post: phase() },
    ],
    [
      'that left something itself, too',
      'leftovers',
      '1 container of this session is left behind: action needed; 1 container of earlier runs is left behind: action needed',
      { pre: phase([failed({ id: 'a' })]), post: phase([failed({ id: 'b' })]) },
    ],
    [
      'whose engine went away before post could try again',
      'leftovers',
      'Not cleaned up: docker can’t be reached; 1 container of the benchmark is left behind: action needed',
      { run: phase([failed()]), post: unreachable },
    ],
    [
      'in which only pre-cleanup could not reach a provider',
      'unverified',
      'Everything of this session is gone: 1 container in 6.2s; pre-cleanup: not cleaned up: docker can’t be reached',
      { pre: unreachable, post: phase([killed]) },
    ],
    [
      'in which no phase could reach a provider',
      'unverified',
      'Not cleaned up: docker can’t be reached',
      { pre: unreachable, post: unreachable },
    ],
    [
      'in which everything was skipped',
      'skipped',
      'Nothing was checked: docker skipped',
      { pre: phase([], { providers: [skipped] }), post: phase([], { providers: [skipped] }) },
    ],
  ])('%s', (_, kind, headline, phases) => {
    expect(verdictOfAll(reportOf(phases))).toEqual({ kind, headline });
  });
});

describe('a last listing has something to say', () => {
  const ready = { providers: [provider()] };
  it.each([
    ['where all is gone', true, phase([killed], ready)],
    ['where nothing was there', true, phase([], ready)],
    ['where something is left', true, phase([failed()], { ...ready, verified: false })],
    ['where one provider of two was skipped', true, phase([], { providers: [provider(), skipped] })],
    ['where a provider could not be reached', true, phase([], { verified: false, providers: [unavailable] })],
    ['where only what is protected was there', true, phase([kept], ready)],
    ['not where all providers were skipped', false, phase([], { providers: [skipped] })],
    ['not where there was no look at all', false, phase([], { verified: null })],
    ['not in a dry run', false, phase([planned], { ...ready, dryRun: true, verified: false })],
    ['not where all was to stay', false, phase([kept], { ...ready, verified: false })],
  ])('%s', (_, has, made) => {
    expect(isVerifiable(made)).toBe(has);
  });
});
