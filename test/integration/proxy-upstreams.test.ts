import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sshDialer } from '../../src/providers/docker/connection/ssh';
import { type Address, dialer } from '../../src/proxy/dial';
import { dockerRules } from '../../src/proxy/docker-rules';
import { listenAt, passAll, serveAll } from '../../src/proxy/listen';
import type { PrivateEngine } from '../support/engine/engine';
import { freeAddress, type ReachedEngines, startReachedEngines } from '../support/engine/reached-engines';
import { until } from '../support/until';

const IMAGE = 'cleanup-action-test:upstreams';
const OWN = { owner: 'S' };
const FOREVER = ['sleep', '3600'];

/** See `ReachedEngines`. */
let directory: string;
let plain: PrivateEngine;
let secure: PrivateEngine;
let tcp: string;
let tls: string;
let engines: ReachedEngines | undefined;
beforeAll(async () => {
  engines = await startReachedEngines(IMAGE);
  ({ directory, plain, secure, tcp, tls } = engines);
});
afterAll(() => engines?.stop());

/** A proxy in this process. */
async function proxyBefore(address: Address): Promise<{ readonly socketPath: string; readonly docker: Docker; server: Server }> {
  const own = await mkdtemp(join(directory, 'proxy-'));
  const socketPath = join(own, 'docker.sock');
  const server = await listenAt(socketPath);
  const odd: unknown[] = [];
  const end = serveAll(server, dialer(address, { ssh: sshDialer }), dockerRules({ owner: 'owner', labels: OWN }), (error) =>
    odd.push(error),
  );
  onTestFinished(() => {
    server.close();
    end();
    expect(odd).toEqual([]);
  });
  return { socketPath, docker: new Docker({ socketPath }), server };
}

const withCertificates = () => ({
  url: tls,
  ca: join(directory, 'ca.pem'),
  cert: join(directory, 'cert.pem'),
  key: join(directory, 'key.pem'),
});

interface Upstream {
  readonly by: string;
  readonly engine: () => PrivateEngine;
  readonly address: () => Address;
}

const UPSTREAMS: readonly Upstream[] = [
  { by: 'a socket', engine: () => plain, address: () => ({ url: plain.url }) },
  { by: 'TCP', engine: () => plain, address: () => ({ url: tcp }) },
  { by: 'TLS with a client’s certificate', engine: () => secure, address: withCertificates },
  {
    by: 'TLS that trusts whoever answers',
    engine: () => secure,
    address: () => ({ ...withCertificates(), ca: join(directory, 'cert.pem'), verification: 'none' }),
  },
  { by: 'ssh', engine: () => plain, address: () => ({ url: 'ssh://engine' }) },
];

/** Runs `cat` in a container; what it was given comes back whole. */
async function expectExecToEcho(docker: Docker, socketPath: string): Promise<Docker.ContainerInspectInfo> {
  const container = await docker.createContainer(sleeping);
  await container.start();
  const input = randomBytes(3_000_000);
  const client = promisify(execFile)('docker', ['exec', '-i', container.id, 'cat'], {
    env: { ...process.env, DOCKER_HOST: `unix://${socketPath}` },
    encoding: 'buffer',
    maxBuffer: 2 * input.length,
  });
  client.child.stdin?.end(input);
  const { stdout } = await client;
  const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
  expect(md5(stdout)).toBe(md5(input));
  const info = await container.inspect();
  await container.remove({ force: true });
  return info;
}

const sleeping = { Image: IMAGE, Cmd: FOREVER, HostConfig: { NetworkMode: 'none' } };

describe.each(UPSTREAMS)('an engine that is reached by $by', ({ engine, address }) => {
  test('has what is created labelled, with the volume that it makes', async () => {
    const { docker } = await proxyBefore(address());
    const Binds = [`made-by-${Math.random()}:/data`];
    const { id } = await docker.createContainer({ ...sleeping, HostConfig: { ...sleeping.HostConfig, Binds } });
    const { Config, Mounts } = await engine().docker.getContainer(id).inspect();
    expect(Config.Labels).toEqual(OWN);
    expect(
      (
        await engine()
          .docker.getVolume(Mounts[0]?.Name ?? '')
          .inspect()
      ).Labels,
    ).toEqual(OWN);
    await docker.getContainer(id).remove({ v: true });
  });

  test('takes all input of a hijacked connection, sees its end, and gives all output after it', async () => {
    const { socketPath, docker } = await proxyBefore(address());
    await expectExecToEcho(docker, socketPath);
  });

  test('passes everything on where labelling has failed', async () => {
    const { socketPath, docker, server } = await proxyBefore(address());
    passAll(server, dialer(address(), { ssh: sshDialer }));
    const { Labels } = (await expectExecToEcho(docker, socketPath)).Config;
    expect(Labels).toEqual({});
  });

  test('answers a thousand requests on one connection', async () => {
    const { socketPath } = await proxyBefore(address());
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    const statuses = new Set<number | undefined>();
    for (let number = 0; number < 1000; number++) {
      const asked = request({ socketPath, agent, path: number % 2 ? '/_ping' : '/v1.41/version' });
      asked.once('socket', () => {
        if (!asked.reusedSocket) connections++;
      });
      const [response] = await once(asked.end(), 'response');
      statuses.add(response.statusCode);
      await buffer(response);
    }
    agent.destroy();
    expect([connections, [...statuses]]).toEqual([1, [200]]);
  });
});

describe('an engine that can’t be reached is a 503 that says why', () => {
  const answer = async (address: Address) => {
    const { socketPath } = await proxyBefore(address);
    const [response] = await once(request({ socketPath, path: '/_ping' }).end(), 'response');
    return { status: response.statusCode, body: await text(response) };
  };

  test.each<readonly [why: string, address: () => Address, message: RegExp]>([
    ['no socket', () => ({ url: 'unix:///no/such.sock' }), /ENOENT/],
    ['an authority that is not trusted', () => ({ ...withCertificates(), ca: join(directory, 'cert.pem') }), /certificate/],
    ['a certificate’s file that is gone', () => ({ ...withCertificates(), key: '/no/key.pem' }), /ENOENT/],
  ])('%s', async (_, address, message) => {
    const { status, body } = await answer(address());
    expect(status).toBe(503);
    expect(JSON.parse(body).message).toMatch(/^cleanup-action’s proxy: /);
    expect(body).toMatch(message);
  });
});

test('a server of many names is told which one is meant', async () => {
  const named: string[] = [];
  const server = createTlsServer({
    cert: await readFile(join(directory, 'server-cert.pem')),
    key: await readFile(join(directory, 'server-key.pem')),
    SNICallback: (name, done) => {
      named.push(name);
      done(null);
    },
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = await dialer({ url: `https://localhost:${port}`, verification: 'none' })();
  socket.destroy();
  expect(named).toEqual(['localhost']);
});

describe('an engine behind the proxy', () => {
  test('that is killed and started again is there again, at the same socket, also for a client that stayed', async () => {
    const { docker } = await proxyBefore({ url: secure.url });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const staying = new Docker({ ...docker.modem, agent } as Docker.DockerOptions);
    onTestFinished(() => agent.destroy());
    await staying.ping();
    await secure.kill();
    const refused = await staying.ping().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    await secure.restart();
    await until('it answers through the proxy', () =>
      staying.ping().then(
        () => true,
        () => false,
      ),
    );
    const container = await staying.createContainer(sleeping);
    expect((await container.inspect()).Config.Labels).toEqual(OWN);
    await container.remove();
  });

  test('that hangs for a while gets the request labelled all the same', async () => {
    const { docker } = await proxyBefore({ url: secure.url });
    await secureIsAlone();
    await secure.freeze();
    let isDone = false;
    const creating = docker.createContainer(sleeping).finally(() => {
      isDone = true;
    });
    await until('the proxy waits for the engine', async () => (await secure.connections()) > 0);
    expect(isDone).toBe(false);
    await secure.thaw();
    const container = await creating;
    expect((await container.inspect()).Config.Labels).toEqual(OWN);
    await container.remove();
  });

  test('that hangs when its client goes has no connection left when it is back', async () => {
    const { socketPath } = await proxyBefore({ url: secure.url });
    await secureIsAlone();
    await secure.freeze();
    const asked = request({ socketPath, path: '/v1.41/containers/json' });
    asked.on('error', () => undefined).end();
    await until('the proxy waits for the engine', async () => (await secure.connections()) > 0);
    asked.destroy();
    await secure.thaw();
    await secureIsAlone();
  });
});

/** What clients keep for their next request is closed after a while. */
async function secureIsAlone(): Promise<void> {
  await until('nothing is connected to the engine', async () => (await secure.connections()) === 0);
}

test('a swarm’s services with their tasks and volumes, secrets and configs are labelled, and stay so when they are updated', async () => {
  const { socketPath, docker } = await proxyBefore({ url: plain.url });
  const listen = (await freeAddress()).replace('tcp://', '');
  await plain.docker.swarmInit({ ListenAddr: listen, AdvertiseAddr: '127.0.0.1' });
  onTestFinished(() => plain.docker.swarmLeave({ force: true }));
  const command = (...args: readonly string[]) =>
    promisify(execFile)('docker', args, { env: { ...process.env, DOCKER_HOST: `unix://${socketPath}` } });
  await docker.createSecret({ Name: 'secret', Data: 'eA==' });
  await docker.createConfig({ Name: 'config', Data: 'eA==' });
  const mount = 'type=volume,source=task-volume,target=/data';
  const options = ['--detach', '--name', 'service', '--no-resolve-image', '--mount', mount, '--container-label', 'a=b'];
  await command('service', 'create', ...options, IMAGE, ...FOREVER);

  const tasks = () => plain.docker.listContainers({ filters: { label: ['com.docker.swarm.service.name=service'] } });
  await until('the task runs', async () => (await tasks()).length === 1);
  const spec = async () => (await plain.docker.getService('service').inspect()).Spec;
  expect((await spec()).Labels).toEqual(OWN);
  expect((await tasks())[0]?.Labels).toMatchObject({ ...OWN, a: 'b' });
  expect((await plain.docker.getVolume('task-volume').inspect()).Labels).toEqual(OWN);
  const [secret] = await plain.docker.listSecrets();
  const [config] = await plain.docker.listConfigs();
  expect([secret?.Spec?.Labels, config?.Spec?.Labels]).toEqual([OWN, OWN]);

  await command('service', 'update', '--detach', '--no-resolve-image', '--label-rm', 'owner', '--label-add', 'c=d', 'service');
  expect((await spec()).Labels).toEqual({ ...OWN, c: 'd' });
  await plain.docker.getService('service').remove();
  await until('the task is gone', async () => (await tasks()).length === 0);
});
