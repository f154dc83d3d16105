import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig, type RawSettings } from '../../src/config/config';
import type { Connection } from '../../src/core/connection';
import { ownedBy } from '../../src/core/selector';
import { systemClock } from '../../src/lib/clock';
import { Deadline } from '../../src/lib/deadline';
import { Halted } from '../../src/lib/errors';
import { cleanUp } from '../../src/phases/cleanup';
import { docker } from '../../src/providers/docker/discover';
import { startWhenReady } from '../support/engine/container-habits';
import { HONOURS_SIGTERM, stateOf } from '../support/engine/containers';
import type { PrivateEngine } from '../support/engine/engine';
import { sshProcesses } from '../support/engine/fake-ssh';
import { dockerHost } from '../support/engine/own-engine';
import { type ReachedEngines, startReachedEngines } from '../support/engine/reached-engines';
import { newSession, only, sweepSession } from '../support/engine/sweeping';
import { until } from '../support/until';

const IMAGE = 'cleanup-action-test:endpoints';

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

/** Takes connections, and never says a word. */
async function listen(): Promise<{ readonly server: Server; readonly address: string; hangUp(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hangUp = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, hangUp };
}

/** A context as `docker context create` makes it. */
async function dockerContext(docker: object, ...tlsFiles: readonly string[]): Promise<Record<string, string>> {
  const config = await mkdtemp(join(directory, 'config-'));
  const id = createHash('sha256').update('the context').digest('hex');
  const [meta, material] = [join(config, 'contexts/meta', id), join(config, 'contexts/tls', id, 'docker')];
  await mkdir(meta, { recursive: true });
  await writeFile(join(meta, 'meta.json'), JSON.stringify({ Name: 'the context', Endpoints: { docker } }));
  await mkdir(material, { recursive: true });
  for (const name of tlsFiles) await copyFile(join(directory, name), join(material, name));
  await writeFile(join(config, 'config.json'), JSON.stringify({ currentContext: 'the context' }));
  return { DOCKER_CONFIG: config };
}

interface Surroundings {
  readonly dockerHost?: string;
  readonly docker?: string;
  readonly env?: Record<string, string>;
  readonly found?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly deadline?: Deadline;
}

/** What the settings and the environment lead to. */
function look({
  env = {},
  found = {},
  deadline = new Deadline(systemClock, 60_000),
  ...raw
}: Surroundings): readonly Promise<Connection>[] {
  onTestFinished(() => deadline.dispose());
  const settings: RawSettings = { retries: '1', retryDelay: '1s', ...raw };
  const config = parseConfig(settings, {});
  return docker.discover({ config, env: { HOME: '/nowhere', ...env }, clock: systemClock, deadline, endpoints: found });
}

async function connectionFor(surroundings: Surroundings): Promise<Connection> {
  const [connection, ...others] = await Promise.all(look(surroundings));
  if (!connection || others.length > 0) throw new Error('one connection expected');
  return connection;
}

async function leak(engine: PrivateEngine, labels: Record<string, string>) {
  const container = await engine.docker.createContainer({
    Image: IMAGE,
    Cmd: HONOURS_SIGTERM,
    Labels: labels,
    HostConfig: { NetworkMode: 'none' },
  });
  return startWhenReady(container, HONOURS_SIGTERM);
}

const reasonOf = (connection: Connection) => (connection.status === 'ready' ? 'none' : connection.reason);

interface Way {
  readonly by: string;
  readonly engine: () => PrivateEngine;
  readonly from: string;
  surroundings(): Surroundings | Promise<Surroundings>;
}

const WAYS: readonly Way[] = [
  { by: 'a socket', engine: () => plain, from: 'docker-host', surroundings: () => ({ dockerHost: plain.url }) },
  { by: 'TCP', engine: () => plain, from: 'docker-host', surroundings: () => ({ dockerHost: tcp }) },
  { by: 'DOCKER_HOST', engine: () => plain, from: 'DOCKER_HOST', surroundings: () => ({ env: { DOCKER_HOST: tcp } }) },
  {
    by: 'DOCKER_HOST with TLS',
    engine: () => secure,
    from: 'DOCKER_HOST',
    surroundings: () => ({ env: { DOCKER_HOST: tls, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory } }),
  },
  {
    by: 'docker-host with TLS',
    engine: () => secure,
    from: 'docker-host',
    surroundings: () => ({ dockerHost: tls, env: { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory } }),
  },
  {
    by: 'a docker context with a socket',
    engine: () => plain,
    from: 'docker context the context',
    surroundings: async () => ({ env: await dockerContext({ Host: plain.url }) }),
  },
  {
    by: 'a docker context with TLS',
    engine: () => secure,
    from: 'docker context the context',
    surroundings: async () => ({
      env: await dockerContext({ Host: tls, SkipTLSVerify: false }, 'ca.pem', 'cert.pem', 'key.pem'),
    }),
  },
  {
    by: 'a docker context with TLS that trusts any server',
    engine: () => secure,
    from: 'docker context the context',
    surroundings: async () => ({ env: await dockerContext({ Host: tls, SkipTLSVerify: true }, 'cert.pem', 'key.pem') }),
  },
  { by: 'ssh', engine: () => plain, from: 'docker-host', surroundings: () => ({ dockerHost: 'ssh://engine' }) },
  {
    by: 'a docker context with ssh',
    engine: () => plain,
    from: 'docker context the context',
    surroundings: async () => ({ env: await dockerContext({ Host: 'ssh://engine' }) }),
  },
];

describe('an engine is found and cleaned', () => {
  test.each(WAYS)('by $by', async ({ engine, from, surroundings }) => {
    const { session, labelled } = newSession();
    const container = await leak(engine(), labelled.labels);

    const connection = await connectionFor(await surroundings());
    if (connection.status !== 'ready') throw new Error(connection.reason);
    const result = await sweepSession(session, { change: () => connection.provider });

    expect(connection.name).toBe('docker');
    expect(connection.description).toContain(`(${from})`);
    expect(only(result).outcome).toBe('graceful');
    expect(result.verified).toBe(true);
    expect(await stateOf(container)).toBe('gone');
  });

  test('where main found it, whatever the environment says by then', async () => {
    const first = await connectionFor({
      env: { DOCKER_HOST: tls, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory },
    });
    if (first.status !== 'ready') throw new Error(first.reason);
    const saved = JSON.parse(JSON.stringify({ [first.name]: first.found }));

    const second = await connectionFor({ env: { DOCKER_HOST: 'unix:///no/such.sock' }, found: saved });

    expect(second).toMatchObject({ status: 'ready', found: first.found });
  });
});

describe('an engine that can’t be used is reported in one line', () => {
  const context =
    (docker: object, ...files: readonly string[]) =>
    async () => ({ env: await dockerContext(docker, ...files) });

  test.each<readonly [what: string, surroundings: () => Surroundings | Promise<Surroundings>, reason: RegExp]>([
    ['a client without a certificate', () => ({ dockerHost: tls, env: { DOCKER_TLS_VERIFY: '1' } }), /ca\.pem/],
    [
      'a certificate that its client has no authority for',
      async () => (await context({ Host: tls }, 'cert.pem', 'key.pem'))(),
      /certificate/,
    ],
    ['a client without TLS', () => ({ dockerHost: tls }), /HTTP request to an HTTPS server/],
    ['a context that is not there', () => ({ env: { DOCKER_CONTEXT: 'gone' } }), /“gone” \(DOCKER_CONTEXT\).*no such context$/],
    ['an address with an unknown scheme', () => ({ env: { DOCKER_HOST: 'fd://3' } }), /“fd:\/\/3” is not an engine’s endpoint/],
    ['a host that ssh refuses', () => ({ dockerHost: 'ssh://stranger' }), /: ssh: Host key verification failed\.$/],
    ['an ssh that says nothing', () => ({ dockerHost: 'ssh://silent' }), /: ssh: it ended with exit code 3$/],
    ['an option in the place of a host', () => ({ env: { DOCKER_HOST: 'ssh://-oProxyCommand=id' } }), /is not a host for ssh/],
  ])('%s', async (_, surroundings, reason) => {
    const connection = await connectionFor(await surroundings());

    expect(connection).toMatchObject({ status: 'unavailable', required: false });
    expect(reasonOf(connection)).toMatch(reason);
    expect(reasonOf(connection)).toMatch(/^no Docker engine(:| at) [^\n]+$/);
  });

  test('and is unavailable where one is required', async () => {
    const connection = await connectionFor({ docker: 'true', dockerHost: 'unix:///no/such.sock' });

    expect(connection).toMatchObject({
      name: 'docker',
      status: 'unavailable',
      required: true,
      reason: 'no Docker engine at unix:///no/such.sock (docker-host): nothing is there',
    });
  });

  test('where there is no ssh', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      expect(reasonOf(await connectionFor({ dockerHost: 'ssh://engine' }))).toMatch(/: ssh can’t be started: .*ENOENT$/);
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('an ssh', () => {
  test('ends when its host is given up', async () => {
    const before = await sshProcesses(directory);
    const started = async () => (await sshProcesses(directory)).slice(before.length);
    const deadline = new Deadline(systemClock, 60_000);

    const connection = connectionFor({ dockerHost: 'ssh://deaf', deadline });
    await until('it runs', async () => (await started()).length > 0);
    expect((await started()).every(isAlive)).toBe(true);
    deadline.halt(new Halted('it takes too long'));

    expect((await connection).status).toBe('unavailable');
    const all = await started();
    await until('it has ended', () => !all.some(isAlive));
  });

  test('does not keep this process from ending when it waits for its next use', async () => {
    const connection = await connectionFor({ dockerHost: 'ssh://engine' });
    if (connection.status !== 'ready') throw new Error(connection.reason);

    await connection.provider.list('container', new AbortController().signal);

    // The tests' own process has no other children that it would wait for, but the guards of its engines.
    const waitedFor = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
    await until('only the guards are waited for', () => waitedFor() <= 2);
    expect((await sshProcesses(directory)).some(isAlive)).toBe(true);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('several engines', () => {
  test('are providers of their own, and one that does not answer holds up no other', async () => {
    const { server, address, hangUp } = await listen();
    onTestFinished(() => void server.close());
    const { session, labelled } = newSession();
    const containers = await Promise.all([plain, secure].map((engine) => leak(engine, labelled.labels)));
    const dockerHost = `${plain.url}\n${address}\n${secure.url}`;
    const config = parseConfig({ dockerHost, retries: '1', retryDelay: '1s' }, {});
    const deadline = new Deadline(systemClock, 60_000);
    onTestFinished(() => deadline.dispose());
    // As post has it when main found all three.
    const found = { [`docker (${address})`]: { url: address, from: 'docker-host' } };
    let isHeldUp = true;

    const cleaned = cleanUp({
      connections: look({ dockerHost, found }),
      selection: { selector: ownedBy(session, { labels: [], namePrefixes: [] }) },
      mode: { kind: 'remove' },
      config,
      deadline,
      clock: systemClock,
      log: () => undefined,
    }).finally(() => {
      isHeldUp = false;
    });
    await until('both are gone', async () => (await Promise.all(containers.map(stateOf))).every((state) => state === 'gone'));

    expect(isHeldUp).toBe(true);
    hangUp();
    const report = await cleaned;
    expect(report.providers.map(({ name, status }) => `${status}: ${name}`)).toEqual([
      `ready: docker (${plain.url})`,
      `unavailable: docker (${address})`,
      `ready: docker (${secure.url})`,
    ]);
    expect(report.resources.map(({ provider, outcome }) => `${outcome}: ${provider}`)).toEqual([
      `graceful: docker (${plain.url})`,
      `graceful: docker (${secure.url})`,
    ]);
    expect(report.verified).toBe(false);
  });

  test('are one where two addresses lead to the same one: it is cleaned once, and the second way is skipped', async () => {
    const { session, labelled } = newSession();
    const container = await leak(plain, labelled.labels);
    const dockerHost = `${plain.url}\n${tcp}\n${secure.url}`;

    const connections = await Promise.all(look({ dockerHost }));
    const ready = connections.filter((connection) => connection.status === 'ready');
    const results = await Promise.all(ready.map(({ provider }) => sweepSession(session, { change: () => provider })));

    const skipped = connections.filter((connection) => connection.status === 'skipped');
    expect(skipped).toMatchObject([{ reason: expect.stringMatching(/^the same engine as docker \((unix|tcp):/) }]);
    expect(ready.map(({ name }) => name)).toContain(`docker (${secure.url})`);
    expect(results.flatMap(({ settlements }) => settlements.map(({ outcome }) => outcome))).toEqual(['graceful']);
    expect(await stateOf(container)).toBe('gone');
  });

  test('of which one is not there are distinguished: the named one is unavailable, the other is ready', async () => {
    const connections = await Promise.all(look({ dockerHost: `${plain.url}\nunix:///no/such.sock` }));

    expect(connections).toMatchObject([
      { status: 'ready' },
      {
        name: 'docker (unix:///no/such.sock)',
        status: 'unavailable',
        required: false,
        reason: expect.stringMatching(/nothing is there$/),
      },
    ]);
  });

  test('are one, called docker, where all lines are the same', async () => {
    const connection = await connectionFor({ dockerHost: `${dockerHost}\n${dockerHost}` });
    expect(connection).toMatchObject({ name: 'docker', status: 'ready' });
  });
});
