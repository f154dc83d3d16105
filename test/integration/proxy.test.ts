import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { docker, removeContainer, startContainer } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { ProxiedEngine } from '../support/proxy/proxied-engine';
import { ownershipOf } from '../support/proxy/proxy-process';
import { until } from '../support/until';

const image = inject('image');
const isPodman = inject('product') === 'podman';

const FOREVER = ['sleep', '3600'];

/** A proxy before the tests' engine, for a session of its own; what carries its label is removed after the test. */
async function start(): Promise<{ proxied: ProxiedEngine; session: string; name: (what: string) => string }> {
  const session = `cli-test.00000000.${randomUUID().slice(0, 8)}`;
  const proxied = await ProxiedEngine.start(dockerHost, { ownership: ownershipOf(session) });
  onTestFinished(() => removeOwned(session));
  return { proxied, session, name: (what) => `${what}-${session.slice(-8)}` };
}

async function owned(session: string): Promise<readonly Docker.ContainerInfo[]> {
  return docker.listContainers({ all: true, filters: { label: [`${labels.session}=${session}`] } });
}

async function removeOwned(session: string): Promise<void> {
  const filters = { label: [`${labels.session}=${session}`] };
  for (const { Id } of await owned(session)) await removeContainer(docker.getContainer(Id));
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove();
  for (const { Name } of (await docker.listVolumes({ filters })).Volumes) await docker.getVolume(Name).remove();
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

describe('what is created through the proxy is labelled', () => {
  test('containers, networks and volumes, by the docker command and by dockerode', async () => {
    const { proxied, session, name } = await start();
    await proxied.cli('create', '--network', 'none', '--name', name('cli'), image, ...FOREVER);
    await proxied.docker.createContainer({ Image: image, Cmd: FOREVER, name: name('lib'), HostConfig: { NetworkMode: 'none' } });
    await proxied.cli('volume', 'create', name('volume'));
    await proxied.cli('network', 'create', '--internal', name('network'));

    const label = { [labels.session]: session, [labels.job]: 'täst' };
    for (const container of ['cli', 'lib']) {
      expect((await docker.getContainer(name(container)).inspect()).Config.Labels).toMatchObject(label);
    }
    expect((await docker.getVolume(name('volume')).inspect()).Labels).toMatchObject(label);
    expect((await docker.getNetwork(name('network')).inspect()).Labels).toMatchObject(label);
    expect(await proxied.log()).toBe('');
  });

  test('volumes that a container’s creation makes', async () => {
    const { proxied, session, name } = await start();
    const mount = `type=volume,source=${name('mount')},target=/mount`;
    const options = ['--network', 'none', '--name', name('user'), '-v', `${name('bind')}:/bind`, '--mount', mount];
    await proxied.cli('create', ...options, image, ...FOREVER);
    for (const volume of ['bind', 'mount']) {
      expect((await docker.getVolume(name(volume)).inspect()).Labels).toMatchObject({ [labels.session]: session });
    }
  });

  test('not volumes that are there, nor what another session owns', async () => {
    const { proxied, session, name } = await start();
    await docker.createVolume({ Name: name('theirs'), Labels: { a: 'b' } });
    onTestFinished(() => docker.getVolume(name('theirs')).remove());
    const other = { [labels.session]: 'another' };
    const options = {
      Image: image,
      Cmd: FOREVER,
      Labels: other,
      HostConfig: { NetworkMode: 'none', Binds: [`${name('theirs')}:/v`] },
    };
    const container = await proxied.docker.createContainer(options);
    onTestFinished(() => removeContainer(docker.getContainer(container.id)));
    expect((await container.inspect()).Config.Labels).toMatchObject(other);
    expect((await docker.getVolume(name('theirs')).inspect()).Labels).not.toHaveProperty(labels.session);
    expect(await owned(session)).toEqual([]);
  });

  test('as they were meant, but for the labels', async () => {
    const { proxied, name } = await start();
    const options = (which: string): Docker.ContainerCreateOptions => ({
      Image: image,
      name: name(which),
      Cmd: FOREVER,
      Env: ['A=ä“🎉', 'B="\\'],
      Labels: { own: 'ä' },
      HostConfig: { NetworkMode: 'none', Memory: 64 * 1024 * 1024, Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }] },
    });
    const [through, direct] = await Promise.all([
      proxied.docker.createContainer(options('through')).then((container) => container.inspect()),
      docker.createContainer(options('direct')).then((container) => container.inspect()),
    ]);
    onTestFinished(() => removeContainer(docker.getContainer(direct.Id)));
    expect(through.Config.Labels['own']).toBe('ä');
    expect(withoutIdentity(through)).toEqual(withoutIdentity(direct));
  });
});

/** What two containers that were made alike have in common; Podman's list of variables has no order. */
function withoutIdentity({ Config: { Labels, Hostname, Env, ...config }, HostConfig }: Docker.ContainerInspectInfo): unknown {
  return { ...config, Env: Env.toSorted(), host: HostConfig };
}

describe('the docker command works through the proxy as it does without', () => {
  const input = randomBytes(5_000_000);

  test('run, exec with and without input, cp, logs -f, wait', async () => {
    const { proxied, name } = await start();
    expect(await proxied.cli('run', '--rm', '--network', 'none', image, 'echo', 'hello')).toBe('hello\n');
    const attached = await proxied.command(['run', '--rm', '-i', '--network', 'none', image, 'cat'], { input });
    expect(md5(attached.stdout)).toBe(md5(input));

    await proxied.cli('run', '-d', '--network', 'none', '--name', name('c'), image, 'sh', '-c', 'echo started; sleep 3600');
    expect(await proxied.cli('exec', name('c'), 'echo', 'hi')).toBe('hi\n');
    const piped = await proxied.command(['exec', '-i', name('c'), 'cat'], { input });
    expect(md5(piped.stdout)).toBe(md5(input));
    expect((await proxied.command(['exec', name('c'), 'sh', '-c', 'echo out; echo err >&2; exit 7'])).exitCode).toBe(7);

    const directory = await mkdtemp(join(tmpdir(), 'proxy-cp-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'file'), input);
    await proxied.cli('cp', join(directory, 'file'), `${name('c')}:/tmp/file`);
    const archive = await proxied.command(['cp', `${name('c')}:/tmp/file`, '-']);
    expect(archive.stdout.includes(input.subarray(0, 4096))).toBe(true);

    const following = proxied.command(['logs', '-f', name('c')]);
    const waiting = proxied.cli('wait', name('c'));
    await proxied.cli('kill', name('c'));
    expect((await following).stdout.toString()).toBe('started\n');
    expect(await waiting).toBe('137\n');
    expect(await proxied.log()).toBe('');
  });

  test('save and load', async () => {
    const { proxied } = await start();
    const saved = await proxied.command(['save', image]);
    expect(saved.stdout.length).toBeGreaterThan(500_000);
    const loaded = await proxied.command(['load'], { input: saved.stdout });
    expect(loaded.stdout.toString()).toContain('Loaded image');
  });

  test('build, without a label of ours on the image', async () => {
    const { proxied, name } = await start();
    const directory = await mkdtemp(join(tmpdir(), 'proxy-build-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'Dockerfile'), `FROM ${image}\nENV BUILT=yes\n`);
    await proxied.cli('build', '-q', '-t', name('built'), directory);
    onTestFinished(() => docker.getImage(name('built')).remove({ force: true }));
    const { Config } = await docker.getImage(name('built')).inspect();
    expect(Config.Env).toContain('BUILT=yes');
    expect(Object.keys(Config.Labels ?? {}).filter((key) => key.startsWith('io.github.cleanup-action'))).toEqual([]);
  });

  test('errors are the engine’s', async () => {
    const { proxied } = await start();
    const options = ['create', '--pull', 'never', 'no-such-image:at-all'];
    const [through, direct] = await Promise.all([proxied.command(options), proxied.command(options, { url: dockerHost })]);
    expect({ ...through }).toEqual({ ...direct });
  });

  test('events come as they happen', async () => {
    const { proxied, name } = await start();
    // An engine answers before it listens: what comes in between is told, too.
    const since = Math.floor(Date.now() / 1000);
    const stream = await proxied.docker.getEvents({ filters: { type: ['container'] }, since });
    let text = '';
    stream.on('data', (bytes) => {
      text += bytes;
    });
    await proxied.cli('create', '--network', 'none', '--name', name('seen'), image, ...FOREVER);
    await until('the event came', () => text.includes(name('seen')));
    (stream as unknown as { destroy(): void }).destroy();
  });
});

describe('dockerode’s two ways to take a connection over', () => {
  test.each([true, false])('hijack: %s', async (hijack) => {
    const { proxied, name } = await start();
    await proxied.cli('run', '-d', '--network', 'none', '--name', name('c'), image, ...FOREVER);
    const command = { Cmd: ['cat'], AttachStdin: true, AttachStdout: true, Tty: false };
    const exec = await proxied.docker.getContainer(name('c')).exec(command);
    const stream = await exec.start(hijack ? { hijack, stdin: true } : { stdin: false, Detach: false });
    let text = '';
    stream.on('data', (bytes) => {
      text += bytes;
    });
    if (hijack) {
      stream.write('through');
      await until('it came back', () => text.includes('through'));
      stream.end();
      await until('the other end has ended, too', () => stream.readableEnded || stream.destroyed);
    } else stream.destroy();
  });
});

test('a client that is gone while it waits leaves no connection behind', async () => {
  const { proxied } = await start();
  // Podman answers with the first line of the log.
  const { id } = await startContainer(['sh', '-c', 'echo started; sleep 3600']);
  onTestFinished(() => removeContainer(docker.getContainer(id)));
  await until('both of its processes run', async () => (await proxied.serving()).length === 2);
  const idle = await openSockets(proxied);
  const stream = await proxied.docker.getContainer(id).logs({ follow: true, stdout: true });
  await until('it is connected', async () => (await openSockets(proxied)) > idle);
  (stream as unknown as { destroy(): void }).destroy();
  await until('it is not', async () => (await openSockets(proxied)) <= idle);
});

/** Counts the sockets of the proxy’s processes. */
async function openSockets(proxied: ProxiedEngine): Promise<number> {
  let count = 0;
  for (const pid of await proxied.processes()) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')));
    count += links.filter((link) => link.startsWith('socket:')).length;
  }
  return count;
}

test('fifty at a time are all labelled', async () => {
  const { proxied, session } = await start();
  const create = () => proxied.docker.createContainer({ Image: image, Cmd: FOREVER, HostConfig: { NetworkMode: 'none' } });
  await Promise.all(Array.from({ length: 50 }, create));
  expect(await owned(session)).toHaveLength(50);
});

test('a proxy that is killed again and again loses no label, and there is always one that listens', async () => {
  const { proxied, session } = await start();
  const prefix = `killed-${session.slice(-8)}`;
  const least = isPodman ? 50 : 200;
  let [created, failed, kills] = [0, 0, 0];
  const creations = (async () => {
    for (; created < least || kills < 10; created++) {
      const options = { Image: image, Cmd: FOREVER, name: `${prefix}-${created}`, HostConfig: { NetworkMode: 'none' } };
      await proxied.docker.createContainer(options).catch((error) => {
        // As when an engine dies: the connection breaks. There is always one that takes the next.
        expect(['ECONNRESET', 'EPIPE']).toContain(error.code);
        failed++;
      });
    }
  })();
  for (; kills < 10; kills++) {
    await until('both processes run', async () => (await proxied.processes()).length === 2);
    const [first, second] = await proxied.processes();
    const before = created;
    process.kill(Number(kills % 2 ? first : second), 'SIGKILL');
    await until('some more were created', () => created >= before + 5);
  }
  await creations;
  const made = (await docker.listContainers({ all: true })).filter(({ Names }) => Names.some((name) => name.includes(prefix)));
  expect(made.filter(({ Labels }) => Labels[labels.session] !== session)).toEqual([]);
  expect(made.length).toBeGreaterThanOrEqual(created - failed);
  expect(failed).toBeLessThanOrEqual(10);
}, 120_000);

test('it outlives what a step does to end its own processes: signals, and killall node', async () => {
  const { proxied } = await start();
  await until('there are two, and neither is called node', async () => (await proxied.serving()).length === 2);
  const before = await proxied.processes();
  for (const pid of before) {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
  }
  const pending = async (pid: number) => /^ShdPnd:\t(.*)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  for (const pid of before) await until('it has taken the signals', async () => /^0+$/.test((await pending(pid)) ?? ''));
  await proxied.docker.ping();
  expect(await proxied.processes()).toEqual(before);
});

test('its socket is for its user alone', async () => {
  const { proxied } = await start();
  expect((await stat(proxied.url.replace('unix://', ''))).mode & 0o777).toBe(0o600);
});

test('it ends when its owner has', async () => {
  const owner = { pid: process.pid, startedAt: 'another start of this machine' };
  const proxied = await ProxiedEngine.start(dockerHost, { owner });
  await until('it has ended', async () => (await proxied.processes()).length === 0);
});

test('a container that is given the variable without the socket gets what it was before', async () => {
  const { proxied, name } = await start();
  const options = ['run', '--network', 'none', '-e', 'DOCKER_HOST'];
  const print = ['sh', '-c', `echo "\${DOCKER_HOST:-nothing}"`];
  expect(await proxied.cli(...options, '--name', name('without'), image, ...print)).toBe('nothing\n');
  const mounted = ['-v', `${proxied.directory}:${proxied.directory}`];
  expect(await proxied.cli(...options, ...mounted, '--name', name('with'), image, ...print)).toBe(`${proxied.url}\n`);
});
