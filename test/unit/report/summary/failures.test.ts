import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../../src/report/summary/summary';
import { rendered, texts } from '../rendered';
import { death, failed, phase, provider, report, resource, step } from '../sample';

const unavailable = provider({ status: 'unavailable', reason: 'no answer' });

describe('a failure', () => {
  it('is told with its cause and what was tried', () => {
    const steps = [step({ action: 'kill', result: 'timeout' }), step({ attempts: 4, result: 'error' })];
    const summary = summaryOf(report({ post: phase([failed({ steps })]) }));
    expect(texts(rendered(summary))).toContain(
      'task-1 container 0123456789ab running permission denied kill timeout → remove error (4 attempts)',
    );
  });

  it('comes before everything but the head', () => {
    const summary = summaryOf(report({ post: phase([failed(), resource()]), deaths: [death()] }));
    expect(summary.indexOf('Still there')).toBeLessThan(summary.indexOf('failed during the benchmark'));
  });

  it('comes with the command, in a fence that can be copied', () => {
    expect(summaryOf(report({ post: phase([failed()]) }))).toContain('\n```sh\ndocker rm 0123\n```\n');
  });

  it('is one of fifty at most, and the others are counted', () => {
    const summary = summaryOf(report({ post: phase(Array(53).fill(failed())) }));
    expect(summary.match(/<tr><td><code>task-1/g)).toHaveLength(50);
    expect(summary).toContain('<p>3 leftovers more: see the report.</p>');
  });

  it('is summed up by its cause where there are many', () => {
    const left = [...Array(9).fill(failed()), ...Array(3).fill(failed({ error: 'timeout' }))];
    expect(summaryOf(report({ post: phase(left) }))).toContain(
      '<ul>\n<li>9 × <code>permission denied</code></li>\n<li>3 × <code>timeout</code></li>\n</ul>',
    );
  });

  it('of a whole engine comes with the command that removes all', () => {
    const post = phase([], { verified: false, providers: [{ ...unavailable, command: 'docker rm $(docker ps -q)' }] });
    const summary = summaryOf(report({ post }));
    expect(summary).toContain('<li><code>docker</code> can’t be reached: <code>no answer</code></li>');
    expect(summary).toContain('\ndocker rm $(docker ps -q)\n');
  });
});

describe('a failure of pre-cleanup', () => {
  const left = failed({ name: 'old', id: 'a', command: 'docker rm a' });
  const table = '<td><code>old</code>';

  it('is told with its cause and its command, after those of the session', () => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([failed()]) }));
    expect(summary).toContain('<h4>Left over from earlier runs</h4>\n\n<table>');
    expect(summary.indexOf('docker rm a')).toBeGreaterThan(summary.indexOf('docker rm 0123'));
    expect(summary.slice(summary.indexOf(table))).toContain('<code>permission denied</code>');
  });

  it('is told where post did not clean', () => {
    expect(summaryOf(report({ pre: phase([left]) }))).toContain(table);
  });

  it.each(['graceful', 'killed', 'removed', 'gone'] as const)('is not told where it was %s later', (outcome) => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([{ ...left, outcome }]) }));
    expect(summary).not.toContain(table);
    expect(summary).toContain('Left over from earlier runs: 1 container; 1 removed only later.');
  });

  it('is told once where post failed at it, too', () => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([left]) }));
    expect(summary.split(table)).toHaveLength(2);
    expect(summary).toMatch(/^<h3>❌ 1 leftover: act/);
  });

  it('to reach a provider is told, and once where post could not either', () => {
    const lost = phase([], { verified: false, providers: [unavailable] });
    const reasons = (made: Parameters<typeof summaryOf>[0]) => summaryOf(made).split('<li><code>docker</code> can’t be reached');
    expect(reasons(report({ pre: lost, post: phase([resource()]) }))).toHaveLength(2);
    expect(reasons(report({ pre: lost, post: lost }))).toHaveLength(2);
  });
});

describe('a failure while the benchmark ran', () => {
  const left = failed({ name: 'exited', id: 'a', command: 'docker rm a' });
  const ready = { providers: [provider()] };
  const told = (post: ReturnType<typeof phase>) => summaryOf(report({ run: phase([left]), post })).includes('docker rm a');

  it.each([
    ['is told where post could not try again', true, phase([], { verified: false, providers: [unavailable] })],
    ['is told where post found it and kept it', true, phase([{ ...left, outcome: 'kept' }], ready)],
    ['is not told where post removed it', false, phase([{ ...left, outcome: 'removed' }], ready)],
    ['is not told where post has seen that it is gone', false, phase([], ready)],
    ['is told where post has seen nothing to the end', true, phase([], { ...ready, verified: false })],
    ['is told where post did not look there', true, phase([], { providers: [provider({ name: 'daytona' })] })],
  ])('%s', (_, isTold, post) => {
    expect(told(post)).toBe(isTold);
  });
});
