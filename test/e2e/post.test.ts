import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HONOURS_SIGTERM, startContainer, stateOf } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { bystander, leak, newJob } from '../support/job/jobs';

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
    const found = (await job.stateFile()).replaceAll(dockerHost, 'unix:///no/such.sock');

    const post = await job.post({}, found);

    expect(post.exitCode).toBe(exitCode);
    expect(post.output.split('\n').filter((line) => line.startsWith(annotation))).toHaveLength(1);
    expect((await job.report()).phases.post).toMatchObject({
      verified: false,
      providers: [{ status: 'unavailable' }, { name: 'daytona' }, { name: 'kubernetes' }],
    });
    expect(await job.summary()).toContain('can’t be reached');
    expect(await job.summary()).toContain(`ps --all --quiet --filter label=${labels.session}=${await job.session()} | xargs`);
  });

  test('writes no summary where the runner has no place for it', async () => {
    const job = await newJob({ env: { GITHUB_STEP_SUMMARY: undefined } });
    await job.main();

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(post.output).not.toContain('::warning');
  });
});
