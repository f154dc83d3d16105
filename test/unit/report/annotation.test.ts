import { describe, expect, it } from 'vitest';
import { annotationOf, leftoversMessage } from '../../../src/report/annotation';
import { needsAction } from '../../../src/report/verdict';
import { disk, failed, phase, provider, resource } from '../../support/report/sample';

const SESSION = 'gh-1-1.3f9a1c22.k3v9q0xw';
const trouble = (message: string, of = 'Cleanup') => ({ of, message });

describe('an annotation', () => {
  it.each([
    ['Cleanup of session unknown', [trouble('a')], undefined],
    [`Cleanup of session ${SESSION}`, [trouble('a'), trouble('b')], SESSION],
    [`Pre-cleanup, Recorder of session ${SESSION}`, [trouble('a', 'Pre-cleanup'), trouble('b', 'Recorder')], SESSION],
  ] as const)('is titled %s', (title, troubles, session) => {
    expect(annotationOf(troubles, session).title).toBe(title);
  });

  it('about one trouble is that trouble', () => {
    expect(annotationOf([trouble('The report could not be written: no space')], SESSION).message).toBe(
      'The report could not be written: no space',
    );
  });

  it('about several says how many there are', () => {
    expect(annotationOf([trouble('a'), trouble('b'), trouble('c')], SESSION).message).toBe('3 problems: a; b; c');
  });

  it('tells three of them, and counts the others', () => {
    const { message } = annotationOf(
      ['a', 'b', 'c', 'd', 'e'].map((text) => trouble(text)),
      SESSION,
    );
    expect(message).toBe('5 problems: a; b; c; and 2 more: see the log');
  });

  it('has room for all that it tells of', () => {
    const { message } = annotationOf(
      [trouble('a'.repeat(5_000)), trouble('b'.repeat(5_000)), trouble('c'), trouble('d')],
      SESSION,
    );
    expect(message).toMatch(/^4 problems: a{299}…; b{299}…; c; and 1 more: see the log$/);
  });

  it('about one trouble has a thousand characters at most', () => {
    expect(annotationOf([trouble('a'.repeat(5_000))], SESSION).message).toHaveLength(1_000);
  });
});

describe('what a phase left', () => {
  it('is reported as how many are left, and each cause once with its count, the most frequent first', () => {
    const left = phase([failed({ error: 'timeout' }), failed(), failed(), resource()]);
    expect(leftoversMessage(left)).toBe(
      '3 containers are left behind: action needed; 1 container removed in 6.2s; 2 × permission denied; timeout',
    );
  });

  it('is reported with three causes, and a count of the others', () => {
    const left = phase(['a', 'b', 'c', 'd', 'e'].map((error) => failed({ error })));
    expect(leftoversMessage(left)).toBe('5 containers are left behind: action needed; a; b; c; 2 other causes');
  });

  it('is reported with the provider that can’t be reached', () => {
    const missing = phase([], { providers: [provider({ status: 'unavailable', reason: 'no answer' })] });
    expect(leftoversMessage(missing)).toBe('Not cleaned up: docker can’t be reached; docker: no answer');
  });

  it('is reported without the rest of a cause that is too long', () => {
    expect(leftoversMessage(phase([failed({ error: 'x'.repeat(5_000) })]))).toMatch(/; x{199}…$/);
  });

  it('is reported with a disk that is too full, alone or besides', () => {
    const full = disk({ goal: 'min-free-disk', wanted: 20e9, before: 3e9, after: 7e9, reached: false, reason: 'in use' });
    const line = 'docker: min-free-disk: 2 images removed, 4.0GB freed: only 7.0GB free, 20.0GB wanted: in use';
    const goals = [full, disk({ reached: false, reason: 'in use' })]; // What is in use may exceed a budget.
    expect(leftoversMessage(phase([], { disk: goals }))).toBe(line);
    expect(leftoversMessage(phase([failed()], { disk: goals }))).toMatch(`1 container is left behind: action needed; ${line}; `);
    expect([goals, [disk({ reached: false })]].map((some) => needsAction(phase([], { disk: some })))).toEqual([true, false]);
    expect(needsAction(phase([], { disk: goals, dryRun: true }))).toBe(false);
  });
});
