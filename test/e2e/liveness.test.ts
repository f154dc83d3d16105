import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { Report } from '../../src/report/model';
import { stateOf } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { type Behaviour, GithubServer } from '../support/github/server';
import type { Job, JobOptions } from '../support/job/job';
import { Worker } from '../support/job/worker';
import { textsIn } from '../support/texts-in';

let engine: EngineToBreak;
let stranger: Awaited<ReturnType<EngineToBreak['start']>>;
let keptOne: typeof stranger;
beforeAll(async () => {
  engine = await EngineToBreak.start();
  stranger = await engine.start();
  keptOne = await engine.start({ labels: { [labels.keep]: 'true', [labels.session]: 'gh-1-1.0badcafe.bbbbbbbb' } });
});
afterAll(() => engine.stop());

/** Of one user on one host. */
let state: string;
const workers: Worker[] = [];
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cleanup-liveness-'));
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await rm(state, { recursive: true, force: true });
  expect([await stateOf(stranger), await stateOf(keptOne)], 'bystanders').toEqual(['running', 'running']);
});

let runs = 1_000;

/** A job of a run of its own, with a worker, whose main has run. */
async function begunJob({
  env = {},
  inputs = {},
  ...rest
}: JobOptions = {}): Promise<{ readonly job: Job; readonly worker: Worker; readonly run: string }> {
  const worker = await Worker.start();
  workers.push(worker);
  runs += 1;
  const run = String(runs);
  const ofRun = { CLEANUP_STATE_DIRECTORY: state, GITHUB_RUN_ID: run, ...env };
  // What a killed worker leaves is for leases to tell of, not for a watchdog to remove.
  const own = { watchdog: 'false', 'grace-period': '10s', ...inputs };
  return { job: await engine.begunJob({ worker, env: ofRun, inputs: own, ...rest }), worker, run };
}

async function leak(job: Job): Promise<Awaited<ReturnType<EngineToBreak['start']>>> {
  const lines = (await readFile((await job.outputs()).get('label-file') ?? '', 'utf8')).trim().split('\n');
  return engine.start({ labels: Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2))) });
}

const removed = ({ phases: { pre } }: Report) =>
  pre?.resources.map(({ outcome, session, evidence }) => ({ outcome, session, evidence }));

describe('what a killed job left', () => {
  test('goes with the next job of another runner of the same user, which names the lease', async () => {
    const { job: killed, worker } = await begunJob();
    const leftover = await leak(killed);
    const { job: meanwhile } = await begunJob();
    expect(await stateOf(leftover), 'while its worker lives').toBe('running');
    await worker.kill();

    const { job: next } = await begunJob();

    expect(await stateOf(leftover)).toBe('gone');
    expect(removed(await next.report())).toEqual([{ outcome: 'graceful', session: await killed.session(), evidence: 'lease' }]);
    expect(await next.summary()).toBe('');
    expect(removed(await meanwhile.report())).toEqual([]);
  });

  test('before the machine was started anew goes, too, and what lives stays', async () => {
    const { job: before } = await begunJob();
    const { job: live } = await begunJob();
    const [leftover, bystander] = [await leak(before), await leak(live)];
    await Promise.all(
      [join(state, 'leases'), '/tmp/cleanup-action-leases'].map(async (directory) => {
        const path = join(directory, `${await before.session()}.json`);
        const lease = JSON.parse(await readFile(path, 'utf8'));
        const { pid } = lease.keeper;
        await writeFile(
          path,
          JSON.stringify({ ...lease, keeper: { pid, startedAt: '11111111-2222-3333-4444-555555555555 4711' } }),
        );
      }),
    );

    const { job: next } = await begunJob();

    expect([await stateOf(leftover), await stateOf(bystander)]).toEqual(['gone', 'running']);
    expect(removed(await next.report())).toEqual([expect.objectContaining({ evidence: 'lease' })]);
  });
});

describe('two runners of one name on one host, at once', () => {
  test.each(['stale', 'stopped', 'all'])('never take each other’s, with pre-cleanup %s, however old', async (mode) => {
    const options = { runnerName: 'twin', inputs: { 'pre-cleanup': mode, 'max-age': '1ms', 'max-containers': '0' } };
    const { job: first } = await begunJob(options);
    const ofFirst = await leak(first);
    const { job: second } = await begunJob(options);
    const ofSecond = await leak(second);
    const { job: third } = await begunJob(options);

    expect([await stateOf(ofFirst), await stateOf(ofSecond)]).toEqual(['running', 'running']);
    const both = [await first.session(), await second.session()];
    expect(removed(await third.report())?.filter(({ session }) => both.includes(session ?? ''))).toEqual([]);
    await second.post();
    expect([await stateOf(ofFirst), await stateOf(ofSecond)]).toEqual(['running', 'gone']);
    await first.post();
    expect(await stateOf(ofFirst)).toBe('gone');
  });
});

describe('a planted lease', () => {
  test('condemns nothing', async () => {
    const { job: live } = await begunJob();
    const bystander = await leak(live);
    const session = await live.session();
    const shared = join('/tmp/cleanup-action-leases', `${session}.json`);
    const lease = JSON.parse(await readFile(shared, 'utf8'));
    await writeFile(shared, JSON.stringify({ ...lease, keeper: { pid: 4_194_304, startedAt: '' }, hasEnded: true }));
    // Its own lease is elsewhere: another user's state directory.
    await rm(join(state, 'leases', `${session}.json`));

    await begunJob({ inputs: { 'pre-cleanup': 'stale' } });

    expect(await stateOf(bystander)).toBe('running');
    await live.post();
  });
});

test('a session that ends leaves no lease, unless it leaves something', async () => {
  const { job } = await begunJob();
  await job.post();
  const { job: keeping } = await begunJob({ inputs: { 'post-cleanup': 'never' } });
  const kept = await leak(keeping);
  await keeping.post();
  expect(await readdir(join(state, 'leases'))).toEqual([`${await keeping.session()}.json`]);

  const { job: next } = await begunJob();

  expect(await stateOf(kept)).toBe('gone');
  expect(removed(await next.report())).toEqual([expect.objectContaining({ evidence: 'lease' })]);
});

describe('with a token for GitHub', () => {
  let github: GithubServer;
  beforeEach(async () => {
    github = await GithubServer.start();
  });
  afterEach(() => github.close());

  const withToken = (): JobOptions => ({ env: github.variables(), inputs: { 'github-token': github.token } });

  /** What the job of a machine that is gone left: no lease of it is here. */
  async function leftElsewhere(behaviour: Behaviour | undefined): Promise<Awaited<ReturnType<EngineToBreak['start']>>> {
    runs += 1;
    if (behaviour) github.has('octo/benchmarks', runs, 1, behaviour);
    return engine.start({
      labels: {
        [labels.session]: `gh-${runs}-1.0badcafe.aaaaaaaa`,
        [labels.repository]: 'octo/benchmarks',
        [labels.runUrl]: `https://github.com/octo/benchmarks/actions/runs/${runs}/attempts/1`,
      },
    });
  }

  test('what a run left that is over goes at once, from any runner; of others, nothing', async () => {
    const over = await leftElsewhere('completed');
    const rest = await Promise.all((['in_progress', 'queued', 'another-run', 'html', undefined] as const).map(leftElsewhere));

    const { job } = await begunJob(withToken());

    expect(await stateOf(over)).toBe('gone');
    expect(await Promise.all(rest.map(stateOf))).toEqual(rest.map(() => 'running'));
    expect(removed(await job.report())).toEqual([expect.objectContaining({ evidence: 'ci' })]);
    expect(github.requests).toHaveLength(6);
    await Promise.all(rest.map((container) => container.remove({ force: true })));
  });

  test('what a run in progress has stays, however old', async () => {
    const live = await leftElsewhere('in_progress');
    const { inputs, ...rest } = withToken();
    const { job } = await begunJob({ ...rest, inputs: { ...inputs, 'max-age': '1ms', 'pre-cleanup': 'all' } });
    expect(await stateOf(live)).toBe('running');
    expect(removed(await job.report())?.map(({ evidence }) => evidence)).not.toContain('ci');
    await live.remove({ force: true });
  });

  test.each<Behaviour>(['forbidden', 'unauthorized', 'rate-limited', 'slow', 'redirect'])(
    'an answer that is %s makes nothing go, and main goes on within seconds',
    async (behaviour) => {
      const unknown = await leftElsewhere(behaviour);
      const startedAt = Date.now();
      const { job } = await begunJob(withToken());
      expect(Date.now() - startedAt).toBeLessThan(30_000);
      expect(await stateOf(unknown)).toBe('running');
      expect(removed(await job.report())).toEqual([]);
      await unknown.remove({ force: true });
    },
  );

  test('a job’s own session is never over, whatever is said of its run; nor is a sibling’s', async () => {
    const { job, run } = await begunJob(withToken());
    github.has('octo/benchmarks', run, 1, 'completed');
    const own = await leak(job);
    const { env = {}, ...rest } = withToken();
    const { job: sibling } = await begunJob({
      ...rest,
      env: { ...env, GITHUB_RUN_ID: run, CLEANUP_STATE_DIRECTORY: join(state, 'elsewhere') },
    });
    expect(await stateOf(own)).toBe('running');
    expect(removed(await sibling.report())).toEqual([]);
    await job.post();
    expect(await stateOf(own)).toBe('gone');
  });

  test('the token stands in no file, and no log', async () => {
    await leftElsewhere('unauthorized').then((container) => container.remove({ force: true }));
    const { job } = await begunJob({ ...withToken(), inputs: { 'github-token': 'ghs_a-secret-one', run: 'env; ps -ef' } });
    const { output } = await job.post();
    const texts = [output, await job.stateFile(), await job.summary(), JSON.stringify(await job.report())];
    const written = (await textsIn(job.directory)).values();
    const shown = [...texts, ...written].filter((text) => text.includes('ghs_a-secret-one'));
    expect(shown.filter((text) => !text.includes('::add-mask::'))).toEqual([]);
  });
});
