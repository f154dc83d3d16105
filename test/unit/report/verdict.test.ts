import { describe, expect, it } from 'vitest';
import type { PhaseReport } from '../../../src/report/model';
import { needsAction, type Verdict, verdictOf } from '../../../src/report/verdict';
import { failed, phase, resource } from './sample';

const killed = resource({ outcome: 'killed' });
const gone = resource({ outcome: 'gone' });
const kept = resource({ outcome: 'kept' });
const planned = resource({ outcome: 'planned' });
const sandbox = resource({ kind: 'sandbox', outcome: 'removed' });
const unavailable = { name: 'docker', status: 'unavailable', reason: 'no answer', command: null } as const;
const skipped = { name: 'docker', status: 'skipped', reason: 'no engine', command: null } as const;

describe('a phase', () => {
  it.each<[string, Verdict['kind'], string, PhaseReport]>([
    ['found nothing', 'nothing', 'Nothing to clean up', phase()],
    ['had no provider to look at', 'skipped', 'Nothing was looked at: docker skipped', phase([], { providers: [skipped] })],
    ['removed everything', 'clean', 'Everything is gone: 2 containers, 1 sandbox in 6.2s', phase([resource(), killed, sandbox])],
    ['removed everything that is not protected', 'clean', 'Everything is gone: 1 container in 6.2s', phase([resource(), kept])],
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
