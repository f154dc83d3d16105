import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HONOURS_SIGTERM, startContainer, stateOf } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import type { JobOptions } from '../support/job/job';
import { bystander, leak, newJob } from '../support/job/jobs';
import { until } from '../support/until';

describe('bad input', () => {
  test('is one clear line a setting, all of them at once in one error, and nothing is started', async () => {
    const job = await newJob({
      inputs: { run: 'echo started', 'grace-period': 'soon', retries: '-1', 'pre-cleanup': 'everything', labels: '=x' },
    });

    const main = await job.main();
    const post = await job.post();

    expect(main.exitCode).toBe(1);
    const problems = [
      'labels: “=x” has an empty key, which could match everything (in "=x"); use lines of key or key=value, joined by commas where all must match; in a value, * is a wildcard and \\, a comma',
      'pre-cleanup: "everything" can’t be read; use one of none, stale, stopped, all',
      'grace-period: "soon" can’t be read; use a duration such as 500ms, 5s, 2m, 24h or 7d, or a number of seconds',
      'retries: "-1" can’t be read; use a whole number from 0',
    ];
    expect(main.output.split('\n').filter((line) => line !== '')).toEqual([
      ...problems.map((problem) => `Bad input: ${problem}`),
      `::error title=Bad input::4 problems: ${problems.join('; ')}`,
    ]);
    expect(post.exitCode).toBe(0);
    expect(post.output).toContain('Nothing to clean up');
  });
});

describe('without an engine', () => {
  const nowhere = { DOCKER_HOST: 'unix:///no/such/docker.sock' };

  test('that was named, auto warns in main and in post, and goes on', async () => {
    const job = await newJob({ env: nowhere, inputs: { run: 'echo started', 'retry-delay': '100ms' } });

    const main = await job.main();
    const post = await job.post();

    const unavailable = 'docker: unavailable: no Docker engine at unix:///no/such/docker.sock (DOCKER_HOST): nothing is there';
    expect([main.exitCode, post.exitCode], main.output + post.output).toEqual([0, 0]);
    expect(main.output).toContain(unavailable);
    expect(main.output).toContain('started');
    expect(post.output).toContain(unavailable);
    const waiting =
      /docker: no Docker engine at unix:\/\/\/no\/such\/docker\.sock \(DOCKER_HOST\): nothing is there; trying again, as retries and retry-delay say/g;
    for (const { output } of [main, post]) expect(output.match(waiting), 'told at once, and once').toHaveLength(1);
    for (const { output } of [main, post]) {
      expect(output.match(/^::warning .*docker can’t be reached/gm), output).toHaveLength(1);
    }
    expect((await job.report()).phases.post?.verified).toBe(false);
  });

  test('true fails main with what was tried', async () => {
    const job = await newJob({ env: nowhere, inputs: { docker: 'true', run: 'echo started', retries: '0' } });

    const main = await job.main();

    expect(main.exitCode).toBe(1);
    expect(main.output).toMatch(
      /^::error title=Pre-cleanup of session gh-\S+::docker is set to true, and can’t be used: no Docker engine at unix:\/\/\/no\/such\/docker.sock/m,
    );
    expect(main.output).not.toContain('started');
  });

  test('that it may talk to, tells permission denied from absent, and what to do', async () => {
    // Node as another user cannot enter the directory of a private engine, nor open the socket of the machine's own.
    const job = await newJob({ uid: 65534 });

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(main.output).toContain('permission denied: add the runner’s user to the socket’s group');
  });

  test('false leaves the engine alone', async () => {
    const job = await newJob({ inputs: { docker: 'false' } });
    await job.main();
    await bystander({ labels: { [labels.session]: await job.session() } });

    const post = await job.post();

    expect(post.output).toContain('docker: skipped: docker is false');
  });
});

describe('pre-cleanup', () => {
  const session = (runner: string) => `gh-1-1.${runner}.aaaaaaaa`;

  test('removes what this runner’s earlier session left, and no other runner’s', async () => {
    const earlier = await newJob();
    await earlier.main();
    const leftover = await leak(earlier, HONOURS_SIGTERM);
    await bystander({ labels: { [labels.session]: session('0badcafe') } });

    const job = await newJob({ after: earlier });
    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(await stateOf(leftover)).toBe('gone');
    expect((await job.outputs()).get('removed')).toBe('1');
    await job.post();
    expect(await job.summary()).toContain(await earlier.session());
  });

  test.each<[string, JobOptions]>([
    ['another installation of a runner that has the same name on the same machine', { runnerName: 'bench-1' }],
    ['a program that gives no runner a name (act)', { env: { RUNNER_NAME: undefined } }],
    ['a program that gives no runner a directory of its own', { runnerName: 'bench-1', env: { RUNNER_TEMP: undefined } }],
  ])('leaves alone what runs in the live session of %s', async (_, runner) => {
    const other = await newJob(runner);
    await other.main();
    await bystander({ labels: { [labels.session]: await other.session() } });

    const job = await newJob(runner);
    const { exitCode, output } = await job.main();

    expect(exitCode, output).toBe(0);
    expect((await job.outputs()).get('removed')).toBe('0');
  });

  test('removes what is older than max-age, whose ever it was', async () => {
    const prefix = `old-${randomUUID()}`;
    const container = await startContainer(HONOURS_SIGTERM, { name: `${prefix}-1` });
    const job = await newJob({ inputs: { 'name-prefixes': prefix, 'max-age': '1s' } });
    await until(
      'a second has passed on the engine',
      async () => Date.now() - Date.parse((await container.inspect()).Created) > 2_000,
    );

    await job.main();

    expect(await stateOf(container)).toBe('gone');
  });

  test('stopped removes what does not run, and leaves what runs', async () => {
    const prefix = `stopped-${randomUUID()}`;
    const exited = await startContainer(['true'], { name: `${prefix}-1` });
    await until('it has exited', async () => (await stateOf(exited)) === 'exited');
    await bystander({ name: `${prefix}-2` });
    const job = await newJob({ inputs: { 'name-prefixes': prefix, 'pre-cleanup': 'stopped' } });

    await job.main();

    expect(await stateOf(exited)).toBe('gone');
  });

  test('all removes what runs, too', async () => {
    const prefix = `all-${randomUUID()}`;
    const running = await startContainer(HONOURS_SIGTERM, { name: `${prefix}-1` });
    const job = await newJob({ inputs: { 'name-prefixes': prefix, 'pre-cleanup': 'all', 'dry-run': 'false' } });

    await job.main();

    expect(await stateOf(running)).toBe('gone');
  });

  test('none removes nothing', async () => {
    const earlier = await newJob();
    await earlier.main();
    await bystander({ labels: { [labels.session]: await earlier.session() } });

    const job = await newJob({ after: earlier, inputs: { 'pre-cleanup': 'none' } });
    await job.main();

    expect((await job.outputs()).get('removed')).toBe('0');
  });
});

describe('several engines', () => {
  test('are providers of their own: one that is down does not hold up the other, in main and in post', async () => {
    const [up, down] = [dockerHost, 'unix:///no/such/docker.sock'];
    const inputs = { 'docker-host': `${down}\n${up}`, retries: '1', 'retry-delay': '100ms', 'grace-period': '10s' };
    const job = await newJob({ inputs });
    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    const container = await leak(job, HONOURS_SIGTERM);

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).phases.post).toMatchObject({
      verified: false,
      providers: [
        { name: `docker (${down})`, status: 'unavailable' },
        { name: `docker (${up})`, status: 'ready' },
        { name: 'daytona', status: 'skipped' },
        { name: 'kubernetes', status: 'skipped' },
      ],
      resources: [{ provider: `docker (${up})`, outcome: 'graceful' }],
    });
  });
});
