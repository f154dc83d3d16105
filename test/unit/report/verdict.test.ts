import { describe, expect, it } from 'vitest';
import type { PhaseReport } from '../../../src/report/model';
import { isVerifiable, needsAction, type PhaseVerdict, verdictOf, verdictOfAll } from '../../../src/report/verdict';
import { failed, phase, provider, report as reportOf, resource } from './sample';

const killed = resource({ outcome: 'killed' });
const gone = resource({ outcome: 'gone' });
const kept = resource({ outcome: 'kept' });
const planned = resource({ outcome: 'planned' });
const sandbox = resource({ kind: 'sandbox', outcome: 'removed' });
const unavailable = { name: 'docker', status: 'unavailable', reason: 'no answer', command: null } as const;
const skipped = { name: 'docker', status: 'skipped', reason: 'no engine', command: null } as const;

describe('a phase', () => {
  it.each<[string, PhaseVerdict['kind'], string, PhaseReport]>([
    ['found nothing', 'nothing', 'Nothing to clean up', phase()],
    ['had no provider to look at', 'skipped', 'Nothing was looked at: docker skipped', phase([], { providers: [skipped] })],
    ['removed everything', 'clean', 'Everything is gone: 2 containers, 1 sandbox in 6.2s', phase([resource(), killed, sandbox])],
    ['removed all but what is protected', 'kept', '1 container removed in 6.2s; 2 kept', phase([resource(), kept, kept])],
    [
      'left something, and kept something',
      'leftovers',
      '1 leftover: act; 1 container removed in 6.2s; 1 kept',
      phase([failed(), killed, kept]),
    ],
    [
      'was a dry run with something protected',
      'planned',
      'Dry run: 1 container would be removed; 1 kept',
      phase([planned, kept], { dryRun: true, verified: false }),
    ],
    [
      'was a dry run that had no provider to look at',
      'skipped',
      'Nothing was looked at: docker skipped',
      phase([], { dryRun: true, providers: [skipped] }),
    ],
    ['came too late for everything', 'clean', 'Everything was gone already, in 6.2s', phase([gone])],
    ['kept everything', 'kept', '2 resources kept', phase([kept, kept], { verified: false })],
    [
      'was a dry run',
      'planned',
      'Dry run: 2 containers would be removed',
      phase([planned, planned], { dryRun: true, verified: false }),
    ],
    ['was a dry run of nothing', 'planned', 'Dry run: nothing would be removed', phase([], { dryRun: true })],
    ['left something', 'leftovers', '1 leftover: act in 6.2s', phase([failed()], { verified: false })],
    [
      'left something and removed something',
      'leftovers',
      '2 leftovers: act; 1 container removed in 6.2s',
      phase([failed(), failed(), killed], { verified: false }),
    ],
    [
      'left something of an unavailable provider',
      'leftovers',
      '1 leftover: act in 6.2s',
      phase([failed()], { verified: false, providers: [unavailable] }),
    ],
    [
      'could not reach a provider',
      'unverified',
      'Not cleaned up: docker can’t be reached',
      phase([], { verified: false, providers: [unavailable] }),
    ],
    [
      'could not list again',
      'unverified',
      '1 container removed in 6.2s, but no last listing could be had',
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
  ])('%s', (_, must, report) => {
    expect(needsAction(report)).toBe(must);
  });
});

describe('a whole session', () => {
  const unreachable = phase([], { verified: false, providers: [unavailable] });
  it.each<[string, PhaseVerdict['kind'], string, Parameters<typeof reportOf>[0]]>([
    ['without a post', 'unverified', 'Nothing was cleaned up', {}],
    ['of which all is gone', 'clean', 'Everything is gone: 1 container in 6.2s', { pre: phase([killed]), post: phase([killed]) }],
    [
      'that found leftovers of others and could not remove them',
      'leftovers',
      'Everything of this session is gone: 1 container in 6.2s; 2 leftovers of earlier runs: act',
      { pre: phase([failed({ id: 'a' }), failed({ id: 'b' })]), post: phase([killed]) },
    ],
    [
      'that left nothing, beside leftovers of others',
      'leftovers',
      'Nothing of this session to clean up; 1 leftover of earlier runs: act',
      { pre: phase([failed()]), post: phase() },
    ],
    [
      'that left something itself, too',
      'leftovers',
      '1 leftover of this session: act in 6.2s; 1 leftover of earlier runs: act',
      { pre: phase([failed({ id: 'a' })]), post: phase([failed({ id: 'b' })]) },
    ],
    [
      'whose engine went away before post could try again',
      'leftovers',
      'Not cleaned up: docker can’t be reached; 1 leftover of the benchmark: act',
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
      'Nothing was looked at: docker skipped',
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
    ['not where there was no look at all', false, phase()],
    ['not in a dry run', false, phase([planned], { ...ready, dryRun: true, verified: false })],
    ['not where all was to stay', false, phase([kept], { ...ready, verified: false })],
  ])('%s', (_, has, made) => {
    expect(isVerifiable(made)).toBe(has);
  });
});
