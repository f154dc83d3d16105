import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { start as startDaytona } from '../support/daytona/asking';
import type { DaytonaServer } from '../support/daytona/server';
import { docker, removeContainer } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { ProxiedEngine } from '../support/proxy/proxied-engine';
import { BUNDLE, ownershipOf } from '../support/proxy/proxy-process';
import { until } from '../support/until';

const image = inject('image');

interface Started {
  readonly proxied: ProxiedEngine;
  /** The sandbox cloud behind it. */
  readonly server: DaytonaServer;
  /** Creates a container through the proxy, and says whether it carries the session's label. */
  readonly isLabelling: () => Promise<boolean>;
  /** Takes the program away, so that no process of it can be started; returns what brings it back. */
  readonly removeProgram: () => Promise<() => Promise<void>>;
}

/** A proxy whose processes fail at SIGUSR2. */
async function start(): Promise<Started> {
  const directory = await mkdtemp(join(tmpdir(), 'failing-proxy-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const bundle = join(directory, 'proxy.cjs');
  await copyFile(join(import.meta.dirname, '..', 'support', 'proxy', 'failing-proxy.cjs'), bundle);
  await writeFile(`${bundle}.path`, BUNDLE);
  const session = `cli-test.00000000.${randomUUID().slice(0, 8)}`;
  const server = await startDaytona();
  const sandboxes = { url: server.url, variables: { DAYTONA_API_URL: '' } };
  const proxied = await ProxiedEngine.start(dockerHost, { bundle, ownership: ownershipOf(session), sandboxes });
  const isLabelling = async () => {
    const options = { Image: image, Cmd: ['true'], HostConfig: { NetworkMode: 'none' } };
    const { id } = await proxied.docker.createContainer(options);
    const container = docker.getContainer(id);
    const { Labels } = (await container.inspect()).Config;
    await removeContainer(container);
    return Labels[labels.session] === session;
  };
  const removeProgram = async () => {
    await rename(bundle, `${bundle}.away`);
    return () => rename(`${bundle}.away`, bundle);
  };
  await until('there are two processes', async () => (await proxied.serving()).length === 2);
  return { proxied, server, isLabelling, removeProgram };
}

async function killOne({ proxied }: Started): Promise<number> {
  const [first = 0] = await proxied.processes();
  process.kill(first, 'SIGKILL');
  await until('one is left', async () => !(await proxied.processes()).includes(first));
  return (await proxied.serving())[0] ?? 0;
}

/** The ids of those that were there before are not among them, and all label. */
async function replaced({ proxied, isLabelling }: Started, before: readonly number[]): Promise<void> {
  await until('there are two others', async () => {
    const processes = await proxied.serving();
    return processes.length === 2 && !processes.some((pid) => before.includes(pid));
  });
  await until('all is labelled', async () => {
    for (let time = 0; time < 5; time++) if (!(await isLabelling())) return false;
    return true;
  });
}

test('the one that is left labels alone, as long as no other can be started', async () => {
  const started = await start();
  const bringBack = await started.removeProgram();
  const left = await killOne(started);
  await until('it was tried', async () => (await started.proxied.log()).includes('Cannot find module'));
  expect(await started.isLabelling()).toBe(true);
  await bringBack();
  await until('there are two', async () => (await started.proxied.serving()).length === 2);
  expect(await started.proxied.processes()).toContain(left);
});

test('the one that is left and fails passes everything on unlabelled, until another can be started', async () => {
  const started = await start();
  const { proxied, server } = started;
  const bringBack = await started.removeProgram();
  const left = await killOne(started);
  process.kill(left, 'SIGUSR2');
  await until('it has failed', async () => (await proxied.log()).includes('a fault of the test'));

  expect(await started.isLabelling()).toBe(false);
  const name = `passed-${randomUUID().slice(0, 8)}`;
  await proxied.cli('run', '-d', '--network', 'none', '--name', name, image, 'sleep', '3600');
  onTestFinished(() => removeContainer(docker.getContainer(name)));
  const { stdout } = await proxied.command(['exec', '-i', name, 'cat'], { input: Buffer.from('input, and its end') });
  expect(stdout.toString()).toBe('input, and its end');
  const headers = { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' };
  const created = await fetch(`${proxied.variables['DAYTONA_API_URL']}/sandbox`, { method: 'POST', headers, body: '{}' });
  const { id } = (await created.json()) as { readonly id: string };
  expect(server.get(id)?.labels).toEqual({});
  expect(await proxied.processes()).toContain(left);

  await bringBack();
  await replaced(started, [left]);
});

test('two that fail at the same moment are never both gone, and are replaced', async () => {
  const started = await start();
  const before = await started.proxied.processes();
  for (const pid of before) process.kill(pid, 'SIGUSR2');
  await until('one of them is gone', async () => {
    // An open connection breaks with its process; there is always one that takes the next.
    await started.proxied.docker.ping().catch(({ code }) => expect(['ECONNRESET', 'EPIPE']).toContain(code));
    return (await started.proxied.processes()).some((pid) => !before.includes(pid));
  });
  await replaced(started, before);
});
