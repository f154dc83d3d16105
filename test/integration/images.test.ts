import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { systemClock } from '../../src/lib/clock';
import type { Lease } from '../../src/session/leases';
import { LeftImages } from '../../src/session/left-images';
import {
  type ContainerOptions,
  createContainer,
  docker,
  HONOURS_SIGTERM,
  hasImage,
  removeContainer,
  startContainer,
  stateOf,
  statesOf,
} from '../support/engine/containers';
import { busyboxImage, loadImage } from '../support/engine/image';
import { removedLater, unique } from '../support/made';
import { begun, hex, names } from '../support/session/begun';
import { ofSession } from '../support/session/of-session';

const made = removedLater();

async function start(options: ContainerOptions = {}, image?: string): Promise<Docker.Container> {
  const container = await startContainer(HONOURS_SIGTERM, { ...options, ...(image ? { create: { Image: image } } : {}) });
  made.push(() => removeContainer(container));
  return container;
}

/** `docker build --label`, or `docker load` where there is no label. */
async function image(label: Record<string, string> = {}): Promise<string> {
  const name = `${unique('image')}:1`;
  await loadImage(docker, { name, labels: label });
  made.push(() => docker.getImage(name).remove({ force: true }));
  return name;
}

/** One step of a classic build: an image without a tag, unless it gets one. @returns its id */
async function step(parent: string, options: { readonly repo?: string; readonly label?: string } = {}): Promise<string> {
  const container = await createContainer(['true'], { create: { Image: parent } });
  const { repo, label } = options;
  const changes = [`ENV STEP=${randomUUID()}`, ...(label ? [`LABEL ${labels.session}=${label}`] : [])];
  const { Id } = await container.commit({ ...(repo ? { repo, tag: '1' } : {}), changes });
  await container.remove();
  made.push(() => docker.getImage(Id).remove({ force: true }));
  return Id;
}

describe('images that were there when the session began', () => {
  const withImages = { resources: 'containers images' };

  test('stay with all their tags, though the session’s containers alone used them; new ones go', async () => {
    const [pulled, repo] = [await image(), unique('second')];
    await docker.getImage(pulled).tag({ repo, tag: 'x' });
    made.push(() => docker.getImage(`${repo}:x`).remove());
    const session = await begun(withImages);
    const trial = await image();
    for (const name of [pulled, trial]) await start({ labels: ofSession(session.id) }, name);

    const post = await session.post();

    expect(await Promise.all([pulled, `${repo}:x`, trial].map(hasImage))).toEqual([true, true, false]);
    expect(post.verified).toBe(true);
  });

  test('stay, too, where they have no tag and a new image was made from them', async () => {
    const dangling = await step(inject('image'));
    const session = await begun(withImages);
    const own = await step(dangling, { repo: unique('own'), label: session.id });

    const post = await session.post();

    expect(await Promise.all([own, dangling].map(hasImage))).toEqual([false, true]);
    expect(post.verified).toBe(true);
  });

  test('stay, too, as the parent of layers that the session made and that go', async () => {
    const dangling = await step(inject('image'));
    const session = await begun(withImages);
    const layers = [await step(dangling)];
    layers.push(await step(layers[0] ?? ''));
    const trial = await step(layers[1] ?? '', { repo: unique('trial') });
    await start({ labels: ofSession(session.id) }, trial);
    // With containerd’s image store an engine knows no parents: what has no owner is counted, and stays.
    const areKnown = (await docker.listImages({ all: true })).some(({ ParentId }) => ParentId !== '');

    const post = await session.post();

    expect(await Promise.all([trial, ...layers, dangling].map(hasImage))).toEqual([false, !areKnown, !areKnown, true]);
    expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });

  test('so do new layers that another image was made from, or another’s container runs', async () => {
    const session = await begun(withImages);
    const shared = await step(inject('image'));
    const used = await step(inject('image'));
    const own = [
      await step(shared, { repo: unique('own'), label: session.id }),
      await step(used, { repo: unique('own'), label: session.id }),
    ];
    const others = await step(shared, { repo: unique('others'), label: `gh-1-1.${hex()}.${hex()}` });
    const stranger = await start({}, used);

    const post = await session.post();

    expect(await Promise.all([...own, shared, others, used].map(hasImage))).toEqual([false, false, true, true, true]);
    expect(await stateOf(stranger)).toBe('running');
    expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  });
});

describe('images that appeared while the session ran', () => {
  const withImages = { resources: 'containers images' };
  const tag = async (name: string, repo: string, version = '1'): Promise<string> => {
    await docker.getImage(name).tag({ repo, tag: version });
    made.push(() => docker.getImage(`${repo}:${version}`).remove());
    return `${repo}:${version}`;
  };
  const loaded = async (repo: string): Promise<string> => {
    await loadImage(docker, { name: `${repo}:1`, created: new Date(0) });
    made.push(() => docker.getImage(`${repo}:1`).remove({ force: true }));
    return `${repo}:1`;
  };

  test('go, though no container used them: loaded, built, committed, without a name, and built in 1970', async () => {
    const session = await begun(withImages);
    const new_ = [
      await loaded(unique('loaded')),
      await busyboxImage(docker, `${unique('imported')}:1`),
      await step(inject('image'), { repo: unique('committed') }),
      await step(inject('image')),
    ];

    const post = await session.post();

    expect(await Promise.all(new_.map(hasImage))).toEqual([false, false, false, false]);
    expect(await hasImage(inject('image'))).toBe(true);
    expect(post).toMatchObject({ verified: true, totals: { removed: 4, failed: 0 } });
  });

  test('stay where a container that is not the session’s uses them, has ended, or was never started', async () => {
    const session = await begun(withImages);
    const used = [await image(), await image(), await image()];
    const strangers = [await start({}, used[0]), await start({}, used[1])];
    await strangers[1]?.kill();
    const created = await createContainer(['true'], { create: { Image: used[2] ?? '' } });
    made.push(() => removeContainer(created));

    const post = await session.post();

    expect(await Promise.all(used.map(hasImage))).toEqual([true, true, true]);
    expect(await statesOf(strangers)).toEqual(['running', expect.stringMatching(/^(exited|stopped)$/)]); // `stopped` is Podman’s.
    expect(post).toMatchObject({ verified: true, resources: [] });
  });

  test('lose only the tags that the session added, where they were there before', async () => {
    const [older, neighbour] = [await image(), await image()];
    const moved = await tag(neighbour, unique('moved'));
    const session = await begun(withImages);
    const added = [await tag(older, unique('added')), await tag(older, unique('added'), '2')];
    await tag(older, moved.split(':')[0] ?? ''); // Pulled from its image, onto another.
    const digest = (await docker.getImage(older).inspect()).Id;

    const post = await session.post();

    expect(await Promise.all([older, neighbour, moved, ...added].map(hasImage))).toEqual([true, true, true, false, false]);
    expect((await docker.getImage(older).inspect()).Id).toBe(digest);
    expect(post).toMatchObject({ verified: true, totals: { removed: 2, failed: 0 } });
    expect(post.resources.map(({ state }) => state)).toEqual(['tag', 'tag']);
  });

  test('an older image keeps the session’s tag where it has no other left', async () => {
    const older = await image();
    const session = await begun(withImages);
    const added = await tag(older, unique('added'));
    await docker.getImage(older).remove({ noprune: true });

    const post = await session.post();

    expect(await hasImage(added)).toBe(true);
    expect(post).toMatchObject({ verified: true, resources: [] });
  });

  test('stay with a name that an older image had before', async () => {
    const repo = unique('latest');
    await loaded(repo);
    const before = (await docker.getImage(`${repo}:1`).inspect()).Id;
    const session = await begun(withImages);
    const pulled = await step(inject('image'), { repo });
    made.push(() => docker.getImage(before).remove({ force: true }));

    await session.post();

    expect(await Promise.all([before, pulled, `${repo}:1`].map(hasImage))).toEqual([true, true, true]);
  });

  const leaseOf = ({ id, startedAt, engine = '' }: Awaited<ReturnType<typeof begun>>): Lease => ({
    session: id,
    since: startedAt,
    engines: [engine],
    filters: { labels: [], namePrefixes: [] },
  });

  test('are left to a session that began later, go with it, and are not what was there before both', async () => {
    const state = await mkdtemp(join(tmpdir(), 'cleanup-left-'));
    made.push(() => rm(state, { recursive: true }));
    const handover = ({ id, startedAt }: typeof first) => new LeftImages(state, systemClock).handoverOf(id, startedAt);
    const older = await image();
    const first = await begun(withImages);
    const [pulled, used] = [await image(), await image()];
    const second = await begun(withImages);
    const stranger = await start({}, used);

    await first.post([leaseOf(second)], undefined, handover(first));
    const meanwhile = await Promise.all([older, pulled, used].map(hasImage));
    const third = await begun(withImages);
    const untouched = await third.post([], undefined, handover(third));
    const post = await second.post([], undefined, handover(second));

    expect(meanwhile).toEqual([true, true, true]);
    expect(untouched.resources).toEqual([]);
    expect(await Promise.all([older, pulled, used].map(hasImage))).toEqual([true, false, true]);
    expect(await stateOf(stranger)).toBe('running');
    expect(post).toMatchObject({ verified: true, totals: { removed: 1, failed: 0 } });
  });

  test('stay until the last of two sessions that ran side by side', async () => {
    const [first, second] = [await begun(withImages), await begun(withImages)];
    const both = await image();
    const [ofFirst, ofSecond] = [await image(ofSession(first.id)), await image(ofSession(second.id))];
    for (const { id } of [first, second]) await (await start({ labels: ofSession(id) }, both)).remove({ force: true });

    const firstPost = await first.post([leaseOf(second)]);
    const meanwhile = await Promise.all([both, ofFirst, ofSecond].map(hasImage));
    const lastPost = await second.post();

    expect(meanwhile).toEqual([true, false, true]);
    expect(names(firstPost, 'live-session')).toEqual([expect.stringContaining(both)]);
    expect(await Promise.all([both, ofSecond].map(hasImage))).toEqual([false, false]);
    expect([firstPost, lastPost]).toMatchObject([{ verified: true }, { verified: true, totals: { failed: 0 } }]);
  });
});
