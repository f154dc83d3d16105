import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { systemClock } from '../../src/lib/clock';
import { buildCacheOf } from '../../src/providers/docker/resources/build-cache';
import type { Lease } from '../../src/session/leases';
import { LeftImages } from '../../src/session/left-images';
import { BUILDER, build, WITHOUT_BUILDER } from '../support/engine/buildkit';
import { docker } from '../support/engine/containers';
import { PrivateEngine } from '../support/engine/engine';
import { dockerHost } from '../support/engine/own-engine';
import { removedLater } from '../support/made';
import { begun, names } from '../support/session/begun';
import { diskRoom } from '../support/session/disk-room';
import { until } from '../support/until';

const made = removedLater();

const isPodman = inject('product') === 'podman';
const { signal } = new AbortController();
const recordsAt = async (client: Docker) => (await buildCacheOf(client, signal)).map(({ ID }) => String(ID));
const records = () => recordsAt(docker);

/** @returns the ids of the records that the build added */
async function built(name = `build-${randomUUID().slice(0, 8)}`, steps = 1): Promise<readonly string[]> {
  const before = await records();
  await build(dockerHost, name, steps);
  made.push(() => docker.getImage(name).remove({ force: true }));
  // BuildKit lets go of a last record when the client has gone.
  await until('the build is over', async () => (await buildCacheOf(docker, signal)).every(({ InUse }) => InUse !== true));
  return (await records()).filter((id) => !before.includes(id));
}

const left = async (ids: readonly string[]) => {
  const now = await records();
  return ids.filter((id) => now.includes(id));
};

describe.skipIf(isPodman)('build cache', () => {
  test('of the session goes, children before parents; what was there before stays', async (context) => {
    if (BUILDER === undefined) return context.skip(WITHOUT_BUILDER);
    const before = await built();
    const session = await begun({ resources: 'containers build-cache' });
    const own = await built(undefined, 3);

    const post = await session.post();

    expect(own.length).toBeGreaterThanOrEqual(4);
    expect(await left(own)).toEqual([]);
    expect(await left(before)).toEqual(before);
    expect(post).toMatchObject({ verified: true, totals: { removed: own.length, failed: 0 } });
    expect(new Set(post.resources.map(({ id }) => id))).toEqual(new Set(own));
  });

  test('stays where it is not asked for, and in pre-cleanup', async (context) => {
    if (BUILDER === undefined) return context.skip(WITHOUT_BUILDER);
    const session = await begun();
    const asking = await begun({ resources: 'build-cache', preCleanup: 'all' });
    const own = await built();

    const post = await session.post();
    const pre = await asking.pre();

    expect(await left(own)).toEqual(own);
    expect(post.unowned?.filter(({ kind }) => kind === 'build-cache')).toEqual([]);
    expect(pre.resources).toEqual([]);
  });

  test('stays while another session is at work on the engine, which takes it over', async (context) => {
    if (BUILDER === undefined) return context.skip(WITHOUT_BUILDER);
    const state = await mkdtemp(join(tmpdir(), 'cleanup-left-'));
    made.push(() => rm(state, { recursive: true }));
    const handover = ({ id, startedAt }: typeof first) => new LeftImages(state, systemClock).handoverOf(id, startedAt);
    const before = await built();
    const first = await begun({ resources: 'build-cache' });
    const own = await built();
    const second = await begun({ resources: 'build-cache' });
    const lease: Lease = {
      session: second.id,
      since: second.startedAt,
      engines: [second.engine ?? ''],
      filters: { labels: [], namePrefixes: [] },
    };

    const firstPost = await first.post([lease], undefined, handover(first));
    const meanwhile = await left(own);
    const third = await begun({ resources: 'build-cache' });
    await third.post([], undefined, handover(third));
    const untouched = await left(own);
    await second.post([], undefined, handover(second));

    expect([meanwhile, untouched]).toEqual([own, own]);
    expect(names(firstPost, 'live-session').length).toBeGreaterThan(0);
    expect(await left(own)).toEqual([]);
    expect(await left(before)).toEqual(before);
  });
});

describe.skipIf(isPodman)('a build cache budget', () => {
  test('has BuildKit remove what was unused for longest, but nothing since another session began', async (context) => {
    if (BUILDER === undefined) return context.skip(WITHOUT_BUILDER);
    // Of its own: all of its cache goes.
    const own = await PrivateEngine.start({ name: inject('engine') });
    made.push(() => own.stop());
    const room = await diskRoom(own);
    await build(own.url, 'build:1', 2);
    await own.docker.getImage('build:1').remove({ force: true }); // Otherwise the layers are shared with it.
    const before = await recordsAt(own.docker);
    const lease = {
      session: 'gh-2-1.aaaaaaaa.bbbbbbbb',
      since: Date.now() - 3_600_000,
      engines: [room.engine],
      filters: { labels: [], namePrefixes: [] },
    };

    const enough = await room.make({ buildCacheBudget: '1TB' });
    const dry = await room.make({ buildCacheBudget: '0', dryRun: 'true' });
    const spared = await room.make({ buildCacheBudget: '0' }, [lease]);
    const untouched = await recordsAt(own.docker);
    const { reports, lines } = await room.make({ buildCacheBudget: '0' });

    expect(enough.reports).toMatchObject([{ goal: 'build-cache-budget', reached: true }]);
    expect(dry.reports).toMatchObject([{ reached: false, reason: 'dry run' }]);
    expect(spared.reports).toMatchObject([{ reached: false, records: 0 }]);
    expect(untouched.toSorted()).toEqual(before.toSorted());
    expect(await recordsAt(own.docker)).toEqual([]);
    expect(reports).toMatchObject([{ reached: true, after: 0, records: before.length }]);
    expect(lines).toEqual([
      expect.stringMatching(/build-cache-budget: \d+ records of build cache removed, .* freed: build cache takes 0B of 0B$/),
    ]);
  });
});

test.runIf(isPodman)('Podman has no build cache: nothing goes, and a line says so', async () => {
  const session = await begun({ resources: 'build-cache' });
  const room = await diskRoom();
  expect(await session.post()).toMatchObject({ verified: true, resources: [] });
  expect((await room.make({ buildCacheBudget: '0' })).lines).toEqual([
    'docker: build-cache-budget: nothing removed: it can’t be known whether it is kept: this engine has no build cache of its own',
  ]);
});
