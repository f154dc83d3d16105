import type Docker from 'dockerode';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { stateOf, statesOf } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { loadImage } from '../support/engine/image';
import { unique } from '../support/made';
import { ofSession } from '../support/session/of-session';

/** Alone on its engine: `pre-cleanup: all` is tried on it. */
let engine: EngineToBreak;
beforeAll(async () => {
  engine = await EngineToBreak.start();
});
afterAll(() => engine.stop());

const OTHERS = 'gh-1-1.0badcafe.aaaaaaaa';
const IMAGES = { resources: 'containers images' };

const sessionLabel = async (container: Docker.Container) => (await container.inspect()).Config.Labels[labels.session];
/** How many tags the image has; 0 when it is gone. */
const tagsOf = (image: string) =>
  engine.engine.docker
    .getImage(image)
    .inspect()
    .then(
      ({ RepoTags }) => RepoTags.length,
      () => 0,
    );

/** `docker build --label "$CLEANUP_LABEL"`, or `docker pull` where it has no label. */
async function image(name: string, label: Record<string, string> = {}, created = new Date()): Promise<string> {
  const tag = `${unique(name)}:1`;
  await loadImage(engine.engine.docker, { name: tag, labels: label, created });
  return tag;
}

/** `docker commit` of a container with the session's label. */
async function committed(container: Docker.Container): Promise<string> {
  const repo = unique('committed');
  await container.commit({ repo, tag: '1' });
  return `${repo}:1`;
}

describe('a container that has the session’s label from its image', () => {
  test('is removed by the session’s own post', async () => {
    const stranger = await engine.start();
    const job = await engine.begunJob();
    const session = await job.session();
    const source = await engine.start({ labels: ofSession(session) });
    const [built, copy] = [await image('built', ofSession(session)), await committed(source)];
    const containers = [
      source,
      await engine.start({ image: built }),
      await engine.start({ image: copy }),
      // The label repeated on purpose: the engine does not tell it from the image's.
      await engine.start({ image: built, labels: ofSession(session) }),
    ];
    expect(await Promise.all(containers.map(sessionLabel))).toEqual([session, session, session, session]);

    const { exitCode, output } = await job.post();

    expect(exitCode, output).toBe(0);
    expect(await statesOf([...containers, stranger])).toEqual(['gone', 'gone', 'gone', 'gone', 'running']);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { failed: 0 }, spared: [] });
  });

  test.each([
    { 'pre-cleanup': 'stale', 'max-age': '1ms' },
    { 'pre-cleanup': 'stopped', 'max-age': '1ms' },
    { 'pre-cleanup': 'all' },
  ])('is left alone by later runs, and named: %o', async (inputs) => {
    const job = await engine.begunJob();
    const session = await job.session();
    const source = await engine.start({ labels: ofSession(session) });
    const [built, copy] = [await image('built', ofSession(session)), await committed(source)];
    await job.post();
    const production = [
      await engine.start({ image: built, name: 'production-1' }),
      await engine.start({ image: copy, name: 'production-2' }),
      await engine.start({ image: built, name: 'production-3', labels: ofSession(session) }),
    ];
    // Its image has no label: it is a leftover.
    const leftover = await engine.start({ labels: ofSession(session) });

    const later = await engine.begunJob({ inputs, env: { GITHUB_RUN_ID: '4712' } });
    const { pre } = (await later.report()).phases;
    await later.post();

    expect(await statesOf([...production, leftover])).toEqual(['running', 'running', 'running', 'gone']);
    await Promise.all(production.map((container) => container.remove({ force: true })));
    expect(pre?.spared).toEqual([
      {
        provider: 'docker',
        kind: 'container',
        count: 3,
        why: 'inherited-label',
        names: ['production-1', 'production-2', 'production-3'],
      },
    ]);
  });

  test('is left alone where its image is not to be had any more', async () => {
    const built = await image('built', ofSession(OTHERS));
    const container = await engine.start({ image: built });
    await container.stop({ t: 1 });
    await engine.engine.docker.getImage(built).remove({ force: true });
    expect(await stateOf(container)).toBe('exited');

    const later = await engine.begunJob({ inputs: { 'pre-cleanup': 'all' } });

    expect(await stateOf(container)).toBe('exited');
    await container.remove();
    expect((await later.report()).phases.pre?.spared).toMatchObject([{ count: 1, why: 'inherited-label' }]);
  });

  test('belongs to the session whose label is on the container itself', async () => {
    const job = await engine.begunJob();
    const session = await job.session();
    const built = await image('built', ofSession(OTHERS));
    const containers = [
      await engine.start({ image: built, labels: ofSession(session) }),
      await engine.start({ image: await image('built', ofSession(session)), labels: ofSession(OTHERS) }),
    ];

    await job.post();

    expect(await statesOf(containers)).toEqual(['gone', 'running']);
    await containers[1]?.remove({ force: true });
  });

  test('is no part of the Compose project whose image it was started from: neither stays for it nor goes with it', async () => {
    const project = { 'com.docker.compose.project': unique('project') };
    const part = { ...project, 'com.docker.compose.container-number': '1' };
    const built = await image('built', project); // As `docker compose build` labels it.
    const [first, second] = [await engine.begunJob(), await engine.begunJob()];
    const ours = ofSession(await first.session());
    const trial = await engine.start({ image: built, labels: ours });
    const deployed = await engine.start({ labels: part }); // By somebody else, meanwhile.

    await first.post();
    expect(await statesOf([trial, deployed])).toEqual(['gone', 'running']);

    const theirs = ofSession(await second.session());
    const [service, production] = [await engine.start({ labels: { ...theirs, ...part } }), await engine.start({ image: built })];
    await deployed.remove({ force: true });
    await second.post();
    expect(await statesOf([service, production])).toEqual(['gone', 'running']);
    await production.remove({ force: true });
  });

  test('belongs to whom the filters say, whatever its image says', async () => {
    const prefix = unique('bench');
    const job = await engine.begunJob({ inputs: { 'name-prefixes': prefix } });
    const built = await image('built', ofSession(OTHERS));
    const [container, stranger] = [
      await engine.start({ image: built, name: `${prefix}-1` }),
      await engine.start({ image: built, name: unique('stranger') }),
    ];

    await job.post();

    expect(await statesOf([container, stranger])).toEqual(['gone', 'running']);
    await stranger.remove({ force: true });
  });
});

describe('with resources: images', () => {
  // While another session is at work, images that it may have used stay.
  beforeEach(() => engine.endJobs());

  test('what main’s start has seen stays with all its tags; what the job made goes', async () => {
    const [pulled, untouched, repo] = [await image('pulled'), await image('untouched'), unique('second')];
    await engine.engine.docker.getImage(pulled).tag({ repo, tag: 'x' });
    const job = await engine.begunJob({ inputs: IMAGES });
    const label = ofSession(await job.session());
    const [trial, unused] = [await image('trial'), await image('built', label)];
    const containers = [
      await engine.start({ image: pulled, labels: label }),
      await engine.start({ image: trial, labels: label }),
    ];

    const { exitCode, output } = await job.post();

    expect(exitCode, output).toBe(0);
    expect(await statesOf(containers)).toEqual(['gone', 'gone']);
    expect(await Promise.all([pulled, untouched, trial, unused].map(tagsOf))).toEqual([2, 1, 0, 0]);
    const { post } = (await job.report()).phases;
    expect(post).toMatchObject({ verified: true, totals: { removed: 2, failed: 0 } });
    if (inject('product') === 'podman') return; // Its imports of the same files share their layer: nothing comes back.
    const images = post?.resources.filter(({ kind }) => kind === 'image') ?? [];
    expect(images.map(({ bytes = 0 }) => bytes > 500_000)).toEqual([true, true]);
    expect(output).toMatch(/^Disk free again: .*images [\d.]+MB/m);
  });

  test('the images of leftovers stay: they may have been there before them', async () => {
    const pulled = await image('pulled');
    const leftover = await engine.start({ image: pulled, labels: ofSession(OTHERS) });

    await engine.begunJob({ inputs: { ...IMAGES, 'pre-cleanup': 'all' } });

    expect([await stateOf(leftover), await tagsOf(pulled)]).toEqual(['gone', 1]);
  });

  test('an image that another session loaded stays, though it was built in 1970', async () => {
    const loaded = await image('loaded', ofSession(OTHERS), new Date(0));

    const job = await engine.begunJob({ inputs: IMAGES });
    await job.post();

    expect(await tagsOf(loaded)).toBe(1);
  });

  test('an image that was tagged longer ago than max-age goes, unless another may have its label from it', async () => {
    const [old, base] = [
      await image('old', ofSession('gh-1-1.0badcafe.bbbbbbbb'), new Date(0)),
      await image('base', ofSession('gh-1-1.0badcafe.cccccccc'), new Date(0)),
    ];
    // What is only loaded has no time.
    for (const name of [old, base]) await engine.engine.docker.getImage(name).tag({ repo: unique('tagged'), tag: '1' });
    const production = await engine.start({ image: base });
    const child = await committed(production);
    await production.remove({ force: true });

    const job = await engine.begunJob({ inputs: { ...IMAGES, 'max-age': '1ms' } });
    await job.post();

    expect(await Promise.all([old, base, child].map(tagsOf))).toEqual([0, 2, 1]);
  });
});
