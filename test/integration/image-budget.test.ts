import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import type { Lease } from '../../src/session/leases';
import {
  createContainer,
  docker,
  HONOURS_SIGTERM,
  hasImage,
  removeContainer,
  startContainer,
  stateOf,
} from '../support/engine/containers';
import { loadImage } from '../support/engine/image';
import { removedLater, unique } from '../support/made';
import { diskRoom } from '../support/session/disk-room';
import { until } from '../support/until';

const made = removedLater();

/** `docker load`. One after the other, so that each has a later tag, and says that it was built later. */
async function image(name = 'budget', created = new Date()): Promise<string> {
  const tag = `${unique(name)}:1`;
  await loadImage(docker, { name: tag, created });
  made.push(() => docker.getImage(tag).remove({ force: true }));
  return tag;
}

async function images(count: number): Promise<readonly string[]> {
  const tags: string[] = [];
  for (let number = 0; number < count; number += 1)
    tags.push(await image('budget', new Date(Date.now() - (count - number) * 60_000)));
  return tags;
}

async function start(from: string): Promise<Docker.Container> {
  const container = await startContainer(HONOURS_SIGTERM, { create: { Image: from } });
  made.push(() => removeContainer(container));
  return container;
}

/** A container as `docker run --rm` leaves it: not at all. */
async function useOnce(from: string): Promise<void> {
  const container = await createContainer(['true'], { create: { Image: from } });
  await container.remove({ force: true });
}

/** `docker commit`, after a megabyte was written that no other has: equal layers are one. */
async function madeFrom(parent: string): Promise<string> {
  const repo = unique('made');
  const write = `{ echo ${repo}; head -c 1000000 /dev/zero; } > /blob`;
  const container = await startContainer(['sh', '-c', write], { create: { Image: parent } });
  await container.wait();
  await container.commit({ repo, tag: '1' });
  await removeContainer(container);
  made.push(() => docker.getImage(`${repo}:1`).remove({ force: true }));
  return `${repo}:1`;
}

const all = (names: readonly string[]) => Promise.all(names.map(hasImage));
const idOf = async (name: string) => (await docker.getImage(name).inspect()).Id;
const bytes = (number: number) => `${Math.ceil(number)}`;

describe('an image budget', () => {
  test('has the longest unused images removed, no more than needed, and none that a container uses or that is to be kept', async () => {
    const room = await diskRoom();
    const [running, ended, created, kept, oldest, second, youngest] = await images(7);
    const [a = '', b = '', c = ''] = [running, ended, created];
    const bystanders = [await start(a), await start(b), await createContainer(['true'], { create: { Image: c } })];
    await bystanders[1]?.kill();
    await until('it has ended', async () => bystanders[1] !== undefined && (await stateOf(bystanders[1])) === 'exited');
    made.push(async () => bystanders[2] && removeContainer(bystanders[2]));
    const { total, images: sizes } = await room.measure();
    const one = sizes.get(await idOf(oldest ?? ''))?.size ?? 0;

    const { reports, lines } = await room.make({ imageBudget: bytes(total - one - 1), keepImages: `${kept?.slice(0, -3)}*` });

    expect(await all([a, b, c, kept, oldest, second, youngest].map((name) => name ?? ''))).toEqual([
      ...[true, true, true, true],
      ...[false, false, true],
    ]);
    expect(await Promise.all(bystanders.map(stateOf))).toEqual(['running', 'exited', 'created']);
    expect(reports).toMatchObject([{ goal: 'image-budget', before: total, reached: true, reason: null }]);
    expect(reports[0]?.after).toBe((await room.measure()).total);
    expect(reports[0]?.images.map(({ outcome }) => outcome)).toEqual(['removed', 'removed']);
    expect(lines.at(-1)).toMatch(/image-budget: 2 images removed, .* freed: images take .* of /);
  });

  test('counts shared layers once, and takes an image only after those made from it', async () => {
    const room = await diskRoom();
    const base = await image('base', new Date(0));
    const [first, second] = [await madeFrom(base), await madeFrom(base)];
    const container = await start(second);
    const { total, images: sizes } = await room.measure();
    const whole = await Promise.all([base, first, second].map(async (name) => sizes.get(await idOf(name))?.size ?? 0));
    const own = (whole[1] ?? 0) - (whole[0] ?? 0);

    const { reports } = await room.make({ imageBudget: bytes(total - 1) });

    expect(own).toBeGreaterThanOrEqual(1_000_000);
    expect(own).toBeLessThan(1_500_000);
    expect(await all([base, first, second])).toEqual([true, false, true]);
    expect(await stateOf(container)).toBe('running');
    expect(reports).toMatchObject([{ reached: true }]);
    expect(total - (reports[0]?.after ?? 0)).toBeLessThan(1_500_000);
  });

  test('that can’t be kept removes what it may, and says what the rest is there for', async () => {
    const room = await diskRoom();
    const [used = '', free = ''] = await images(2);
    await start(used);

    const { reports, lines } = await room.make({ imageBudget: '0' });

    expect(await all([used, free, inject('image')])).toEqual([true, false, true]);
    expect(reports).toMatchObject([{ reached: false, wanted: 0 }]);
    expect(lines.at(-1)).toMatch(/too much: of the images that are left, .*1 used by containers/);
  });

  test('removes nothing in a dry run', async () => {
    const room = await diskRoom();
    const [first = '', second = ''] = await images(2);

    const { reports, lines } = await room.make({ imageBudget: '0', dryRun: 'true' });

    expect(await all([first, second])).toEqual([true, true]);
    expect(reports[0]?.images.map(({ name, outcome }) => [name.replace('localhost/', ''), outcome])).toEqual([
      [first, 'planned'],
      [second, 'planned'],
    ]);
    expect(lines.at(-1)).toContain('2 images would be removed');
  });
});

describe('the last use of an image', () => {
  test('is remembered when its container is gone: by the engine, and from job to job', async () => {
    const room = await diskRoom();
    const [oldest = '', second = '', third = ''] = await images(3);
    await room.make({ imageBudget: '1TB' });
    await useOnce(oldest);
    await room.note([second]); // As the proxy has it.
    const { total } = await room.measure();

    await room.make({ imageBudget: bytes(total - 1) });

    expect(await all([oldest, second, third])).toEqual([true, true, false]);
  });

  test('is when it came, though it says that it was built in 1970', async () => {
    const room = await diskRoom();
    const older = await image('budget', new Date(Date.now() - 60_000));
    await room.make({ imageBudget: '1TB' });
    const reproducible = await image('budget', new Date(0));
    const { total } = await room.measure();

    await room.make({ imageBudget: bytes(total - 1) });

    expect(await all([older, reproducible])).toEqual([false, true]);
  });

  test('is now where another session is at work that used it: by its time, and by its proxy’s notes', async () => {
    const room = await diskRoom();
    const [noted = '', free = ''] = await images(2);
    await room.make({ imageBudget: '1TB' });
    const notes = await mkdtemp(join(tmpdir(), 'cleanup-notes-'));
    made.push(() => rm(notes, { recursive: true }));
    const lease: Lease = {
      session: 'gh-2-1.aaaaaaaa.bbbbbbbb',
      since: Date.now(),
      engines: [room.engine],
      filters: { labels: [], namePrefixes: [] },
      imageNotes: join(notes, 'images.txt'),
    };
    await writeFile(lease.imageNotes ?? '', `${noted}\nno/such/image\n`);
    // Engines round to seconds: what came in the two before a session counts as its own.
    const pulled = await image('pulled', new Date(0));
    const elsewhere = { ...lease, session: 'gh-3-1.aaaaaaaa.bbbbbbbb', engines: ['another'], since: 0 };
    const of = (since: number) => [{ ...lease, since }, elsewhere];

    const first = await room.make({ imageBudget: '0' }, of(0));
    const untouched = await all([noted, free, pulled]);
    await room.make({ imageBudget: '0' }, of(Date.now() + 60_000));
    const afterwards = await all([noted, free, pulled]);
    await room.make({ imageBudget: '0' }, [elsewhere]);

    expect(untouched).toEqual([true, true, true]);
    expect(first.lines.at(-1)).toMatch(/3 used by other sessions, perhaps/);
    expect(afterwards).toEqual([true, false, false]);
    expect(await all([noted])).toEqual([false]);
  });
});

describe('min-free-disk', () => {
  test('has images removed until so much is free, and none where it is', async () => {
    const room = await diskRoom();
    const [used = '', free = ''] = await images(2);
    await start(used);

    const { reports: idle, lines } = await room.make({ minFreeDisk: '1KB' });
    const untouched = await all([used, free]);
    const { reports } = await room.make({ minFreeDisk: '100%' });

    expect(untouched).toEqual([true, true]);
    expect(idle).toMatchObject([{ goal: 'min-free-disk', reached: true, wanted: 1000, images: [] }]);
    expect(lines).toEqual([expect.stringMatching(/min-free-disk: nothing removed: .* free, 1.0kB wanted$/)]);
    expect(await all([used, free])).toEqual([true, false]);
    expect(reports).toMatchObject([{ reached: false, images: [{ outcome: 'removed' }] }]);
  });
});
