import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../../src/report/summary/summary';
import { terminalOf } from '../../../../src/report/terminal/terminal';
import { rendered, texts } from '../../../support/report/rendered';
import { death, deaths, disk, failed, phase, provider, report, resource, step } from '../../../support/report/sample';

const benchmark = { command: 'make bench', exitCode: 0, signal: null, timedOut: false, interruptedBy: null, durationMs: 64_000 };
const unavailable = provider({ status: 'unavailable', reason: 'no answer' });
const EARLIER = 'gh-1-1.3f9a1c22.p0s8d7fa';
const RUN = 'https://github.com/acme/bench/actions/runs/1/attempts/1';

describe('a session with nothing to report', () => {
  it('is one line', () => {
    expect(summaryOf(report({ post: phase() }))).toBe('<p>✅ Nothing to clean up</p>\n\n');
  });

  it('is one line where nothing was looked at', () => {
    const skipped = phase([], { providers: [provider({ status: 'skipped', reason: 'docker is false' })] });
    expect(summaryOf(report({ post: skipped, session: EARLIER }))).toBe(
      '<p>⏭️ Nothing was checked: docker skipped · session <code>p0s8d7fa</code></p>\n\n',
    );
  });

  it.each([
    ['a benchmark', report({ post: phase(), benchmark })],
    ['an earlier run’s leftovers', report({ post: phase(), pre: phase([resource()]) })],
    ['a death', report({ post: phase(), deaths: [death()] })],
    ['an earlier run’s leftover that stays', report({ post: phase(), pre: phase([failed()]) })],
    ['an engine that can’t be reached', report({ post: phase([], { providers: [unavailable], verified: false }) })],
  ])('is more than a line with %s', (_, made) => {
    expect(summaryOf(made)).toContain('<h3>');
  });
});

describe('the head line', () => {
  it.each([
    ['✅ Everything is gone', phase([resource()])],
    ['🔍 Dry run', phase([resource({ outcome: 'planned' })], { dryRun: true })],
    ['📌 1 container kept', phase([resource({ outcome: 'kept' })])],
    ['⚠️ Not cleaned up', phase([], { verified: false, providers: [unavailable] })],
    ['❌ 1 container is left behind: action needed', phase([failed()])],
    ['📌 1 container removed in 6.2s; 1 container kept', phase([resource(), resource({ outcome: 'kept' })])],
    ['⏭️ Nothing was checked', phase([], { dryRun: true, providers: [provider({ status: 'skipped' })] })],
  ])('begins with %s', (head, post) => {
    expect(summaryOf(report({ post, benchmark })).split('\n')[0]).toMatch(new RegExp(`^<h3>${head}`));
  });

  it('is the worst of all phases', () => {
    const made = report({ pre: phase([failed({ id: 'a' })]), post: phase([resource()]) });
    expect(summaryOf(made)).toMatch(
      /^<h3>❌ Everything of this session is gone: 1 container in 6.2s; 1 container of earlier runs is left behind: action needed<\/h3>/,
    );
  });

  it('says so when post did not clean', () => {
    expect(summaryOf(report())).toMatch(/^<h3>⚠️ Nothing was cleaned up<\/h3>/);
  });

  it('has below it which use of the action it is', () => {
    expect(summaryOf(report({ post: phase([resource()]), session: EARLIER })).split('\n')[2]).toBe(
      '<p>session <code>p0s8d7fa</code></p>',
    );
  });
});

describe('the benchmark', () => {
  it.each([
    ['exited with code 0', {}],
    ['exited with code 3', { exitCode: 3 }],
    ['exited with code 127: the command was not found', { exitCode: 127 }],
    ['was ended by SIGKILL (exit code 137)', { exitCode: 137, signal: 'SIGKILL' }],
    ['was interrupted by SIGTERM (exit code 143)', { exitCode: 143, interruptedBy: 'SIGTERM' }],
    ['was ended at its timeout (exit code 124)', { exitCode: 124, signal: 'SIGTERM', timedOut: true, interruptedBy: null }],
  ])('%s', (how, changes) => {
    const summary = summaryOf(report({ benchmark: { ...benchmark, ...changes } }));
    expect(texts(rendered(summary))).toContain(`The benchmark make bench ${how} after 1m 4s`);
  });

  it('that main did not live to see end is reported as such', () => {
    const killed = { ...benchmark, exitCode: null, durationMs: null };
    const made = report({ benchmark: killed, post: phase() });
    expect(texts(rendered(summaryOf(made)))).toContain('❌ The benchmark make bench was still running when this step was killed');
    expect(terminalOf(made, { color: false, maxItems: 1 })).toContain(
      'The benchmark was still running when this step was killed.',
    );
  });

  it.each([
    ['is marked', true, 1],
    ['is not marked', false, 0],
  ])('%s when it is bad: %s', (_, marked, exitCode) => {
    expect(summaryOf(report({ benchmark: { ...benchmark, exitCode } })).includes('❌ The benchmark')).toBe(marked);
  });
});

describe('deaths', () => {
  it('are reported with the meaning of their exit code, how long they lived, and their last lines', () => {
    const deaths = [death({ exitCode: 137, oomKilled: true, livedMs: 61_000, logTail: ['a', '', 'b'] })];
    const html = rendered(summaryOf(report({ deaths })));
    expect(texts(html)).toContain('task-1 137 out of memory 1m 1s Its last 3 lines a b whole log: /tmp/logs/task-1.log');
  });

  it('are only those that failed', () => {
    const deaths = [death({ id: 'a', exitCode: 0 }), death({ id: 'b', exitCode: 1 }), death({ id: 'c', exitCode: null })];
    const summary = summaryOf(report({ deaths }));
    expect(summary).toContain('<h4>1 container failed during the benchmark</h4>');
    expect(summary).toContain('It is not known how 1 other container ended.');
  });

  it('that someone asked for are counted apart, and not as failed', () => {
    const asked = deaths(500, { exitCode: 137, asked: true });
    const summary = summaryOf(report({ post: phase(), deaths: [...asked, death({ name: 'real', exitCode: 3 })] }));
    expect(summary).toContain('<h4>1 container failed during the benchmark</h4>');
    expect(summary).toContain('<code>real</code>');
    expect(summary).toContain(
      '<p>500 containers were asked to stop (docker stop, compose down): they do not count as failed.</p>',
    );
  });

  it('that someone asked for are no failure where there is no other', () => {
    const summary = summaryOf(report({ post: phase([resource()]), deaths: deaths(3, { exitCode: 143, asked: true }) }));
    expect(summary).not.toContain('failed during the benchmark');
    expect(summary).toContain('3 containers were asked to stop');
  });

  it('say why there is no log', () => {
    const deaths = [death({ logFile: null, logReason: 'logs is none' })];
    expect(summaryOf(report({ deaths }))).toContain('log: <code>logs is none</code>');
  });

  it('tell a container that the engine started again once, with its last end', () => {
    const summary = summaryOf(report({ deaths: [death({ exitCode: 1 }), death({ exitCode: 139 })] }));
    expect(summary).toContain('<h4>1 container failed during the benchmark</h4>');
    expect(summary).toContain('<sub>2 times</sub>');
    expect(summary).toContain('<td align="right">139</td>');
  });

  it('are twenty at most, and the others are counted', () => {
    const summary = summaryOf(report({ deaths: deaths(23) }));
    expect(summary.match(/<td><code>task-1/g)).toHaveLength(20);
    expect(summary).toContain('<p>3 containers more: see the report.</p>');
  });
});

describe('the counts', () => {
  it('are by provider, kind and outcome', () => {
    const sandbox = resource({ provider: 'daytona', kind: 'sandbox', outcome: 'killed' });
    const html = rendered(summaryOf(report({ post: phase([resource(), sandbox, resource()]) })));
    expect(texts(html)).toContain('graceful killed docker containers 2 daytona sandboxes 1');
  });

  it('say what the outcomes mean, and why something was kept', () => {
    const kept = resource({ outcome: 'kept', reason: 'post-cleanup is never' });
    const html = rendered(summaryOf(report({ post: phase([resource(), kept]) })));
    expect(texts(html)).toContain('graceful: ended by itself after the stop signal, removed · kept: post-cleanup is never');
  });

  it('tell what went while the benchmark ran', () => {
    const run = phase([resource({ outcome: 'removed' })]);
    const summary = summaryOf({ ...report({ post: phase() }), phases: { pre: null, run, post: phase() } });
    expect(texts(rendered(summary))).toContain('While the benchmark ran, by exited-ttl: removed docker containers 1');
  });
});

describe('the timeline', () => {
  const stopped = resource({
    steps: [step({ action: 'stop', durationMs: 900 }), step({ startedAt: '2030-01-01T00:01:00.900Z' })],
  });
  const bars = (resources: Parameters<typeof phase>[0]) =>
    summaryOf(report({ post: phase(resources) })).match(/^ {4}.* :.*ms$/gm);

  it('has a bar for each of thirty, from its first rung to its last', () => {
    expect(bars(Array(30).fill(stopped))).toEqual(Array(30).fill('    930ms task-1 :0, 930ms'));
  });

  it('has a bar for each kind, outcome and rung of more', () => {
    expect(bars([...Array(30).fill(stopped), failed({ steps: [step({ durationMs: 4_000 })] })])).toEqual([
      '    stop 30 in 900ms :0, 900ms',
      '    remove 30 in 30ms :900, 30ms',
      '    remove 1 in 4s :crit, 0, 4000ms',
    ]);
  });

  it.each([
    [12, '<details open><summary>Timeline of 12 resources</summary>'],
    [13, '<details><summary>Timeline of 13 resources</summary>'],
    [40, '<details open><summary>Timeline of 40 resources</summary>'],
  ])('of %i is open where it has no more than twelve bars', (count, details) => {
    expect(summaryOf(report({ post: phase(Array(count).fill(stopped)) }))).toContain(details);
  });

  it('says to those who hear the page what it shows', () => {
    const summary = summaryOf(report({ post: phase([stopped]) }));
    expect(summary).toMatch(/^ {2}accTitle: Timeline of 1 resource\n {2}accDescr: \S.*$/m);
  });

  it('has none for what nothing was done to', () => {
    const skipped = resource({ outcome: 'kept', steps: [step({ attempts: 0, result: 'skipped' })] });
    expect(bars([skipped, resource({ outcome: 'planned' })])).toBeNull();
  });

  it.each([
    [600, '%s.%Ls', '100millisecond'],
    [6_000, '%ss', '1second'],
    [90_000, '%ss', '15second'],
    [100_000_000, '%ss', '1hour'],
  ])('of %i ms has an axis of seconds that can be read', (durationMs, format, interval) => {
    const summary = summaryOf(report({ post: phase([resource({ steps: [step({ durationMs })] })]) }));
    expect(summary).toContain(`  axisFormat ${format}\n  tickInterval ${interval}\n`);
  });
});

describe('what earlier runs left', () => {
  const left = resource({ session: EARLIER, runUrl: RUN, outcome: 'removed' });
  const listed = (resources: Parameters<typeof phase>[0], serverUrl = 'https://github.com') =>
    summaryOf(report({ pre: phase(resources), post: phase() }), { serverUrl });

  it('is reported with a link to the run', () => {
    expect(listed([left, left])).toContain(`<li>2 containers of <a href="${RUN}"><code>${EARLIER}</code></a></li>`);
  });

  it.each([
    'http://github.com/acme/bench/actions/runs/1',
    'javascript:alert(1)//github.com/acme/bench/actions/runs/1',
    'https://github.com/acme/bench/actions/runs/1"onclick="x',
    'https://user@evil.example/acme/bench/actions/runs/1',
    'https://evil.example/login',
    'https://evil.example/github/login/actions/runs/1',
    'https://github.com.evil.example/acme/bench/actions/runs/1',
    'https://github.com:8443/acme/bench/actions/runs/1',
    'https://github.com/acme/bench/actions/runs/1\n',
  ])('has no link to %j', (runUrl) => {
    expect(listed([{ ...left, runUrl }])).not.toContain('<a');
  });

  it('is reported with a link to a run on the same GitHub Enterprise Server', () => {
    const runUrl = 'https://github.acme.example:8443/acme/bench/actions/runs/1';
    expect(listed([{ ...left, runUrl }], 'https://github.acme.example:8443/')).toContain(`<a href="${runUrl}">`);
  });

  it.each([undefined, '', 'github.com'])('has no link where the server is %j', (serverUrl) => {
    const options = serverUrl === undefined ? {} : { serverUrl };
    expect(summaryOf(report({ pre: phase([left]), post: phase() }), options)).not.toContain('<a');
  });

  it('names five sessions at most', () => {
    const html = rendered(listed(Array.from({ length: 7 }, (_, index) => resource({ session: `gh-${index}` }))));
    expect(texts(html)).toContain('1 container of gh-4 and of 2 other sessions');
  });

  it('is not reported when there was nothing', () => {
    expect(summaryOf(report({ pre: phase(), post: phase([resource()]) }))).not.toContain('earlier runs');
  });
});

describe('the end of the summary', () => {
  it('tells versions, providers, session and where the report is', () => {
    const made = report({
      session: EARLIER,
      versions: { action: '1.2.0', node: 'v24.0.0' },
      post: phase([resource()], { providers: [provider()] }),
    });
    const html = rendered(summaryOf(made, { reportPath: '/tmp/report.json' }));
    expect(texts(html)).toMatch(
      /docker ready: Docker Engine 27.5.1 at .* cleanup-action 1.2.0 on Node v24.0.0 · session gh-1-1.3f9a1c22.p0s8d7fa · report \/tmp\/report.json$/,
    );
  });
});

describe('a summary that can’t be whole', () => {
  it('says which part is missing, and has all others', () => {
    const broken = { ...death(), name: undefined as unknown as string };
    const summary = summaryOf(report({ deaths: [broken], post: phase([failed()]) }));
    expect(summary).toContain('<p>⚠️ Could not render the containers that failed: <code>');
    expect(summary).toContain('<h3>❌ 1 container is left behind');
    expect(summary).toContain('Still there');
  });

  it('lists less where there is less room', () => {
    const made = report({ post: phase(Array(50).fill(failed({ error: 'x'.repeat(200) }))) });
    expect(summaryOf(made, { limit: 19_600 }).match(/<tr><td><code>task-1/g)).toHaveLength(10);
  });

  it('gives up first what matters least', () => {
    const logTail = Array(10).fill('x'.repeat(200));
    const made = report({ post: phase([failed({ steps: [step()] })]), deaths: deaths(20, { logTail }) });
    const summary = summaryOf(made, { limit: 15_600 });
    expect(summary).toContain('<code>task-1</code><br>');
    expect(summary).toContain('20 containers more: see the report.');
  });

  it.each([12_000, 20_000, 100_000, 300_000, 600_000, 1_000_000])(
    'is never longer than %i bytes when that is all there is',
    (limit) => {
      const evil = '\u{10ffff}'.repeat(1_000);
      const made = report({
        post: phase(Array(100).fill(failed({ name: evil, error: evil, command: evil.slice(0, 900) }))),
        deaths: deaths(100, { name: evil, logTail: Array(10).fill(evil) }),
      });
      const broken = {
        ...made,
        session: {
          lastIndexOf: () => {
            throw new Error(evil);
          },
        } as unknown as string,
      };
      expect(Buffer.byteLength(summaryOf(made, { limit }))).toBeLessThanOrEqual(limit);
      expect(Buffer.byteLength(summaryOf(broken, { limit }))).toBeLessThanOrEqual(limit);
    },
  );
});

describe('disk space', () => {
  it('is told of where something went for it, or a goal was not reached', () => {
    const idle = disk({ images: [], after: 54e9, provider: 'idle' });
    const made = report({ post: phase(), pre: phase([], { disk: [disk(), idle] }) });
    const line = 'docker: image-budget: 2 images removed, 5.0GB freed: images take 49.0GB of 50.0GB';
    expect(texts(rendered(summaryOf(made)))).toContain(`Disk space before the benchmark: ${line} cleanup-action`);
    expect(terminalOf(made, { color: false, maxItems: 5 })).toContain(line);
    expect(summaryOf(report({ post: phase(), pre: phase([], { disk: [idle] }) }))).toBe('<p>✅ Nothing to clean up</p>\n\n');
  });
});
