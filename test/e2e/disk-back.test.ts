import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { dockerUser, STAND_IN } from '../support/engine/buildx';
import { createContainer, docker, removeContainer } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { newJob } from '../support/job/jobs';

const RUNNER = 48_101;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('a builder of the job goes with container, volume and file, and one of before stays', async () => {
  const user = await dockerUser(dockerHost, STAND_IN);
  cleanups.push(() => user.remove());
  const { PATH, DOCKER_CONFIG } = user.env;
  const makeBuilder = async (name: string) => {
    await user.write(name, dockerHost);
    const volume = `buildx_buildkit_${name}0_state`;
    const container = await createContainer(['sleep', '1000'], {
      name: `buildx_buildkit_${name}0`,
      hostConfig: { Mounts: [{ Type: 'volume', Source: volume, Target: '/var/lib/buildkit' }] },
    });
    cleanups.push(() =>
      docker
        .getVolume(volume)
        .remove()
        .catch(() => undefined),
    );
    cleanups.push(() => removeContainer(container));
    return container;
  };
  const before = await makeBuilder('before');
  const job = await newJob({ inputs: { resources: 'containers volumes builders' }, env: { PATH, DOCKER_CONFIG } });
  await job.main();
  const own = await makeBuilder('own');

  const post = await job.post();

  expect(post.exitCode, post.output).toBe(0);
  expect(post.output).toMatch(/^removed {3}builder own /m);
  expect(await user.instances()).toEqual(['before']);
  await expect(own.inspect()).rejects.toThrow('no such container');
  expect((await before.inspect()).Name).toBe('/buildx_buildkit_before0');
});

test.runIf(process.getuid?.() === 0)('what a container left to root in the workspace is the runner’s again', async () => {
  // The runner's user may talk to the engine, as a member of its group may.
  const socket = dockerHost.replace(/^unix:\/\//, '');
  for (const path of [dirname(socket), socket]) {
    const { mode } = await stat(path);
    await chmod(path, path === socket ? mode | 0o066 : mode | 0o011);
    cleanups.push(() => chmod(path, mode));
  }
  const job = await newJob({ uid: RUNNER, inputs: { 'workspace-ownership': 'restore', proxy: 'false', watchdog: 'false' } });
  await chmod(job.directory, 0o755);
  const workspace = join(job.directory, 'work');
  await mkdir(workspace);
  await chown(workspace, RUNNER, RUNNER);
  await job.main();
  const container = await createContainer(['sh', '-c', 'mkdir /w/out && touch /w/out/file'], {
    labels: { [labels.session]: await job.session() },
    hostConfig: { Binds: [`${workspace}:/w`] },
  });
  cleanups.push(() => removeContainer(container));
  await container.start();
  await container.wait();
  expect((await lstat(join(workspace, 'out/file'))).uid).toBe(0);

  const post = await job.post({ GITHUB_WORKSPACE: workspace });

  expect(post.exitCode, post.output).toBe(0);
  expect((await lstat(join(workspace, 'out/file'))).uid, post.output).toBe(RUNNER);
  expect(post.output).toContain('2 files that containers left in the workspace belong to the runner’s user again.');
  expect(await job.summary()).toContain('belong to the runner’s user again');
  expect((await job.report()).phases.post?.workspace).toMatchObject({ restored: 2, undeletable: 0 });
});

test('a port that another job’s container holds is named in main’s log and in the summary', async () => {
  const other = await createContainer(['sleep', '1000'], {
    labels: { [labels.session]: 'gh-1-1.0badcafe.aaaaaaaa' },
    create: { ExposedPorts: { '80/tcp': {} } },
    hostConfig: { NetworkMode: 'bridge', PortBindings: { '80/tcp': [{ HostPort: '' }] } },
  });
  cleanups.push(() => removeContainer(other));
  await other.start();
  const { NetworkSettings, Name } = await other.inspect();
  const port = NetworkSettings.Ports['80/tcp']?.[0]?.HostPort;
  const line = `Ports that another job left in use, or still uses: ${port} (container ${Name.slice(1)}).`;
  const job = await newJob();

  const main = await job.main();
  await job.post();

  expect(main.output).toContain(line);
  expect(await job.summary()).toContain(`${port} `);
  expect((await job.report()).phases.pre?.preflight).toEqual([line]);
});
