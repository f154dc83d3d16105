import { afterAll, beforeAll, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { PhaseReport } from '../../src/report/model';
import { stateOf } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { loadImage } from '../support/engine/image';
import type { Job } from '../support/job/job';
import { until } from '../support/until';

/** Alone on its engine: all that is new there is counted. */
let engine: EngineToBreak;
beforeAll(async () => {
  engine = await EngineToBreak.start();
});
afterAll(() => engine.stop());

const postOf = async (job: Job): Promise<PhaseReport> => {
  const { post } = (await job.report()).phases;
  if (post === null) throw new Error('post has reported nothing');
  return post;
};

/** `['2 container: a, b']`; Podman gives images without a registry this one. */
const counts = ({ unowned = [] }: PhaseReport) =>
  unowned.map(({ kind, count, names }) => `${count} ${kind}: ${names.join(', ').replace(/^localhost\//, '')}`);

test('what appeared while the job ran and has no owner is counted by post, and stays', async () => {
  const { docker } = engine.engine;
  await engine.start({ name: 'before' });
  await docker.createNetwork({ Name: 'before' });
  const job = await engine.begunJob({ inputs: { 'grace-period': '10s' } });
  const session = await job.session();
  const containers = [
    await engine.start({ name: 'harness-1', hostConfig: { Binds: ['harness-data:/data'] } }),
    await engine.start({ name: 'harness-2' }),
  ];
  const network = await docker.createNetwork({ Name: 'harness_default' });
  await loadImage(docker, { name: 'harness:1', created: new Date(0) });
  await engine.start({ labels: { [labels.session]: session } });
  const others = await engine.start({ labels: { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' } });

  const { exitCode, output } = await job.post();

  expect(exitCode, output).toBe(0);
  const post = await postOf(job);
  expect(post).toMatchObject({ verified: true, totals: { graceful: 1, failed: 0 } });
  expect(counts(post).sort()).toEqual([
    '1 image: harness:1',
    '1 network: harness_default',
    '1 volume: harness-data',
    '2 container: harness-1, harness-2',
  ]);
  expect(await Promise.all([...containers, others].map(stateOf))).toEqual(['running', 'running', 'running']);
  expect((await network.inspect()).Name).toBe('harness_default');
  expect((await docker.getVolume('harness-data').inspect()).Name).toBe('harness-data');
});

test('what a filter was meant for and did not match is counted, with its anonymous volume', async () => {
  const job = await engine.begunJob({ inputs: { 'name-prefixes': 'bench-', labels: 'team=eval' } });
  const container = await engine.start({ name: 'bensh-1', volumes: ['/data'] });

  await job.post();

  const post = await postOf(job);
  expect(counts(post).map((line) => line.replace(/: [0-9a-f]{64}$/, ''))).toEqual(['1 container: bensh-1', '1 volume']);
  expect(await stateOf(container)).toBe('running');
});

test('a filter that matched nothing is reported in one line, in log and summary, and is not red', async () => {
  const job = await engine.begunJob({ inputs: { 'name-prefixes': 'bench-\nbensh-', labels: 'team=eval' } });
  await engine.start({ name: 'bensh-2' });

  const { exitCode, output } = await job.post();

  const [line, statement] = [
    '`labels: team=eval`, `name-prefixes: bench-` matched nothing that was still there. If something should have matched, check the spelling.',
    'matched nothing that was still there.',
  ];
  expect(output.split('\n')).toContain(line);
  expect(output).not.toMatch(/^::(warning|error)/m);
  expect(exitCode).toBe(0);
  expect(await job.summary()).toContain(statement);
  expect(await postOf(job)).toMatchObject({
    verified: true,
    unmatched: [
      { setting: 'labels', filter: 'team=eval' },
      { setting: 'name-prefixes', filter: 'bench-' },
    ],
  });
});

test('a kind that is not cleaned is counted though it carries the session’s label', async () => {
  const job = await engine.begunJob();
  const session = await job.session();
  await loadImage(engine.engine.docker, { name: 'built:1', labels: { [labels.session]: session } });

  await job.post();

  expect(counts(await postOf(job))).toEqual(['1 image: built:1']);
});

test('a volume that pre-cleanup removed is new when the job makes it again', async () => {
  const { docker } = engine.engine;
  const first = await engine.begunJob();
  await docker.createVolume({ Name: 'again', Labels: { [labels.session]: await first.session() } });
  await first.remove();
  const { CreatedAt } = (await docker.getVolume('again').inspect()) as { readonly CreatedAt?: string };
  await until('the next one is younger, as the engine counts', () => Date.now() - Date.parse(CreatedAt ?? '') > 3_500);
  const job = await engine.begunJob({ inputs: { scope: 'job', 'pre-cleanup': 'all' }, env: { GITHUB_RUN_ID: '4712' } });
  await docker.createVolume({ Name: 'again' });

  await job.post();

  expect(await postOf(job)).toMatchObject({ resources: [{ kind: 'volume', name: 'again', outcome: 'removed' }], unowned: [] });
});

test('nothing is counted where nothing is new', async () => {
  const job = await engine.begunJob();

  await job.post();

  expect(await postOf(job)).toMatchObject({ unowned: [], spared: [] });
});

test('with scope job, new anonymous volumes go, and those of before and of others stay', async () => {
  const { docker } = engine.engine;
  const orphan = async () => {
    const container = await engine.start({ volumes: ['/data'] });
    const [mount] = (await container.inspect()).Mounts;
    await container.remove({ force: true, v: false });
    return docker.getVolume(mount?.Name ?? '');
  };
  const exists = (volume: ReturnType<typeof docker.getVolume>) =>
    volume.inspect().then(
      () => true,
      () => false,
    );
  const before = await orphan();
  const job = await engine.begunJob({ inputs: { scope: 'job' } });
  const [after, others] = [
    await orphan(),
    await engine.start({ volumes: ['/data'], labels: { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' } }),
  ];
  const container = await engine.start({ volumes: ['/data'] });

  const { exitCode, output } = await job.post();

  expect(exitCode, output).toBe(0);
  const [ofOthers] = (await others.inspect()).Mounts;
  expect(await Promise.all([before, after, docker.getVolume(ofOthers?.Name ?? '')].map(exists))).toEqual([true, false, true]);
  expect([await stateOf(container), await stateOf(others)]).toEqual(['gone', 'running']);
  const post = await postOf(job);
  expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  expect(post.resources.filter(({ kind }) => kind === 'volume')).toMatchObject([{ outcome: 'removed' }]);
});
