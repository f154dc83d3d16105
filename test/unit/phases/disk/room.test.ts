import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig, type RawSettings } from '../../../../src/config/config';
import type { Connection } from '../../../../src/core/connection';
import { type Disk, type FileSystem, type ImageSize, UnseenFileSystem } from '../../../../src/core/disk';
import { labels } from '../../../../src/core/labels';
import { InUse } from '../../../../src/core/provider';
import type { Resource } from '../../../../src/core/resource';
import { systemClock as clock } from '../../../../src/lib/clock';
import { withDeadline } from '../../../../src/lib/deadline';
import { makeRoom } from '../../../../src/phases/disk/room';
import { ImageUses } from '../../../../src/session/image-uses';
import type { Lease } from '../../../../src/session/leases';
import { FakeError, FakeProvider } from '../../../support/fake-provider';
import { LIVE, livenessOf } from '../../../support/session/liveness';

const SIZE = 100;

/** An engine with images of 100 bytes each, the first the longest unused. */
function engine(ids: readonly string[], changes: Readonly<Record<string, Partial<Resource>>> = {}) {
  const images = new FakeProvider();
  images.isPrompt = true;
  for (const id of ids) images.add({ id, kind: 'image', state: 'present', running: false, tags: [`${id}:1`], ...changes[id] });
  const sizes = (listed: readonly Resource[]) =>
    new Map(
      listed.map(({ id }): [string, ImageSize] => [id, { size: SIZE, shared: 0, layers: [], tagged: ids.indexOf(id) + 1 }]),
    );
  const disk: Disk = {
    images,
    measure: async (listed) => ({ total: listed.length * SIZE, images: sizes(listed) }),
    fileSystem: async (): Promise<FileSystem> => ({
      size: 1000,
      free: 1000 - (await images.list('image', new AbortController().signal)).length * SIZE,
    }),
    usesSince: async () => [],
  };
  return { images, disk };
}

async function make(disk: Disk, raw: RawSettings, leases: readonly Lease[] = []) {
  const lines: string[] = [];
  const provider = Object.assign(new FakeProvider(), { engineId: async () => 'engine' });
  const connection: Connection = { name: 'docker', status: 'ready', provider, description: '', found: {}, disk };
  const reports = await withDeadline(5_000, { clock }, (deadline) =>
    makeRoom({
      connections: [connection, { name: 'other', status: 'skipped', reason: 'none' }],
      config: parseConfig({ retries: '0', ...raw }, {}),
      sessionId: 'gh-1-1.aaaaaaaa.bbbbbbbb',
      liveness: livenessOf('gh-1-1.aaaaaaaa.bbbbbbbb', { live: LIVE }),
      leases: () => leases,
      uses: new ImageUses(undefined, clock),
      deadline,
      clock,
      log: (line) => lines.push(line),
    }),
  );
  return { reports, lines, left: (await disk.images.list('image', new AbortController().signal)).map(({ id }) => id) };
}

describe('room on the disk', () => {
  it('is not asked for without a goal', async () => {
    const { disk } = engine(['a']);
    expect(await make(disk, {})).toEqual({ reports: [], lines: [], left: ['a'] });
  });

  it('is made for the goal that needs more of it; both tell what they have', async () => {
    const { disk } = engine(['a', 'b', 'c', 'd']);
    const { reports, left, lines } = await make(disk, { imageBudget: '30%', minFreeDisk: '800B' });
    expect(left).toEqual(['c', 'd']);
    expect(reports).toMatchObject([
      { goal: 'image-budget', wanted: 300, before: 400, after: 200, reached: true, images: [] },
      { goal: 'min-free-disk', wanted: 800, before: 600, after: 800, reached: true },
    ]);
    expect(reports[1]?.images.map(({ id, lastUsedAt, bytes }) => [id, lastUsedAt, bytes])).toEqual([
      ['a', '1970-01-01T00:00:00.001Z', 100],
      ['b', '1970-01-01T00:00:00.002Z', 100],
    ]);
    expect(lines.slice(-2)).toEqual([
      'docker: image-budget: nothing removed: images take 200B of 300B',
      'docker: min-free-disk: 2 images removed, 200B freed: 800B free, 800B wanted',
    ]);
  });

  it('can’t be made where the file system can’t be seen: a line says so, and a budget in bytes holds all the same', async () => {
    const { disk } = engine(['a', 'b', 'c']);
    const unseen = {
      ...disk,
      fileSystem: () => Promise.reject(new UnseenFileSystem('the engine’s data (/data) is not on this machine')),
    };
    const { left, lines } = await make(unseen, { imageBudget: '200B', minFreeDisk: '10%' });
    expect(left).toEqual(['b', 'c']);
    expect(lines.slice(-2)).toEqual([
      'docker: image-budget: 1 image removed, 100B freed: images take 200B of 200B',
      'docker: min-free-disk: nothing removed: it can’t be known whether it is kept: the engine’s data (/data) is not on this machine',
    ]);
  });

  it('comes from the next image where one is refused, because a container has been made from it by now', async () => {
    const { disk, images } = engine(['a', 'b', 'c']);
    images.fail('remove', new InUse('it is in use by the container x'), (_, id) => id === 'a');
    const { reports, left } = await make(disk, { imageBudget: '200B' });
    expect(left).toEqual(['a', 'c']);
    expect(reports[0]).toMatchObject({ reached: true });
    expect(reports[0]?.images.map(({ id, outcome, reason }) => [id, outcome, reason])).toEqual([
      ['a', 'kept', 'it is in use by the container x'],
      ['b', 'removed', null],
    ]);
  });

  it('is no image that a live session’s proxy has noted, after however many others, by tag and digest', async () => {
    const { disk } = engine(['a', 'b', 'c'], { b: { digests: ['b@sha256:dead'] } });
    const directory = await mkdtemp(join(tmpdir(), 'image-notes-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const imageNotes = join(directory, 'images.txt');
    const many = Array.from({ length: 10_000 }, (_, index) => `registry.example.com/${'long/'.repeat(40)}${index}:1`);
    await writeFile(imageNotes, [...many, 'a:1', 'b:1@sha256:dead', ''].join('\n'));
    const lease = {
      session: 'live',
      since: clock.now(),
      engines: ['engine'],
      filters: { labels: [], namePrefixes: [] },
      imageNotes,
    };
    const { left } = await make(disk, { imageBudget: '0' }, [lease]);
    expect(left).toEqual(['a', 'b']);
  });

  it('is neither an image of a container nor one that a spared image was made from: neither is asked for', async () => {
    const { disk, images } = engine(['a', 'b', 'c', 'd'], {
      a: { usedBy: [{ provider: 'docker', kind: 'container', id: 'x', name: 'x', state: 'exited', running: false, labels: {} }] },
      b: { dependents: ['c'] },
      c: { tags: ['team/tool:1'] },
    });
    const { left, reports } = await make(disk, { imageBudget: '0', keepImages: 'team/*' });
    expect(left).toEqual(['a', 'b', 'c']);
    expect(images.calls.filter(({ operation }) => operation === 'remove').map(({ id }) => id)).toEqual(['d']);
    expect(reports[0]?.reason).toMatch(/^of the images that are left, 1 used by containers, /);
  });

  it('is nothing that another session, a label or a name keeps, and none where images can’t be measured', async () => {
    const { disk } = engine(['a', 'b', 'c', 'd'], {
      a: { labels: { [labels.session]: 'live' } },
      b: { labels: { [labels.keep]: 'true' } },
      c: { tags: ['team/tool:1'] },
    });
    const first = await make(disk, { imageBudget: '0', keepImages: 'team/*' });
    expect(first.left).toEqual(['a', 'b', 'c']);
    expect(first.reports[0]?.reason).toBe(
      'of the images that are left, 1 used by other sessions, perhaps, 1 protected, 1 spared by keep-images',
    );
    const blind = { ...disk, measure: () => Promise.reject(new FakeError('permanent', 'it is out of order')) };
    const { left, reports } = await make(blind, { imageBudget: '0' });
    expect(left).toEqual(['a', 'b', 'c']);
    expect(reports).toMatchObject([{ reached: null, reason: 'it is out of order' }]);
  });
});
