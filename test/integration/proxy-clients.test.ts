import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { docker, removeContainer } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { type Output, ProxiedEngine } from '../support/proxy/proxied-engine';
import { ownershipOf } from '../support/proxy/proxy-process';

const image = inject('image');
const isPodman = inject('product') === 'podman';

interface Started {
  readonly proxied: ProxiedEngine;
  readonly owner: Readonly<Record<string, string>>;
  /** A name that no other test has. */
  readonly name: (what: string) => string;
  readonly directory: string;
}

/** A proxy before the tests' engine, for a session of its own, and a directory. */
async function start(): Promise<Started> {
  const session = `cli-test.00000000.${randomUUID().slice(0, 8)}`;
  const proxied = await ProxiedEngine.start(dockerHost, { ownership: ownershipOf(session) });
  const directory = await mkdtemp(join(tmpdir(), 'proxy-clients-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return { proxied, owner: { [labels.session]: session }, name: (what) => `${what}-${session.slice(-8)}`, directory };
}

function succeeded({ exitCode, stdout, stderr }: Output): string {
  expect(exitCode, `${stdout}${stderr}`).toBe(0);
  return stdout.toString();
}

const labelsOfContainer = async (name: string) => (await docker.getContainer(name).inspect()).Config.Labels;
const labelsOfNetwork = async (name: string) => (await docker.getNetwork(name).inspect()).Labels;
const labelsOfVolume = async (name: string) => (await docker.getVolume(name).inspect()).Labels;

describe.skipIf(isPodman)('the docker command', () => {
  test('has a terminal in run and exec', async () => {
    const { proxied, name } = await start();
    const inTerminal = async (command: string, url = proxied.url) => {
      const output = succeeded(await proxied.tool('script', ['-qec', command, '/dev/null'], { url }));
      return output.replaceAll(/\^[@D]|[\b\0]/g, ''); // The end of script's own input, which comes when it comes.
    };
    const run = `docker run --rm -it --network none ${image} sh -c 'test -t 0 && echo a terminal'`;
    expect(await inTerminal(run)).toContain('a terminal');
    expect(await inTerminal(run)).toBe(await inTerminal(run, dockerHost));

    await proxied.cli('run', '-d', '--network', 'none', '--name', name('c'), image, 'sleep', '3600');
    onTestFinished(() => removeContainer(docker.getContainer(name('c'))));
    expect(await inTerminal(`docker exec -it ${name('c')} sh -c 'test -t 0 && echo a terminal'`)).toContain('a terminal');
  });

  test('builds with BuildKit, whose sessions are HTTP/2 in an upgraded connection, as without the proxy', async () => {
    const { proxied, name, directory } = await start();
    await writeFile(join(directory, 'Dockerfile'), `FROM ${image}\nCOPY file /file\nENV BUILT=${name('now')}\n`);
    await writeFile(join(directory, 'file'), 'x'.repeat(3_000_000));
    const program = await withBuildKit(proxied);
    const build = async (url: string, tag: string) => {
      const output = await proxied.tool(program, ['build', '-t', tag, directory], { url, env: { DOCKER_BUILDKIT: '1' } });
      succeeded(output);
      onTestFinished(() => docker.getImage(tag).remove({ force: true }));
      return docker.getImage(tag).inspect();
    };
    const through = await build(proxied.url, name('through'));
    const direct = await build(dockerHost, name('direct'));
    expect(through.Config.Env).toContain(`BUILT=${name('now')}`);
    expect(through.Config.Labels ?? {}).toEqual({});
    expect(through.RootFS.Layers).toEqual(direct.RootFS.Layers);
    expect(await proxied.log()).toBe('');
  });
});

/** From version 23 on the docker command needs a plugin for BuildKit; Debian's own has it built in. */
async function withBuildKit(proxied: ProxiedEngine): Promise<string> {
  const { stdout } = await proxied.tool('docker', ['version', '--format', '{{.Client.Version}}']);
  const needsPlugin = Number.parseInt(stdout.toString(), 10) >= 23;
  const { exitCode } = needsPlugin ? await proxied.tool('docker', ['buildx', 'version']) : { exitCode: 0 };
  return exitCode === 0 ? 'docker' : '/usr/bin/docker';
}

describe.skipIf(isPodman)('Compose', () => {
  test('brings a project up, finds it again and takes it down; all of it is labelled', async () => {
    const { proxied, owner, name, directory } = await start();
    const service = { image, command: ['sleep', '3600'], volumes: ['data:/data'] };
    const file = { version: '3', services: { main: service }, volumes: { data: {} }, networks: { default: { internal: true } } };
    await writeFile(join(directory, 'docker-compose.yml'), JSON.stringify(file));
    const project = name('project');
    const compose = (url: string, ...args: readonly string[]) =>
      proxied.tool('docker-compose', ['-p', project, '-f', join(directory, 'docker-compose.yml'), ...args], { url });
    succeeded(await compose(proxied.url, 'up', '-d'));
    onTestFinished(async () => void (await compose(dockerHost, 'down', '-v', '-t', '0')));

    expect(await labelsOfContainer(`${project}_main_1`)).toMatchObject(owner);
    expect(await labelsOfNetwork(`${project}_default`)).toMatchObject(owner);
    expect(await labelsOfVolume(`${project}_data`)).toMatchObject(owner);
    for (const url of [proxied.url, dockerHost]) {
      // It is known by the hash of its configuration.
      expect((await compose(url, 'up', '-d')).stderr.toString()).toContain('is up-to-date');
    }
    expect(succeeded(await compose(proxied.url, 'exec', '-T', 'main', 'echo', 'hello'))).toBe('hello\n');
    succeeded(await compose(proxied.url, 'down', '-v', '-t', '0'));
    expect(await docker.listContainers({ all: true, filters: { label: [`com.docker.compose.project=${project}`] } })).toEqual([]);
    expect(await proxied.log()).toBe('');
  });
});

const PYTHON = join(import.meta.dirname, '..', '..', 'scripts', 'proxy-tools', 'with-docker-py.py');

test.skipIf(isPodman)(
  'docker-py runs, copies, executes with and without a socket, and reads logs, as without the proxy',
  async () => {
    const { proxied, owner, name } = await start();
    const play = async (who: string, url: string) => {
      onTestFinished(async () => {
        await removeContainer(docker.getContainer(who));
        await docker.getNetwork(`${who}-network`).remove();
        await docker.getVolume(`${who}-volume`).remove();
      });
      return succeeded(await proxied.tool('/usr/bin/python3', [PYTHON, image, who], { url }));
    };
    const through = await play(name('through'), proxied.url);
    expect(JSON.parse(through)).toEqual([7, 'xxxxx', ['out\n', 'err\n'], 'ping', 'one\ntwo\n', 100_000, 101_888, 137]);
    expect(await play(name('direct'), dockerHost)).toBe(through);
    expect(await labelsOfContainer(name('through'))).toMatchObject(owner);
    expect(await labelsOfNetwork(`${name('through')}-network`)).toMatchObject(owner);
    expect(await labelsOfVolume(`${name('through')}-volume`)).toMatchObject(owner);
    expect(await proxied.log()).toBe('');
  },
);

test.runIf(isPodman)('Podman’s remote client creates what is labelled by Podman’s own API', async () => {
  const { proxied, owner, name } = await start();
  const podman = async (...args: readonly string[]) =>
    succeeded(await proxied.tool('podman', ['--remote', '--url', proxied.url, ...args]));
  await podman('volume', 'create', name('volume'));
  await podman('pod', 'create', '--infra=false', '--name', name('pod'));
  onTestFinished(async () => void (await podman('pod', 'rm', '--force', name('pod'))));
  expect(JSON.parse(await podman('pod', 'inspect', name('pod'))).Labels).toMatchObject(owner);
  await podman('network', 'create', '--internal', name('network'));
  await podman('create', '--network', 'none', '--name', name('c'), '-v', `${name('made')}:/data`, image, 'sleep', '3600');
  onTestFinished(async () => {
    await removeContainer(docker.getContainer(name('c')));
    await docker.getNetwork(name('network')).remove();
    for (const volume of ['volume', 'made']) await docker.getVolume(name(volume)).remove();
  });
  expect(await labelsOfContainer(name('c'))).toMatchObject(owner);
  expect(await labelsOfNetwork(name('network'))).toMatchObject(owner);
  for (const volume of ['volume', 'made']) expect(await labelsOfVolume(name(volume))).toMatchObject(owner);
  expect(await podman('run', '--rm', '--network', 'none', image, 'echo', 'hello')).toBe('hello\n');
});
