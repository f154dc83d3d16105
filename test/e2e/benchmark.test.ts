import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HEEDS_NO_SIGTERM, stateOf } from '../support/engine/containers';
import type { Inputs, JobOptions } from '../support/job/job';
import { leak, newJob } from '../support/job/jobs';

const run = (script: string, inputs: Inputs = {}): JobOptions => ({ inputs: { run: script, ...inputs } });

describe('the benchmark', () => {
  test('runs with the session in its environment, its output streamed and its exit code 0 passed on', async () => {
    const job = await newJob(run('echo "labelled with $CLEANUP_LABEL"; test -r "$CLEANUP_LABEL_FILE"'));

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(main.output).toContain(`labelled with ${labels.session}=${await job.session()}`);
    expect((await job.outputs()).get('exit-code')).toBe('0');
    expect((await job.report()).benchmark).toMatchObject({ exitCode: 0, signal: null, timedOut: false });
  });

  test('is marked for itself: later steps’ processes are not its', async () => {
    const job = await newJob(run('echo "marked as $CLEANUP_BENCHMARK"'));

    const main = await job.main();

    expect(main.output).toContain(`marked as ${await job.session()}\n`);
    expect([...(await job.exported()).keys()]).not.toContain('CLEANUP_BENCHMARK');
  });

  test('fails main with its own exit code, and is cleaned up after', async () => {
    const job = await newJob(run('echo leaking; exit 3'));

    const main = await job.main();
    const container = await leak(job, HEEDS_NO_SIGTERM);
    job.status = 'failure';
    const post = await job.post();

    expect(main.exitCode).toBe(3);
    expect(main.output).toContain(`::error title=Benchmark of session ${await job.session()}::The benchmark exited with code 3.`);
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
    [{ 'working-directory': '/no/such/place' }, /working-directory: "\/no\/such\/place" is not a directory/],
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
    // Until it heeds no SIGTERM, a busy machine takes its time.
    const job = await newJob(run('trap "" TERM; while :; do sleep 1; done', { timeout: '4s', 'grace-period': '500ms' }));

    const main = await job.main();

    expect(main.exitCode).toBe(124);
    expect((await job.report()).benchmark).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
  });

  test('that ends in time keeps its exit code, though what it leaves behind outlasts its time', async () => {
    const job = await newJob(run('(trap "" TERM; sleep 60) & exit 4', { timeout: '4s', 'grace-period': '5s' }));

    expect((await job.main()).exitCode).toBe(4);
    expect((await job.report()).benchmark).toMatchObject({ timedOut: false });
  });
});
