import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { HONOURS_SIGTERM, stateOf } from '../support/engine/containers';
import type { Job } from '../support/job/job';
import { bystander, leak, newJob } from '../support/job/jobs';

const execute = promisify(execFile);

const mounted: string[] = [];
// Before the job's directory is removed.
afterEach(async () => {
  for (const path of mounted.splice(0)) await execute('umount', ['--lazy', path]);
});

/** Puts a file system without any room where the runner's temporary directory is. */
async function fillTemp(job: Job): Promise<void> {
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=20', 'tmpfs', job.temp]);
  mounted.push(job.temp);
  await execute('dd', ['if=/dev/zero', `of=${join(job.temp, 'filler')}`, 'bs=4k'], {}).catch(() => undefined);
  for (let index = 0; index < 20; index++) await writeFile(join(job.temp, `file-${index}`), '').catch(() => undefined);
}

const warnings = (output: string) => output.split('\n').filter((line) => line.startsWith('::warning'));

/** It needs root's right to mount. */
describe.runIf(process.getuid?.() === 0)('where RUNNER_TEMP has no room', () => {
  test('main cleans all the same, and ends with the benchmark’s exit code', async () => {
    const earlier = await newJob();
    await earlier.main();
    const leftover = await leak(earlier, HONOURS_SIGTERM);
    await bystander();
    const job = await newJob({ after: earlier, inputs: { run: 'echo "labelled $CLEANUP_LABEL"; exit 3' } });
    await fillTemp(job);

    const { exitCode, output } = await job.main();

    expect(await stateOf(leftover), output).toBe('gone');
    expect(output).toContain('labelled io.github.cleanup-action.session=gh-');
    expect(exitCode, output).toBe(3);
    expect(output).toContain('ENOSPC');
    expect(warnings(output)).toHaveLength(1);
  });

  test('post cleans all the same, and is green', async () => {
    const job = await newJob();
    await job.main();
    const container = await leak(job, HONOURS_SIGTERM);
    await fillTemp(job);

    const { exitCode, output } = await job.post();

    expect(await stateOf(container), output).toBe('gone');
    expect(exitCode, output).toBe(0);
    expect(output).toContain('ENOSPC');
    expect(await job.summary()).toContain('Everything is gone');
  });

  test('a filled disk that holds the runner’s own files, too, stops neither', async () => {
    const earlier = await newJob();
    await earlier.main();
    const leftover = await leak(earlier, HONOURS_SIGTERM);
    const full = Object.fromEntries(
      ['GITHUB_STATE', 'GITHUB_OUTPUT', 'GITHUB_ENV', 'GITHUB_STEP_SUMMARY'].map((name) => [name, '/dev/full']),
    );
    const job = await newJob({ after: earlier, env: full, inputs: { run: 'exit 3' } });

    const main = await job.main();
    const post = await job.post();

    expect(await stateOf(leftover), main.output).toBe('gone');
    expect([main.exitCode, post.exitCode], main.output + post.output).toEqual([3, 0]);
  });
});

describe('where RUNNER_TEMP', () => {
  test.each([
    ['is a file', async (job: Job) => writeFile(job.temp, '')],
    ['is not there, and can’t be made', async (job: Job) => writeFile(join(job.temp, '..', 'file'), '')],
    [
      'holds a file in the place of the action’s directory',
      async (job: Job) => {
        await mkdir(job.temp);
        await writeFile(join(job.temp, 'cleanup-action'), '');
      },
    ],
  ])('%s, main cleans and runs the benchmark, and post cleans', async (what, prepare) => {
    const job = await newJob({ inputs: { run: 'exit 3' } });
    await rm(job.temp, { recursive: true });
    await prepare(job);
    const temp = what.startsWith('is not there') ? { RUNNER_TEMP: join(job.directory, 'file', 'temp') } : undefined;

    const main = await job.main(temp);
    const container = await leak(job, HONOURS_SIGTERM);
    const post = await job.post(temp);

    expect(main.exitCode, main.output).toBe(3);
    expect(await stateOf(container), post.output).toBe('gone');
    expect(post.exitCode, post.output).toBe(0);
  });
});
