import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { until } from '../support/until';

const execute = promisify(execFile);

/** It needs root's right to mount. */
describe.runIf(process.getuid?.() === 0)('an engine whose disk is full', () => {
  let directory: string;
  let there: EngineToBreak;
  /** A file system of its own: the engine's images, containers and volumes. */
  let disk: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cleanup-full-'));
    const image = join(directory, 'image');
    disk = join(directory, 'disk');
    await mkdir(disk);
    await execute('truncate', ['--size', '96M', image]);
    await execute('mkfs.ext4', ['-q', '-m', '0', image]);
    await execute('mount', ['-o', 'loop', image, disk]);
    there = await EngineToBreak.start({ dockerdArguments: ['--data-root', disk] });
  });
  afterEach(() => there.checkBystanders());
  afterAll(async () => {
    await there.stop();
    const unmount = () =>
      execute('umount', ['--recursive', disk]).then(
        () => true,
        () => false,
      );
    await until('nothing uses the file system any more', unmount);
    await rm(directory, { recursive: true });
  });

  /** Not a byte is free afterwards. */
  const fill = () => execute('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=4k']).catch(() => undefined);

  test('has all that the session owns removed', async () => {
    const job = await there.begunJob();
    const session = await job.session();
    const { docker } = there.engine;
    const Labels = { [labels.session]: session };
    await there.leak(session, 5, HONOURS_SIGTERM);
    await there.leak(session, 5, HEEDS_NO_SIGTERM);
    await docker.createVolume({ Name: `volume-${session}`, Labels });
    await docker.createNetwork({ Name: `network-${session}`, Labels });
    await fill();
    await expect(docker.createVolume({ Name: 'no-room', Labels })).rejects.toThrow('no space left on device');

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect((await job.report()).phases.post).toMatchObject({ verified: true, totals: { failed: 0 } });
    expect(await there.leftOf(session)).toBe(0);
    const own = { filters: { label: [`${labels.session}=${session}`] } };
    expect((await docker.listVolumes(own)).Volumes ?? []).toEqual([]);
    expect(await docker.listNetworks(own)).toEqual([]);
  });
});
