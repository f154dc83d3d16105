import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/reaper/labels';
import { HONOURS_SIGTERM, IGNORES_SIGTERM, startContainer, stateOf } from '../support/containers';
import type { Inputs, JobOptions } from '../support/job';
import { bystander, leak, newJob } from '../support/jobs';
import { until } from '../support/until';

const run = (script: string, inputs: Inputs = {}): JobOptions => ({ inputs: { run: script, ...inputs } });

describe('a job whose steps are the benchmark', () => {
  test('ends with nothing left of it, and says so', async () => {
    const job = await newJob();
    await bystander();

    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    const containers = await Promise.all([leak(job, HONOURS_SIGTERM), leak(job, IGNORES_SIGTERM), leak(job, ['false'])]);
    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await Promise.all(containers.map(stateOf))).toEqual(['gone', 'gone', 'gone']);
    const report = await job.report();
    expect(report.phases.post).toMatchObject({ verified: true, totals: { graceful: 1, killed: 1, removed: 1, failed: 0 } });
    expect(report.session).toBe(await job.session());
    expect(await job.summary()).toMatch(/^### ✅ Everything is gone: 3 containers in /);
    expect(post.output).toContain('Everything is gone: 3 containers');
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
    expect(await job.summary()).toMatch(/^### ✅ Nothing to clean up\n/);
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
    await job.main();
    await bystander({ labels: { [labels.session]: await job.session() } });
    job.status = status;

    await job.post();

    expect((await job.report()).phases.post).toMatchObject({ totals: { kept: 1 } });
  });

  test('with dry-run tells what would go, and removes nothing', async () => {
    const job = await newJob({ inputs: { 'dry-run': 'true' } });
    await job.main();
    await bystander({ labels: { [labels.session]: await job.session() } });

    await job.post();

    expect((await job.report()).phases.post).toMatchObject({ totals: { planned: 1 } });
    expect(await job.summary()).toContain('Dry run: 1 container would be removed');
  });
});

describe('the benchmark', () => {
  test('runs with the session in its environment, its output streamed and its exit code 0 passed on', async () => {
    const job = await newJob(run('echo "labelled with $CLEANUP_LABEL"; test -r "$CLEANUP_LABEL_FILE"'));

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(main.output).toContain(`labelled with ${labels.session}=${await job.session()}`);
    expect((await job.outputs()).get('exit-code')).toBe('0');
    expect((await job.report()).benchmark).toMatchObject({ exitCode: 0, signal: null, timedOut: false });
  });

  test('fails main with its own exit code, and is cleaned up after', async () => {
    const job = await newJob(run('echo leaking; exit 3'));

    const main = await job.main();
    const container = await leak(job, IGNORES_SIGTERM);
    job.status = 'failure';
    const post = await job.post();

    expect(main.exitCode).toBe(3);
    expect(main.output).toContain('::error title=Benchmark::The benchmark exited with code 3.');
    expect(post.exitCode).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect(await job.summary()).toContain('exited with code 3');
  });

  test.each([
    ['bash', 'set -o | grep -q "pipefail.*on" && false | true', 1],
    ['sh', 'false; true', 1],
    ['python3 -u {0}', 'import sys; sys.exit(7)', 7],
    ['bash -c ". {0}"', 'exit 9', 9],
  ])('runs with the shell %s', async (shell, script, exitCode) => {
    const job = await newJob(run(script, { shell }));

    expect((await job.main()).exitCode).toBe(exitCode);
  });

  test('runs in working-directory', async () => {
    const job = await newJob(run('pwd', { 'working-directory': '/usr' }));

    expect((await job.main()).output).toMatch(/^\/usr$/m);
  });

  test.each([
    [{ 'working-directory': '/no/such/place' }, /working-directory: "\/no\/such\/place" is no directory/],
    [{ shell: 'no-such-shell {0}' }, /shell: "no-such-shell" was not found/],
  ])('that can’t be started is one clear line: %o', async (inputs, message) => {
    const job = await newJob(run('true', inputs));

    const main = await job.main();

    expect(main.exitCode).toBe(1);
    expect(main.output.split('\n').filter((line) => line.startsWith('::error'))).toEqual([expect.stringMatching(message)]);
    expect(main.output).not.toMatch(/^\s+at /m);
  });

  test('ended by a signal has 128 and its number', async () => {
    const job = await newJob(run('kill -SEGV $$'));

    const main = await job.main();

    expect(main.exitCode).toBe(139);
    expect((await job.report()).benchmark).toMatchObject({ exitCode: 139, signal: 'SIGSEGV' });
  });

  test('is ended when its time is up, with exit code 124', async () => {
    const job = await newJob(run('trap "" TERM; while :; do sleep 1; done', { timeout: '1s', 'grace-period': '500ms' }));

    const main = await job.main();

    expect(main.exitCode).toBe(124);
    expect((await job.report()).benchmark).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
  });

  test('is ended with all its children when the job is cancelled', async () => {
    const mark = randomUUID();
    const job = await newJob(run(`sh -c 'trap "" INT TERM; echo started; while :; do sleep 1; done' ${mark} & wait`));
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, HONOURS_SIGTERM);

    main.kill('SIGINT');
    const { exitCode } = await main.ended;
    job.status = 'cancelled';
    const post = await job.post();

    expect(exitCode).toBe(130);
    expect(await processesWith(mark)).toEqual([]);
    expect(post.exitCode).toBe(0);
    expect(await stateOf(container)).toBe('gone');
  });

  test('is killed at the second signal', async () => {
    const job = await newJob(run('trap "" INT TERM; echo started; while :; do sleep 1; done', { 'grace-period': '60s' }));
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));

    main.kill('SIGINT');
    main.kill('SIGTERM');

    expect((await main.ended).exitCode).toBe(137);
  });

  test('is ended by post when main was killed', async () => {
    const mark = randomUUID();
    const job = await newJob(run(`sh -c 'echo started; while :; do sleep 1; done' ${mark}`));
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, HONOURS_SIGTERM);

    main.kill('SIGKILL');
    job.status = 'cancelled';
    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await processesWith(mark)).toEqual([]);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).benchmark).toBeNull();
  });
});

describe('post', () => {
  test('after a main that died before it saved anything cleans what the filters match', async () => {
    const prefix = `orphan-${randomUUID()}`;
    const job = await newJob({ inputs: { 'name-prefixes': prefix } });
    const container = await startContainer(HONOURS_SIGTERM, { name: `${prefix}-1` });
    await bystander({ labels: { [labels.session]: 'gh-1-1.00000000.aaaaaaaa' } });

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).session).toBeNull();
  });

  test('uses the settings that main had, whatever the environment says by then', async () => {
    const job = await newJob();
    await job.main();
    const container = await leak(job, HONOURS_SIGTERM);
    const later = new Map(Object.entries({ DOCKER_HOST: 'unix:///no/such.sock', 'INPUT_POST-CLEANUP': 'never' }));

    const post = await job.post(Object.fromEntries(later));

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
  });

  test.each([
    ['false', 0, '::warning'],
    ['true', 1, '::error'],
  ])('without its engine says so, once; fail-on-error %s', async (failOnError, exitCode, annotation) => {
    const job = await newJob({ inputs: { 'fail-on-error': failOnError, retries: '1', 'retry-delay': '100ms' } });
    await job.main();
    const found = (await job.stateFile()).replaceAll(inject('dockerHost'), 'unix:///no/such.sock');

    const post = await job.post({}, found);

    expect(post.exitCode).toBe(exitCode);
    expect(post.output.split('\n').filter((line) => line.startsWith(annotation))).toHaveLength(1);
    expect((await job.report()).phases.post).toMatchObject({ verified: false, providers: [{ status: 'unavailable' }] });
    expect(await job.summary()).toContain('can’t be reached');
    expect(await job.summary()).toContain(
      `ps --all --quiet --filter label=${labels.session}=${await job.session()} | xargs`.replaceAll('|', '&#124;'),
    );
  });

  test('writes no summary where the runner has no place for it', async () => {
    const job = await newJob({ env: { GITHUB_STEP_SUMMARY: undefined } });
    await job.main();

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(post.output).not.toContain('::warning');
  });
});

describe('pre-cleanup', () => {
  const session = (runner: string) => `gh-1-1.${runner}.aaaaaaaa`;

  test('removes what this runner’s earlier session left, and no other runner’s', async () => {
    const runnerName = randomUUID();
    const earlier = await newJob({ runnerName });
    await earlier.main();
    const leftover = await leak(earlier, HONOURS_SIGTERM);
    await bystander({ labels: { [labels.session]: session('0badcafe') } });

    const job = await newJob({ runnerName });
    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(await stateOf(leftover)).toBe('gone');
    expect((await job.outputs()).get('removed')).toBe('1');
    await job.post();
    expect(await job.summary()).toContain(await earlier.session());
  });

  test('removes what is older than max-age, whose ever it was', async () => {
    const prefix = `old-${randomUUID()}`;
    const container = await startContainer(HONOURS_SIGTERM, { name: `${prefix}-1` });
    const job = await newJob({ inputs: { 'name-prefixes': prefix, 'max-age': '0s' } });
    await until(
      'a second has passed on the engine',
      async () => Date.now() - Date.parse((await container.inspect()).Created) > 1_000,
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
    const runnerName = randomUUID();
    const earlier = await newJob({ runnerName });
    await earlier.main();
    await bystander({ labels: { [labels.session]: await earlier.session() } });

    const job = await newJob({ runnerName, inputs: { 'pre-cleanup': 'none' } });
    await job.main();

    expect((await job.outputs()).get('removed')).toBe('0');
  });
});

describe('bad input', () => {
  test('is one clear error a setting, all of them at once, and nothing is started', async () => {
    const job = await newJob({
      inputs: { run: 'echo started', 'grace-period': 'soon', retries: '-1', 'pre-cleanup': 'everything', labels: '=x' },
    });

    const main = await job.main();
    const post = await job.post();

    expect(main.exitCode).toBe(1);
    const errors = main.output.split('\n').filter((line) => line !== '');
    expect(errors).toEqual([
      '::error title=Bad input::labels: “=x” has an empty key, which could match everything (in "=x"); use lines of key or key=value, joined by commas where all must match',
      '::error title=Bad input::pre-cleanup: "everything" can’t be read; use one of none, stale, stopped, all',
      '::error title=Bad input::grace-period: "soon" can’t be read; use a duration such as 500ms, 5s, 2m, 24h or 7d, or a number of seconds',
      '::error title=Bad input::retries: "-1" can’t be read; use a whole number from 0',
    ]);
    expect(post.exitCode).toBe(0);
    expect(post.output).toContain('Nothing to clean up');
  });
});

describe('without an engine', () => {
  const nowhere = { DOCKER_HOST: 'unix:///no/such/docker.sock' };

  test('auto says so in main and in post, and goes on', async () => {
    const job = await newJob({ env: nowhere, inputs: { run: 'echo started' } });

    const main = await job.main();
    const post = await job.post();

    const skipped = 'docker: skipped: no Docker engine at unix:///no/such/docker.sock (DOCKER_HOST): nothing is there';
    expect([main.exitCode, post.exitCode], main.output + post.output).toEqual([0, 0]);
    expect(main.output).toContain(skipped);
    expect(main.output).toContain('started');
    expect(post.output).toContain(skipped);
    expect(post.output).not.toContain('::warning');
  });

  test('true fails main with what was tried', async () => {
    const job = await newJob({ env: nowhere, inputs: { docker: 'true', run: 'echo started' } });

    const main = await job.main();

    expect(main.exitCode).toBe(1);
    expect(main.output).toMatch(
      /^::error::docker is set to true, but there is no Docker engine at unix:\/\/\/no\/such\/docker.sock/m,
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

/** Processes of this machine whose command line holds the mark. */
async function processesWith(mark: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(mark));
}
