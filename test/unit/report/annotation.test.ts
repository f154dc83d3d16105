import { describe, expect, it } from 'vitest';
import { annotationOf } from '../../../src/report/annotation';
import { failed, phase, provider, resource } from './sample';

const SESSION = 'gh-1-1.3f9a1c22.k3v9q0xw';
const messageOf = (of: ReturnType<typeof phase>) => annotationOf(of, SESSION, 'post').message;

describe('an annotation', () => {
  it.each([
    [`Cleanup of session ${SESSION}`, SESSION, 'post'],
    [`Pre-cleanup of session ${SESSION}`, SESSION, 'pre'],
    ['Cleanup of session unknown', undefined, 'post'],
  ] as const)('is titled %s', (title, session, when) => {
    expect(annotationOf(phase(), session, when).title).toBe(title);
  });

  it('tells how many are left, and each cause once with its count, the most frequent first', () => {
    const left = phase([failed({ error: 'timeout' }), failed(), failed(), resource()]);
    expect(messageOf(left)).toBe('3 leftovers: act; 1 container removed in 6.2s; 2 × permission denied; timeout');
  });

  it('tells three causes, and counts the others', () => {
    const left = phase(['a', 'b', 'c', 'd', 'e'].map((error) => failed({ error })));
    expect(messageOf(left)).toBe('5 leftovers: act in 6.2s; a; b; c; 2 other causes');
  });

  it('tells which provider can’t be reached', () => {
    const missing = phase([], { providers: [provider({ status: 'unavailable', reason: 'no answer' })] });
    expect(messageOf(missing)).toBe('Not cleaned up: docker can’t be reached; docker: no answer');
  });

  it('cuts causes that are too long', () => {
    expect(messageOf(phase([failed({ error: 'x'.repeat(5_000) })]))).toMatch(/; x{199}…$/);
  });
});
