import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { WorkspaceReport } from '../../src/report/model';
import { createContainer, docker, removeContainer } from '../support/engine/containers';
import { FlakyProxy } from '../support/engine/flaky-proxy';
import { loadImage } from '../support/engine/image';
import { dockerHost } from '../support/engine/own-engine';
import type { WorkspaceQuestion } from '../support/engine/workspace-as-user';
import { AS_TYPESCRIPT } from '../support/job/entry';
import { removedLater } from '../support/made';

const execute = promisify(execFile);

/** The runner's user, and a stranger. Nobody has these numbers. */
const [RUNNER, STRANGER] = [48_101, 48_102];

const ENTRY = join(import.meta.dirname, '..', 'support', 'engine', 'workspace-as-user.ts');

const made = removedLater();

// The runner's user may talk to the engine, as a member of its group may.
const socket = dockerHost.replace(/^unix:\/\//, '');
const modes = new Map<string, number>();
beforeAll(async () => {
  for (const [path, more] of [
    [dirname(socket), 0o011],
    [socket, 0o066],
  ] as const) {
    const { mode } = await stat(path);
    modes.set(path, mode);
    await chmod(path, mode | more);
  }
});
afterAll(async () => {
  for (const [path, mode] of modes) await chmod(path, mode);
});

let workspace: string;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'cleanup-workspace-'));
  made.push(() => rm(root, { recursive: true, force: true }));
  await chmod(root, 0o755);
  workspace = join(root, 'work');
  await mkdir(workspace);
  await chown(workspace, RUNNER, RUNNER);
});

/** As the runner's checkout has it: the runner's own. */
async function directory(name: string): Promise<string> {
  const path = join(workspace, name);
  await mkdir(path, { recursive: true });
  await chown(path, RUNNER, RUNNER);
  return path;
}

/** Runs a script as root in a container that has a directory as `/w`. */
async function inContainer(source: string, script: string): Promise<void> {
  const container = await createContainer(['sh', '-c', script], { hostConfig: { Binds: [`${source}:/w`] } });
  made.push(() => removeContainer(container));
  await container.start();
  expect(await container.wait()).toMatchObject({ StatusCode: 0 });
}

const session = `test-${randomUUID()}`;

/** @param hostName the machine's, as the user sees it: its own by default */
async function check(question: Partial<WorkspaceQuestion>, hostName?: string): Promise<WorkspaceReport | null> {
  const whole = { uid: RUNNER, url: dockerHost, path: workspace, sources: [], restore: false, sessionId: session, ...question };
  const command = [process.execPath, ...AS_TYPESCRIPT, ENTRY, JSON.stringify(whole)];
  const elsewhere = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', hostName ?? ''];
  const [program = '', ...rest] = hostName === undefined ? command : [...elsewhere, ...command];
  const { stdout } = await execute(program, rest, {
    env: { PATH: process.env['PATH'], HOME: '/' },
    cwd: '/',
  });
  return JSON.parse(stdout);
}

const ownerOf = async (path: string) => (await lstat(path)).uid;
const owners = (paths: readonly string[]) => Promise.all(paths.map(ownerOf));

async function containersOfSession(): Promise<number> {
  const filters = JSON.stringify({ label: [`${labels.session}=${session}`] });
  return (await docker.listContainers({ all: true, filters })).length;
}

describe.skipIf(process.getuid?.() !== 0)('files that a container left to root', () => {
  const TREE = 'mkdir -p /w/out/deep && echo 1 > /w/out/deep/a && echo 2 > /w/out/b && ln -s /etc/passwd /w/out/link';

  test('are counted, with the command to have them back', async () => {
    const source = await directory('out put');
    await inContainer(source, TREE);

    const report = await check({ sources: [source] });

    // out, deep, a, b, link
    expect(report).toMatchObject({ path: workspace, undeletable: 5, restored: 0, whole: true, problem: null });
    expect(report?.bytes).toBeGreaterThan(0);
    expect(report?.command).toBe(`sudo chown -hR ${RUNNER}:${RUNNER} '${source}'`);
    expect(await ownerOf(join(source, 'out/b'))).toBe(0);
  });

  test('are given back by a container that is gone afterwards', async () => {
    const source = await directory('results');
    await inContainer(source, `${TREE} && chmod 700 /w/out/deep && touch /w/own`);

    const report = await check({ sources: [source, join(source, 'out')], restore: true });

    // What was in `deep` could not be seen before.
    expect(report).toMatchObject({ undeletable: 0, restored: 5, whole: true, problem: null, command: null });
    const paths = ['own', 'out', 'out/b', 'out/link', 'out/deep', 'out/deep/a'].map((name) => join(source, name));
    expect(await owners(paths)).toEqual(paths.map(() => RUNNER));
    expect(await containersOfSession()).toBe(0);
    expect(await ownerOf('/etc/passwd')).toBe(0);
  });

  test('are no trouble in a directory of the user’s own, where they can be deleted', async () => {
    const source = await directory('flat');
    await inContainer(source, 'touch /w/a /w/b');

    expect(await check({ sources: [source] })).toBeNull();
  });

  test('are counted, and given back, with any bytes as a name, and in a directory like /tmp, where each deletes only their own', async () => {
    const source = await directory('odd');
    const latin = Buffer.from(`${source}/caf\xe9`, 'latin1');
    await mkdir(latin);
    await writeFile(Buffer.concat([latin, Buffer.from('/menu')]), '');
    // The directory, and what is in it.
    expect(await check({ sources: [source] })).toMatchObject({ undeletable: 2, whole: true });

    const tmp = await directory('like-tmp');
    await inContainer(tmp, `mkdir /w/t && chmod 1777 /w/t && touch /w/t/root && touch /w/t/own && chown ${RUNNER} /w/t/own`);
    expect(await check({ sources: [tmp] })).toMatchObject({ undeletable: 1, whole: true });

    expect(await check({ sources: [source, tmp], restore: true })).toMatchObject({ undeletable: 0, restored: 4 });
  });

  test('are looked for only where a container of the session could write, inside of the workspace', async () => {
    const outside = join(dirname(workspace), 'outside');
    await mkdir(outside);
    await inContainer(outside, TREE);
    const unmounted = await directory('unmounted');
    await inContainer(unmounted, TREE);
    const way = join(workspace, 'way');
    await symlink(outside, way);

    expect(await check({ sources: [outside, way, `${workspace}-other`, '/nowhere'], restore: true })).toBeNull();
    expect(await owners([join(outside, 'out/b'), join(unmounted, 'out/b')])).toEqual([0, 0]);
    // A source around the workspace is all of it, and no more.
    expect(await check({ sources: [dirname(workspace)], restore: true })).toMatchObject({ restored: 6, undeletable: 0 });
    expect(await owners([join(outside, 'out/b'), join(unmounted, 'out/b'), way])).toEqual([0, RUNNER, RUNNER]);
  });

  test('stay where they lead or belong elsewhere: mounts, links, hard links, devices', async () => {
    const source = await directory('tricky');
    const outside = join(dirname(workspace), 'outside');
    await mkdir(join(outside, 'victim'), { recursive: true });
    await writeFile(join(outside, 'secret'), 'root’s');
    await inContainer(source, 'mkdir -p /w/out/mnt && echo 1 > /w/out/plain');
    await execute('mknod', [join(source, 'out/device'), 'c', '1', '3']); // Podman 5 lets no container do that.
    await symlink(join(outside, 'victim'), join(source, 'out/link'));
    await link(join(outside, 'secret'), join(source, 'out/hard'));
    await writeFile(join(outside, 'victim', 'file'), '');
    await execute('mount', ['--bind', join(outside, 'victim'), join(source, 'out/mnt')]);
    made.push(() => execute('umount', [join(source, 'out/mnt')]));

    const report = await check({ sources: [source, join(source, 'out/mnt')], restore: true });

    expect(await owners(['out', 'out/plain', 'out/link'].map((name) => join(source, name)))).toEqual([RUNNER, RUNNER, RUNNER]);
    const others = [
      outside,
      join(outside, 'secret'),
      join(outside, 'victim'),
      join(outside, 'victim/file'),
      join(source, 'out/device'),
    ];
    expect(await owners(others)).toEqual(others.map(() => 0));
    // What keeps its owner is in a directory of the user's by now, and can be deleted.
    expect(report).toMatchObject({ undeletable: 0, restored: 3 });
  });

  test('of another user, and bystanders of the user’s own, are told apart', async () => {
    const source = await directory('mixed');
    const own = await directory('mixed/own');
    await writeFile(join(own, 'file'), '');
    await chown(join(own, 'file'), RUNNER, RUNNER);
    await inContainer(source, `mkdir /w/theirs && touch /w/theirs/file && busybox chown -R ${STRANGER} /w/theirs`);

    expect(await check({ sources: [source], restore: true })).toMatchObject({ restored: 2, undeletable: 0 });
    expect(await owners([own, join(own, 'file'), join(source, 'theirs/file')])).toEqual([RUNNER, RUNNER, RUNNER]);
  });

  test('are given back by the next image where one has no `find`', async () => {
    const name = `no-find-${randomUUID().slice(0, 8)}:1`;
    await loadImage(docker, { name });
    made.push(() => docker.getImage(name).remove({ force: true }));
    const source = await directory('next');
    await inContainer(source, TREE);

    expect(await check({ sources: [source], restore: true })).toMatchObject({ restored: 5, problem: null });
    expect(await containersOfSession()).toBe(0);
  });

  test('are told with a command that names 20 directories, and how many it leaves out', async () => {
    const sources = await Promise.all(
      Array.from({ length: 22 }, (_, index) => directory(`many/${String(index).padStart(2, '0')}`)),
    );
    await inContainer(join(workspace, 'many'), 'for each in /w/*; do mkdir $each/out; touch $each/out/file; done');

    const report = await check({ sources });

    expect(report).toMatchObject({ undeletable: 44, omitted: 2 });
    expect(report?.command).toBe(`sudo chown -hR ${RUNNER}:${RUNNER} ${sources.slice(0, 20).join(' ')}`);
  });

  describe('where the engine does not do all that is asked', () => {
    let proxy: FlakyProxy;
    beforeEach(async () => {
      proxy = await FlakyProxy.start(socket);
      made.push(() => proxy.stop());
      const path = proxy.url.replace(/^unix:\/\//, '');
      await chmod(dirname(path), 0o711);
      await chmod(path, 0o666);
    });

    test('are given back, and a container that can’t be removed is named with the command for it', async () => {
      const source = await directory('results');
      await inContainer(source, TREE);
      proxy.spoil({ kind: 'answer', status: 500 }, /^DELETE \/containers\//, 1);

      const report = await check({ sources: [source], restore: true, url: proxy.url });

      expect(report).toMatchObject({ undeletable: 0, restored: 5, problem: null, command: null });
      expect(report?.helpers).toEqual([
        {
          name: expect.stringMatching(/^cleanup-action-give-back-/),
          problem: expect.stringContaining('the proxy says 500'),
          command: expect.stringMatching(/^docker .*rm --force --volumes cleanup-action-give-back-/),
        },
      ]);
      expect(await containersOfSession()).toBe(1);
      await execute('sh', ['-c', report?.helpers?.[0]?.command ?? '']);
      expect(await containersOfSession()).toBe(0);
    });

    test('leave no container whose maker lost the answer', async () => {
      const source = await directory('results');
      await inContainer(source, TREE);
      proxy.spoil({ kind: 'cut' }, /^POST \/containers\/create/);

      const report = await check({ sources: [source], restore: true, url: proxy.url });

      expect(proxy.calls.filter((call) => call.startsWith('POST /containers/create'))).toHaveLength(1);
      expect(report?.helpers).toBeUndefined();
      expect(await containersOfSession()).toBe(0);
    });

    test('leave no container that does not end in time', async () => {
      const source = await directory('results');
      await inContainer(source, TREE);
      proxy.spoil({ kind: 'hang' }, /^POST \/containers\/[^/]+\/wait/);

      const report = await check({ sources: [source], restore: true, url: proxy.url, deadline: 12_000 });

      expect(report?.helpers).toBeUndefined();
      expect(await containersOfSession()).toBe(0);
    });
  });

  test('stay with a reason, and the command, where there is no way to give them back', async () => {
    const source = await directory('stuck');
    await inContainer(source, TREE);

    const report = await check({ sources: [source], restore: true, url: undefined });

    expect(report).toMatchObject({ undeletable: 5, restored: 0 });
    expect(report?.problem).toMatch(/sudo/);
    expect(report?.command).toContain('sudo chown -hR');
  });

  test('stay where the engine’s directories are others of the same name, as in a job’s container', async () => {
    const source = await directory('theirs');
    await inContainer(source, TREE);

    const report = await check({ sources: [source], restore: true }, 'a-jobs-container');

    expect(report).toMatchObject({ undeletable: 5, restored: 0 });
    expect(report?.problem).toMatch(/^the engine’s directories are not on this machine; /);
    expect(await ownerOf(join(source, 'out/b'))).toBe(0);
  });

  test('are nothing to root, which can delete all', async () => {
    const source = await directory('roots');
    await inContainer(source, TREE);

    expect(await check({ uid: 0, sources: [source], restore: true })).toBeNull();
    expect(await ownerOf(join(source, 'out'))).toBe(0);
  });

  test('are said to be cut short where time runs out', async () => {
    const source = await directory('late');
    await inContainer(source, TREE);

    expect(await check({ sources: [source], deadline: 1, url: undefined })).toMatchObject({ whole: false });
  });

  test('are found by what the listing says of a container, too', async () => {
    const source = await directory('listed');
    const container = await createContainer(['true'], { hostConfig: { Binds: [`${source}:/w`, `${workspace}:/r:ro`] } });
    made.push(() => removeContainer(container));
    const { provider } = await import('../support/engine/sweeping');
    const listed = await (await provider()).list('container', AbortSignal.timeout(10_000));

    const binds = listed.find(({ id }) => id === container.id)?.binds;
    if (inject('product') === 'docker') expect(binds).toEqual([source]);
  });
});
