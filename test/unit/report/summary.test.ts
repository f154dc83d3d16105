import { describe, expect, it } from 'vitest';
import type { Report } from '../../../src/report/model';
import { leftoverMessage, summaryOf } from '../../../src/report/summary';
import { failed, HOSTILE, phase, report, resource } from './sample';

const benchmark = { command: 'make bench', exitCode: 0, signal: null, timedOut: false, durationMs: 64_000 };
const ready = {
  name: 'docker',
  status: 'ready',
  reason: 'Docker Engine 27 at unix:///var/run/docker.sock',
  command: null,
} as const;
const unavailable = { ...ready, status: 'unavailable', reason: 'no answer', command: null } as const;

/** What a Markdown renderer would still format: it leaves HTML blocks alone, but not what stands between inline elements. */
const markdownIn = (summary: string) => summary.replace(/^<table>.*<\/pre>$/ms, '');

/** What is Markdown in `HOSTILE`, unless it is escaped. */
const FORMAT = /(?<!\\)(`tick|\*\*bold|_it_|!?\[[ai]\]\()/g;

describe('the head line', () => {
  it.each([
    ['✅ Everything is gone', phase([resource()])],
    ['✅ Nothing to clean up', phase()],
    ['🔍 Dry run', phase([resource({ outcome: 'planned' })], { dryRun: true })],
    ['📌 1 resource kept', phase([resource({ outcome: 'kept' })])],
    ['⚠️ Not cleaned up', phase([], { verified: false, providers: [unavailable] })],
    ['❌ 1 leftover', phase([failed()])],
  ])('begins with %s', (head, post) => {
    expect(summaryOf(report({ post })).split('\n')[0]).toMatch(new RegExp(`^### ${head}`));
  });

  it('says so when post did not clean', () => {
    expect(summaryOf(report())).toBe('### ⚠️ Nothing was cleaned up\n\n');
  });
});

describe('the benchmark', () => {
  it.each([
    ['exited with code 3', { exitCode: 3 }],
    ['was ended by SIGKILL', { exitCode: 137, signal: 'SIGKILL' }],
    ['was ended at its timeout', { exitCode: 124, signal: 'SIGTERM', timedOut: true }],
  ])('%s', (how, changes) => {
    const summary = summaryOf(report({ benchmark: { ...benchmark, ...changes } }));
    expect(summary).toContain(`The benchmark <code>make bench</code> ${how} after 1m 4s.`);
  });
});

describe('pre-cleanup', () => {
  it('is told with the sessions that left something', () => {
    const pre = phase([resource({ session: 'gh-1' }), resource({ session: 'gh-1' }), resource({ session: 'gh-2' })]);
    expect(summaryOf(report({ pre }))).toContain(
      'Left over from earlier runs: 3 containers removed in 6.2s. It was left by <code>gh-1</code>, <code>gh-2</code>.',
    );
  });

  it('names five sessions at most', () => {
    const pre = phase(Array.from({ length: 7 }, (_, index) => resource({ session: `gh-${index}` })));
    expect(summaryOf(report({ pre }))).toMatch(/left by (<code>gh-\d<\/code>(, )?){5} and others\./);
  });

  it('is not told when it found nothing', () => {
    expect(summaryOf(report({ pre: phase() }))).not.toContain('Before');
  });
});

describe('a failure', () => {
  it('is told with what was tried, why, and what to type', () => {
    const steps = [{ action: 'remove', attempts: 1, durationMs: 1, result: 'error' }] as const;
    const summary = summaryOf(report({ post: phase([failed({ steps })]) }));
    expect(summary).toContain(
      '<td><code>task-1</code> (<code>0123456789ab</code>)</td><td><code>running</code></td><td>remove: error</td><td><code>permission denied</code></td>',
    );
    expect(summary).toContain('<pre>docker rm 0123</pre>');
  });

  it('is one of fifty at most, and the others are counted', () => {
    const summary = summaryOf(report({ post: phase(Array(53).fill(failed())) }));
    expect(summary.match(/<tr><td>/g)).toHaveLength(50);
    expect(summary).toContain('And 3 more: see the report.');
  });
});

describe('the table', () => {
  it('counts the outcomes that there were', () => {
    const summary = summaryOf(
      report({ post: phase([resource(), resource({ kind: 'sandbox' }), resource({ outcome: 'gone' })]) }),
    );
    const rows = summary.split('\n').filter((line) => line.startsWith('| '));
    expect(rows.slice(2)).toEqual([
      '| graceful | 1 container, 1 sandbox | ended by itself after the stop signal, removed |',
      '| gone | 1 container | already gone, or removed by someone else |',
    ]);
  });
});

describe('foreign text in the summary', () => {
  const hostile = {
    name: HOSTILE,
    id: HOSTILE,
    state: HOSTILE,
    image: HOSTILE,
    error: HOSTILE,
    command: HOSTILE,
    session: HOSTILE,
  };
  const tame = { ...hostile, name: 'a', id: 'b', state: 'c', image: 'd', error: 'e', command: 'f', session: 'g' };

  const everywhere = (foreign: typeof hostile): Report =>
    report({
      session: foreign.session,
      benchmark: { ...benchmark, command: foreign.command },
      pre: phase([resource(foreign)]),
      post: phase([failed(foreign), resource({ ...foreign, outcome: 'kept', reason: foreign.error })], {
        providers: [{ ...unavailable, reason: foreign.error }],
      }),
    });

  it.each<[string, Report]>([
    ['a benchmark’s command', report({ benchmark: { ...benchmark, command: HOSTILE } })],
    ['another session’s id', report({ pre: phase([resource(hostile)]) })],
    ['the session’s id', report({ session: HOSTILE })],
    ['a provider’s answer', report({ post: phase([], { providers: [{ ...ready, reason: HOSTILE }] }) })],
    ['a failure', report({ post: phase([failed(hostile)]) })],
  ])('is not formatted: %s', (_, made) => {
    expect(markdownIn(summaryOf(made)).match(FORMAT)).toBeNull();
  });

  it('adds no element', () => {
    const elements = (summary: string) => summary.match(/<[a-z]+/g);
    expect(elements(summaryOf(everywhere(hostile)))).toEqual(elements(summaryOf(everywhere(tame))));
  });

  it('starts no line of its own', () => {
    expect(summaryOf(everywhere(hostile)).split('\n')).toHaveLength(summaryOf(everywhere(tame)).split('\n').length);
  });

  it('has nothing hidden in it', () => {
    expect(summaryOf(everywhere(hostile)).replaceAll('\n', '').replaceAll('⚠️', '')).not.toMatch(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|##\[/u,
    );
  });
});

describe('the annotation', () => {
  it('tells how many are left, and each cause once', () => {
    const message = leftoverMessage(phase([failed(), failed(), failed({ error: 'timeout' }), resource()]));
    expect(message).toBe('3 leftovers: act; 1 container removed in 6.2s; permission denied; timeout');
  });

  it('tells three causes at most', () => {
    const message = leftoverMessage(phase(['a', 'b', 'c', 'd'].map((error) => failed({ error }))));
    expect(message).toBe('4 leftovers: act in 6.2s; a; b; c');
  });

  it('tells which provider can’t be reached', () => {
    expect(leftoverMessage(phase([], { providers: [unavailable] }))).toBe(
      'Not cleaned up: docker can’t be reached; docker: no answer',
    );
  });
});
