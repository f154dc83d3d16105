import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HONOURS_SIGTERM, stateOf } from '../support/engine/containers';
import { processesWith } from '../support/job/benchmark-process';
import { startEntry } from '../support/job/entry';
import type { Inputs, JobOptions } from '../support/job/job';
import { leak, newJob } from '../support/job/jobs';
import { until } from '../support/until';

const run = (script: string, inputs: Inputs = {}): JobOptions => ({ inputs: { run: script, ...inputs } });

/** A program that ignores signals, says so, and has the mark in its command line. */
const deaf = (mark: string) =>
  `perl -e '$SIG{$_} = "IGNORE" for qw(INT TERM HUP); syswrite STDOUT, "started\\n"; sleep 1000' ${mark}`;

describe('a benchmark that does not end by itself', () => {
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
    expect((await job.report()).benchmark).toMatchObject({ exitCode: null, signal: null, remains: 'ended' });
    expect(post.output).toContain('Main was killed before its end. The benchmark was still running, and has been ended');
    expect(await job.summary()).toContain('was still running when this step was killed; it was ended when the job ended');
  });

  test('that was ended with main, as by a machine that runs out of memory, is not passed over in silence', async () => {
    const job = await newJob(run('echo started; sleep 1000'));
    const main = await job.startMain();
    const groupIn = async () => Number(/benchmark<<.*\n(\d+)/.exec(await job.stateFile())?.[1]);
    await until('the benchmark runs, and main has noted it', async () => (await groupIn()) > 0);
    const group = await groupIn();

    main.kill('SIGKILL');
    process.kill(-group, 'SIGKILL');
    await main.ended;
    job.status = 'failure';
    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect((await job.report()).benchmark).toMatchObject({ exitCode: null, remains: 'gone' });
    expect(post.output).toMatch(
      /^::warning title=Main of session gh-\S+::Main was killed before its end\. The benchmark was running, and has ended since;/m,
    );
  });

  test('of a main that still runs, as one whose step was cancelled by itself may, is waited for', async () => {
    const job = await newJob(run('echo started; exec sleep 3600', { 'grace-period': '60s' }));
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, HONOURS_SIGTERM);

    // It hears of the cancel when it goes on.
    main.kill('SIGSTOP');
    main.kill('SIGINT');
    job.status = 'cancelled';
    const started = await job.startPost();
    const waits = /^Main \(process \d+\) is still running: waiting at most 10s for its end/m;
    await until('post waits for main', () => waits.test(started.output));
    main.kill('SIGCONT');
    const post = await started.ended;

    expect(post.output).not.toContain('Main was killed');
    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).benchmark).toMatchObject({ interruptedBy: 'SIGINT' });
  });

  test('is away with all it started before the runner loses patience, however deaf and however far away it is', async () => {
    const mark = randomUUID();
    const script = `trap "" INT TERM; (setsid ${deaf(mark)} &); ${deaf(mark)} & while :; do wait; done`;
    const job = await newJob(run(script, { 'grace-period': '60s' }));
    const main = await job.startMain();
    await until('all of it runs', () => main.output.split('started').length === 3);

    const cancelledAt = performance.now();
    main.kill('SIGINT');
    const { exitCode } = await main.ended;

    // SIGTERM comes after 7.5 s. https://github.com/actions/runner/blob/main/src/Runner.Sdk/ProcessInvoker.cs
    expect(performance.now() - cancelledAt).toBeLessThan(7_000);
    expect(exitCode).toBe(137);
    expect(await processesWith(mark)).toEqual([]);
    expect((await job.report()).benchmark).toMatchObject({ exitCode: 137 });
  });

  test('is ended by post when main was killed, wherever its processes have gone', async () => {
    const mark = randomUUID();
    const job = await newJob(run(`(setsid ${deaf(mark)} &); ${deaf(mark)}`));
    const main = await job.startMain();
    await until('all of it runs', () => main.output.split('started').length === 3);

    main.kill('SIGKILL');
    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(post.output).toMatch(/^Ending the benchmark, which outlived main: .*perl \(\d+\)/m);
    expect(await processesWith(mark)).toEqual([]);
  });

  test.runIf(process.getuid?.() === 0)(
    'because the runner’s user may not end it, is a warning, and holds nothing up',
    async () => {
      const becomesRoot = 'exec "$RUNNER_TEMP/../setpriv" --reuid=0 --regid=0 --clear-groups sleep 1000 > /dev/null 2>&1';
      // Until it is root’s, a busy machine takes its time.
      const job = await newJob({ ...run(becomesRoot, { timeout: '4s', docker: 'false' }), uid: 65534 });
      const setpriv = join(job.directory, 'setpriv');
      await copyFile('/usr/bin/setpriv', setpriv);
      await chmod(setpriv, 0o4755);

      const main = await job.main();

      const survivor =
        /^::warning title=Benchmark of session gh-\S+::A process of the benchmark could not be ended: sleep \((\d+)\)/m.exec(
          main.output,
        );
      expect(survivor, main.output).not.toBeNull();
      process.kill(Number(survivor?.[1]), 'SIGKILL');
      expect(main.exitCode).toBe(124);
    },
  );
});

describe('post', () => {
  test('cleans and reports when nobody reads its log any more', async () => {
    const job = await newJob();
    await job.main();
    const container = await leak(job, HONOURS_SIGTERM);
    const { node, bundle, env } = await job.postProcess();

    const post = spawn(node, [bundle], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    post.stdout.destroy();
    post.stderr.destroy();
    const [exitCode] = await once(post, 'exit');

    expect(exitCode).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).phases.post).toMatchObject({ verified: true });
  });

  test('cleans in spite of a fault of its own, and fails', async () => {
    const job = await newJob({ inputs: { delay: '300ms' } });
    await job.main();
    const container = await leak(job, HONOURS_SIGTERM);

    const { exitCode, output } = await startEntry('post', 'timer', (await job.postProcess()).env).ended;

    expect(exitCode, output).toBe(1);
    expect(await stateOf(container)).toBe('gone');
  });
});
