import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../../src/report/summary/summary';
import { rendered, texts } from '../../../support/report/rendered';
import { death, failed, phase, provider, report, resource, step } from '../../../support/report/sample';

const unavailable = provider({ status: 'unavailable', reason: 'no answer' });

describe('a failure', () => {
  it('is reported with its cause and what was tried', () => {
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
    expect(summary).toContain('<p>3 resources more: see the report.</p>');
  });

  it('is summed up by its cause where there are many', () => {
    const left = [...Array(9).fill(failed()), ...Array(3).fill(failed({ error: 'timeout' }))];
    expect(summaryOf(report({ post: phase(left) }))).toContain(
      '<ul>\n<li>9 × <code>permission denied</code></li>\n<li>3 × <code>timeout</code></li>\n</ul>',
    );
  });

  it('whose causes differ only by the id has them joined', () => {
    const one = (id: string, name: string) => failed({ id, name, error: `sandbox ${id} (${name}) is in state creating` });
    const ids = ['9a6e1f0c-2f53-4f8e-9d0e-1c2b3a4d5e6f', '11111111-2f53-4f8e-9d0e-1c2b3a4d5e6f'];
    const left = Array.from({ length: 12 }, (_, index) => one(ids[index % 2] ?? '', `bench-${index}`));
    expect(summaryOf(report({ post: phase(left) }))).toContain(
      '<ul>\n<li>12 × <code>sandbox … &#40;…&#41; is in state creating</code></li>\n</ul>',
    );
  });

  it('is reported with what uses it, whose command comes first', () => {
    const heldBy = [{ kind: 'container', name: 'web', command: 'docker rm --force web' }] as const;
    const network = failed({
      kind: 'network',
      name: 'bench',
      error: 'has active endpoints',
      command: 'docker network rm bench',
      heldBy,
    });
    const summary = summaryOf(report({ post: phase([network]) }));
    expect(texts(rendered(summary))).toContain('has active endpoints in use by container web nothing could be tried');
    expect(summary).toContain('\n```sh\ndocker rm --force web\ndocker network rm bench\n```\n');
  });

  it('is reported with one command where one container holds several', () => {
    const heldBy = [{ kind: 'container', name: 'web', command: 'docker rm --force web' }] as const;
    const left = [failed({ command: 'docker network rm a', heldBy }), failed({ command: 'docker volume rm b', heldBy })];
    expect(summaryOf(report({ post: phase(left) }))).toContain(
      '```sh\ndocker rm --force web\ndocker network rm a\ndocker volume rm b\n```',
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

  it('is reported with its cause and its command, after those of the session', () => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([failed()]) }));
    expect(summary).toContain('<h4>Left behind by earlier runs</h4>\n\n<table>');
    expect(summary.indexOf('docker rm a')).toBeGreaterThan(summary.indexOf('docker rm 0123'));
    expect(summary.slice(summary.indexOf(table))).toContain('<code>permission denied</code>');
  });

  it('is reported where post did not clean', () => {
    expect(summaryOf(report({ pre: phase([left]) }))).toContain(table);
  });

  it.each(['graceful', 'killed', 'removed', 'gone'] as const)('is not reported where it was %s later', (outcome) => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([{ ...left, outcome }]) }));
    expect(summary).not.toContain(table);
    expect(summary).toContain('Left behind by earlier runs: 1 container; 1 of them removed later.');
  });

  it('is reported once where post failed at it, too, and not as removed later', () => {
    const summary = summaryOf(report({ pre: phase([left]), post: phase([left]) }));
    expect(summary.split(table)).toHaveLength(2);
    expect(summary).not.toContain('removed later');
    expect(summary).toMatch(/^<h3>❌ 1 container is left behind: action needed/);
  });

  it('is not said to be removed later where post kept it', () => {
    expect(summaryOf(report({ pre: phase([left]), post: phase([{ ...left, outcome: 'kept' }]) }))).not.toContain('removed later');
  });

  it('is not said to be removed later where only another one was', () => {
    const other = { ...left, id: 'b' };
    const made = report({ pre: phase([left, other]), post: phase([left, { ...other, outcome: 'removed' }]) });
    expect(summaryOf(made)).toContain('2 containers are left behind: action needed; 1 removed later.');
  });

  it('to reach a provider is reported, and once where post could not either', () => {
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
    ['is reported where post could not try again', true, phase([], { verified: false, providers: [unavailable] })],
    ['is reported where post found it and kept it', true, phase([{ ...left, outcome: 'kept' }], ready)],
    ['is not reported where post removed it', false, phase([{ ...left, outcome: 'removed' }], ready)],
    ['is not reported where post has seen that it is gone', false, phase([], ready)],
    ['is reported where post has seen nothing to the end', true, phase([], { ...ready, verified: false })],
    ['is reported where post did not look there', true, phase([], { providers: [provider({ name: 'daytona' })] })],
  ])('%s', (_, isTold, post) => {
    expect(told(post)).toBe(isTold);
  });
});
