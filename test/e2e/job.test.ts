import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM, startContainer, stateOf, statesOf } from '../support/engine/containers';
import { bystander, leak, newJob } from '../support/job/jobs';
import { until } from '../support/until';

describe('a job whose steps are the benchmark', () => {
  test('ends with nothing left of it, and says so', async () => {
    const job = await newJob({ inputs: { 'grace-period': '5s' } });
    await bystander();

    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    const containers = await Promise.all([leak(job, HONOURS_SIGTERM), leak(job, HEEDS_NO_SIGTERM), leak(job, ['false'])]);
    await until('the last one has ended', async () => (await statesOf(containers)).includes('exited'));
    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await statesOf(containers)).toEqual(['gone', 'gone', 'gone']);
    const report = await job.report();
    expect(report.phases.post).toMatchObject({ verified: true, totals: { graceful: 1, killed: 1, removed: 1, failed: 0 } });
    expect(report.session).toBe(await job.session());
    // Main may have removed what another test left.
    expect(await job.summary()).toMatch(/^<h3>✅ Everything (of this session )?is gone: 3 containers in /);
    expect(post.output).toMatch(/Everything (of this session )?is gone: 3 containers/);
    expect(post.output).not.toContain('::warning');
  });

  test('finds the session in outputs, environment and label file', async () => {
    const job = await newJob();

    await job.main();

    const outputs = await job.outputs();
    const session = outputs.get('session-id') ?? '';
    expect(session).toMatch(/^gh-4711-1\.[0-9a-f]{8}\.[0-9a-z]{8}$/);
    expect(outputs.get('label')).toBe(`${labels.session}=${session}`);
    const file = outputs.get('label-file') ?? '';
    expect(Object.fromEntries(await job.exported())).toEqual({
      CLEANUP_SESSION_ID: session,
      CLEANUP_LABEL: `${labels.session}=${session}`,
      CLEANUP_LABEL_FILE: file,
      CLEANUP_JOB_SESSIONS: session,
      INSPECT_HELM_LABELS: `${labels.session}=${session}`,
      DOCKER_HOST: expect.stringMatching(/^unix:\/\/.*\/docker\.sock$/),
    });
    expect((await readFile(file, 'utf8')).split('\n')).toEqual([
      `${labels.session}=${session}`,
      `${labels.repository}=octo/benchmarks`,
      `${labels.workflow}=Benchmark`,
      `${labels.job}=terminal-bench`,
      `${labels.runUrl}=https://github.com/octo/benchmarks/actions/runs/4711/attempts/1`,
      '',
    ]);
  });

  test('with nothing to do says that in one line', async () => {
    const job = await newJob();
    await job.main();

    const post = await job.post();

    expect(post.exitCode).toBe(0);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, resources: [] });
    expect(await job.summary()).toMatch(/^<p>✅ Nothing to clean up · session <code>[0-9a-z]{8}<\/code><\/p>\n\n$/);
  });

  test('is clean also when post runs twice', async () => {
    const job = await newJob();
    await job.main();
    await leak(job, HONOURS_SIGTERM);

    const first = await job.post();
    const second = await job.post();

    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, resources: [] });
  });

  test('with two uses of the action keeps what the first one has running, until its own post', async () => {
    const first = await newJob();
    await first.main();
    const database = await leak(first, HONOURS_SIGTERM);
    // By its environment alone, as where RUNNER_TEMP is not shared.
    const env = Object.fromEntries(await first.exported());
    const second = await newJob({ beside: first, env });

    const { exitCode, output } = await second.main();
    await second.post();

    expect(exitCode, output).toBe(0);
    expect(await stateOf(database)).toBe('running');
    await first.post();
    expect(await stateOf(database)).toBe('gone');
  });

  test.each(['stale', 'stopped', 'all'])(
    'with two uses of the action in parallel, of which neither sees the other’s environment, keeps what the other one has (pre-cleanup: %s)',
    async (preCleanup) => {
      const first = await newJob();
      await first.main();
      const database = await leak(first, HONOURS_SIGTERM);
      const second = await newJob({ beside: first, inputs: { 'pre-cleanup': preCleanup, 'max-age': '1s' } });

      const { exitCode, output } = await second.main();

      expect(exitCode, output).toBe(0);
      expect(await stateOf(database)).toBe('running');
      await second.post();
      expect(await stateOf(database)).toBe('running');
      await first.post();
      expect(await stateOf(database)).toBe('gone');
    },
  );

  test('leaves another session’s containers alone, side by side on one engine', async () => {
    const [one, other] = [await newJob(), await newJob()];
    await Promise.all([one.main(), other.main()]);
    const [mine, theirs] = await Promise.all([leak(one, HONOURS_SIGTERM), leak(other, HONOURS_SIGTERM)]);

    await one.post();
    expect([await stateOf(mine), await stateOf(theirs)]).toEqual(['gone', 'running']);

    await other.post();
    expect(await stateOf(theirs)).toBe('gone');
  });

  test('keeps a container that is labelled so', async () => {
    const job = await newJob();
    await job.main();
    await bystander({ labels: { [labels.session]: await job.session(), [labels.keep]: 'true' } });

    await job.post();

    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { kept: 1, failed: 0 } });
  });

  test('cleans what filters match, and nothing else', async () => {
    const project = `bench-${randomUUID()}`;
    const job = await newJob({ inputs: { labels: `com.docker.compose.project=${project}`, 'name-prefixes': `${project}-` } });
    await job.main();
    const [labelled, named] = await Promise.all([
      startContainer(HONOURS_SIGTERM, { labels: { 'com.docker.compose.project': project } }),
      startContainer(HONOURS_SIGTERM, { name: `${project}-task-1` }),
      bystander({ labels: { 'com.docker.compose.project': 'production' } }),
      bystander({ name: `not-${project}` }),
    ]);

    await job.post();

    expect([await stateOf(labelled), await stateOf(named)]).toEqual(['gone', 'gone']);
  });

  test.each([
    ['never', 'success'],
    ['success', 'failure'],
    ['failure', 'success'],
  ])('keeps everything when post-cleanup is %s and the job’s status is %s', async (mode, status) => {
    const job = await newJob({ inputs: { 'post-cleanup': mode } });
    const { output } = await job.main();
    const { id } = await bystander({ labels: { [labels.session]: await job.session() } });
    job.status = status;

    await job.post();

    expect((await job.report()).phases.post).toMatchObject({ totals: { kept: 1 } });
    expect(output).toContain(mode === 'never' ? 'stay when this job ends' : `are removed if this job ends in ${mode}.`);
    // Named, with the command that removes it.
    const summary = await job.summary();
    expect(summary).toContain('<th align="left">Kept</th>');
    expect(summary).toMatch(new RegExp(`^docker .*rm --force --volumes ${id.slice(0, 12)}`, 'm'));
  });

  test('with dry-run tells what would go, and removes nothing', async () => {
    const job = await newJob({ inputs: { 'dry-run': 'true' } });
    const { output } = await job.main();
    expect(output).toContain('are listed when this job ends, and not removed, because dry-run is true.');
    await bystander({ labels: { [labels.session]: await job.session() } });

    await job.post();

    expect((await job.report()).phases.post).toMatchObject({ totals: { planned: 1 } });
    expect(await job.summary()).toContain('Dry run: 1 container would be removed');
  });
});
