import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { FlakyProxy } from '../support/engine/flaky-proxy';
import { newSession, only, sweepSession } from '../support/engine/sweeping';
import { until } from '../support/until';

/** What people reported of other tools that clean up. */
let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterEach(() => there.checkBystanders());
afterAll(() => there.stop());

const execute = promisify(execFile);

describe('a container that the engine lists for ever, though it has none by that id', () => {
  test('is told early, and is no reason to doubt that all is gone', async () => {
    const { session } = newSession();
    const proxy = await FlakyProxy.start(there.engine.socketPath);
    onTestFinished(() => proxy.stop());
    await there.leak(session, 1, HONOURS_SIGTERM);
    const ghost = { Id: 'e'.repeat(64), Names: ['/ghost'], State: 'exited', Labels: { [labels.session]: session }, Created: 1 };
    const edit = (list: unknown) => [...(list as object[]), ghost];
    proxy.spoil({ kind: 'edit', edit }, /^GET \/containers\/json/);

    const { settlements, verified } = await sweepSession(session, { url: proxy.url });

    const found = Object.fromEntries(settlements.map(({ resource, outcome, reason }) => [resource.name, [outcome, reason]]));
    expect(found['ghost']).toEqual(['gone', expect.stringMatching(/^still listed, but each inspection says/)]);
    expect([settlements.length, verified]).toEqual([2, true]);
    expect(proxy.calls.filter((call) => /^(DELETE|POST) .*eeee/.test(call))).toEqual([]);
  });
});

/** It needs root's right to mount. */
describe.runIf(process.getuid?.() === 0)('a container whose process hangs in the kernel', () => {
  /** A file system that lets no write end until it is thawed. */
  async function frozenFileSystem() {
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-frozen-'));
    const [image, mount] = [join(directory, 'image'), join(directory, 'mount')];
    await mkdir(mount);
    await execute('truncate', ['--size', '16M', image]);
    await execute('mkfs.ext4', ['-q', image]);
    // A device that the engine mounts, too: it may not see what is mounted here.
    const device = (await execute('losetup', ['--find', '--show', image])).stdout.trim();
    await execute('mount', [device, mount]);
    let isFrozen = false;
    const thaw = async () => {
      if (isFrozen) await execute('fsfreeze', ['--unfreeze', mount]);
      isFrozen = false;
    };
    onTestFinished(async () => {
      await thaw();
      const unmount = () =>
        execute('umount', [mount]).then(
          () => true,
          () => false,
        );
      await until('nothing uses the file system any more', unmount);
      await execute('losetup', ['--detach', device]);
      await rm(directory, { recursive: true });
    });
    const freeze = async () => {
      await execute('fsfreeze', ['--freeze', mount]);
      isFrozen = true;
    };
    return { device, freeze, thaw };
  }

  test('is told long before the deadline, with the reason; the others go, and it goes when the kernel lets it', async () => {
    const { session } = newSession();
    const { device, freeze, thaw } = await frozenFileSystem();
    const name = `frozen-${randomUUID()}`;
    await there.engine.docker.createVolume({ Name: name, DriverOpts: { type: 'ext4', device } });
    const stuck = await there.start({
      labels: { [labels.session]: session },
      hostConfig: { Binds: [`${name}:/data`] },
    });
    await there.leak(session, 1, HONOURS_SIGTERM);
    await freeze();
    const writer = await stuck.exec({ Cmd: ['sh', '-c', 'echo text > /data/file'] });
    await writer.start({ Detach: true });
    const stateOfWriter = async () => readFile(`/proc/${(await writer.inspect()).Pid}/stat`, 'utf8');
    await until('the writer hangs', async () => / D /.test(await stateOfWriter()));
    const startedAt = performance.now();

    const result = await sweepSession(session, { url: there.engine.url, deadlineMs: 240_000 });

    const ends = new Map(result.settlements.map((settlement) => [settlement.resource.id, settlement]));
    expect([...ends.values()].map(({ outcome }) => outcome).sort()).toEqual(['failed', 'graceful']);
    expect(ends.get(stuck.id)?.error?.message).toMatch(/^its process sh \(\d+\) waits in the kernel, and can’t be killed: /);
    expect(result.verified).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(90_000);
    await thaw();
    expect(only(await sweepSession(session, { url: there.engine.url })).outcome).toMatch(/^(killed|removed|gone)$/);
  });
});
