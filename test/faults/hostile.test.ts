import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { Kind } from '../../src/core/resource';
import { systemClock } from '../../src/lib/clock';
import { Deadline } from '../../src/lib/deadline';
import { connect } from '../../src/providers/docker/connection/connect';
import type { SweepResult } from '../../src/reaper/sweep';
import { HONOURS_SIGTERM } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { type Fault, FlakyProxy } from '../support/engine/flaky-proxy';
import { newSession, provider, type SweepSettings, sweepSession } from '../support/engine/sweeping';

let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterAll(() => there.stop());

/** One container, network and volume of a session, another's beside them, and a proxy between them and the sweep. */
async function leftovers() {
  const { session, labelled } = newSession();
  const other = newSession();
  const { docker } = there.engine;
  const proxy = await FlakyProxy.start(there.engine.socketPath);
  const [container] = await there.leak(session, 1, HONOURS_SIGTERM);
  const [bystander] = await there.leak(other.session, 1, HONOURS_SIGTERM);
  if (!container || !bystander) throw new Error('no containers');
  const network = await docker.createNetwork({ Name: `net-${session}`, Labels: labelled.labels });
  await docker.createVolume({ Name: `data-${session}`, Labels: labelled.labels });
  onTestFinished(async () => {
    await proxy.stop();
    expect((await bystander.inspect()).State.Running, 'the bystander lives').toBe(true);
    await Promise.allSettled([container, bystander].map((each) => each.remove({ force: true })));
    await Promise.allSettled([network.remove(), docker.getVolume(`data-${session}`).remove()]);
  });
  const sweep = async (settings: SweepSettings = {}) => {
    const startedAt = performance.now();
    const result = await sweepSession(session, { url: proxy.url, stopMs: 5_000, killMs: 2_000, removeMs: 3_000, ...settings });
    return { ...result, tookMs: performance.now() - startedAt };
  };
  return { session, container, network, proxy, sweep };
}

/** `['container graceful', 'network removed']` */
const outcomes = ({ settlements }: SweepResult) =>
  settlements.map(({ resource, outcome }) => `${resource.kind} ${outcome}`).sort();

const ALL_GONE = ['container graceful', 'network removed', 'volume removed'];

const LISTINGS: Readonly<Record<string, RegExp>> = {
  container: /^GET \/containers\/json/,
  network: /^GET \/networks(\?|$)/,
  volume: /^GET \/volumes(\?|$)/,
};

const FORBIDDEN: Fault = { kind: 'answer', status: 403, body: '<html><body>403 Forbidden</body></html>' };

describe('a kind that can’t be listed stops no other', () => {
  test('as behind a proxy that forbids /volumes: the error names the request', async () => {
    const { proxy, sweep } = await leftovers();
    proxy.spoil(FORBIDDEN, LISTINGS['volume'] ?? /^$/);

    const result = await sweep();

    expect(outcomes(result)).toEqual(['container graceful', 'network removed']);
    expect(result.verified).toBe(false);
    expect(result.error).toBeUndefined();
    expect(result.unlisted?.message).toMatch(/^no listing of the kind volume: GET \/volumes: .*403/);
  });

  test('as with a dead volume plugin, for which /volumes hangs: it holds up the others for seconds only', async () => {
    const { proxy, sweep } = await leftovers();
    proxy.spoil({ kind: 'hang' }, LISTINGS['volume'] ?? /^$/);

    const result = await sweep({ deadlineMs: 12_000 });

    expect(outcomes(result)).toEqual(['container graceful', 'network removed']);
    expect(result.verified).toBe(false);
    expect(result.tookMs).toBeLessThan(13_000);
  });

  test('and is cleaned when it can be listed again', async () => {
    const { proxy, sweep } = await leftovers();
    proxy.spoil({ kind: 'hang' }, LISTINGS['volume'] ?? /^$/, 1);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
  });

  test('nor does /info, which a proxy forbids', async () => {
    const { proxy, sweep } = await leftovers();
    proxy.spoil(FORBIDDEN, /^GET \/info/);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
  });
});

const NO_LISTS: readonly (readonly [what: string, fault: Fault])[] = [
  ['nothing', { kind: 'answer', status: 200, body: '' }],
  ['null', { kind: 'answer', status: 200, body: 'null' }],
  ['an object', { kind: 'answer', status: 200, body: '{"message":"hello"}' }],
  ['HTML', { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome to nginx!</html>' }],
  ['half of a JSON document', { kind: 'answer', status: 200, body: '[{"Id":"abc","Names":["/a' }],
  ['a switch of protocols', { kind: 'raw', bytes: 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n' }],
  ['a bare 101', { kind: 'raw', bytes: 'HTTP/1.1 101 Switching\r\n\r\n' }],
  ['another protocol', { kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9.6\r\n' }],
  ['a 404 of a proxy', { kind: 'answer', status: 404, body: '404 page not found' }],
];

describe('a listing that is answered with', () => {
  test.each(NO_LISTS)('%s is asked for again', async (_, fault) => {
    const { proxy, sweep } = await leftovers();
    for (const listing of Object.values(LISTINGS)) proxy.spoil(fault, listing, 1);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
    expect(result.tookMs).toBeLessThan(25_000);
  });

  test.each(NO_LISTS)('%s for ever proves nothing, and says what was asked', async (_, fault) => {
    const { proxy, sweep } = await leftovers();
    for (const listing of Object.values(LISTINGS)) proxy.spoil(fault, listing);

    const result = await sweep({ deadlineMs: 4_000 });

    expect(result).toMatchObject({ settlements: [], verified: false });
    expect(result.error?.message).toMatch(/^GET \/containers\/json: /);
  });
});

describe('one odd resource', () => {
  /** Changes the session's container in each list. */
  const edited = (id: string, change: object): Fault => ({
    kind: 'edit',
    edit: (list) => (list as { Id: string }[]).map((each) => (each.Id === id ? { ...each, ...change } : each)),
  });

  test('without id and name is one failure, and holds up nothing', async () => {
    const { container, proxy, sweep } = await leftovers();
    proxy.spoil(edited(container.id, { Id: null, Names: null }), LISTINGS['container'] ?? /^$/);

    const result = await sweep();

    expect(outcomes(result)).toEqual(['container failed', 'network removed', 'volume removed']);
    expect(result.settlements.find(({ outcome }) => outcome === 'failed')?.error?.message).toContain('without an id');
    expect(result.verified).toBe(false);
  });

  test.each([
    ['without an id is found by its name', { Id: null }],
    ['with a number for a name is called by its id', { Names: [7] }],
    ['with no date and a number for a state is looked at', { Created: 'yesterday', State: 7 }],
    ['with odd labels besides', { Labels: { odd: 7, none: null } }],
  ])('%s, and is cleaned', async (_, change) => {
    const { session, container, proxy, sweep } = await leftovers();
    const own = { [labels.session]: session };
    const whole = 'Labels' in change ? { Labels: { ...change.Labels, ...own } } : change;
    proxy.spoil(edited(container.id, whole), LISTINGS['container'] ?? /^$/);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
  });

  test.each([
    ['null for labels', { Labels: null }],
    ['a list for labels', { Labels: ['a'] }],
    ['nothing at all', null],
  ])('of another, with %s, is foreign and stays', async (_, change) => {
    const { proxy, sweep } = await leftovers();
    const odd: Fault = {
      kind: 'edit',
      edit: (list) => [...(list as object[]), change && { Id: 'f'.repeat(64), Names: ['/odd'], ...change }],
    };
    proxy.spoil(odd, LISTINGS['container'] ?? /^$/);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
  });

  test.each(['null', '[]', '{}', '{"Id":7}', '"text"', ''])(
    'whose inspection answers %j is removed all the same',
    async (body) => {
      const { proxy, sweep } = await leftovers();
      proxy.spoil({ kind: 'answer', status: 200, body }, /^GET \/(containers|networks|volumes)\/\w[^/?]+(\/json)?(\?|$)/, 1);
      const kinds: readonly Kind[] = ['container', 'network', 'volume'];

      const result = await sweep({ kinds });

      expect(result.settlements.map(({ outcome }) => outcome)).not.toContain('failed');
      expect(result.verified).toBe(true);
    },
  );
});

describe('a redirect', () => {
  test('is an error, and never followed: not for a listing, nor for a removal', async () => {
    const asked: string[] = [];
    const elsewhere = createServer(({ method, url }, answer) => {
      asked.push(`${method} ${url}`);
      answer.end('[]');
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    onTestFinished(() => void elsewhere.close());
    const { port } = elsewhere.address() as AddressInfo;
    const { proxy, sweep } = await leftovers();
    const redirect: Fault = { kind: 'answer', status: 307, headers: { location: `http://127.0.0.1:${port}/latest/meta-data` } };
    proxy.spoil(redirect, /^DELETE \/containers/);
    proxy.spoil({ ...redirect, headers: { location: 'file:///etc/passwd' } }, LISTINGS['volume'] ?? /^$/);

    const result = await sweep();

    expect(asked).toEqual([]);
    expect(outcomes(result)).toEqual(['container failed', 'network removed']);
    const failed = result.settlements.find(({ outcome }) => outcome === 'failed');
    expect(failed?.error?.message).toMatch(/^DELETE \/containers\/\{id\}: .*redirect.*is this a Docker engine\?$/);
  });
});

describe('what is not a Docker engine', () => {
  test.each([
    ['a web server', { kind: 'answer', status: 200, body: '<html>Welcome to nginx!</html>' }],
    ['another API', { kind: 'answer', status: 200, body: '{"version":"1.2"}' }],
    ['a version that is none', { kind: 'answer', status: 200, body: '{"Version":7,"Components":[null]}' }],
    ['nothing', { kind: 'answer', status: 200, body: '' }],
    ['a redirect', { kind: 'answer', status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
  ] as const satisfies readonly (readonly [string, Fault])[])('%s is asked whether it is one', async (_, fault) => {
    const proxy = await FlakyProxy.start(there.engine.socketPath);
    onTestFinished(() => proxy.stop());
    proxy.spoil(fault, /./);
    const deadline = new Deadline(systemClock, 5_000);
    onTestFinished(() => deadline.dispose());

    const failure = await connect([{ url: proxy.url, from: 'a test' }], deadline, systemClock).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toMatch(/GET \/version: .*is this a Docker engine\?$/);
    expect(String(failure)).not.toMatch(/undefined|reading/);
  });
});

describe('a network with an endpoint of a container that is gone', () => {
  const message = (name: string) => `error while removing network: network abc id def has active endpoints${name}`;
  const refusal = (name = ''): Fault => ({ kind: 'answer', status: 403, body: JSON.stringify({ message: message(name) }) });

  test('is removed when the engine has caught up', async () => {
    const { proxy, sweep } = await leftovers();
    proxy.spoil(refusal(), /^DELETE \/networks/, 2);

    const result = await sweep();

    expect(outcomes(result)).toEqual(ALL_GONE);
    expect(result.verified).toBe(true);
  });

  test('is reported with the command that disconnects it', async () => {
    const { network, proxy, sweep } = await leftovers();
    proxy.spoil(refusal(' (name:"web" id:"0123")'), /^DELETE \/networks/);

    const result = await sweep({ deadlineMs: 4_000 });

    const failed = result.settlements.find(({ outcome }) => outcome === 'failed');
    const id = network.id.slice(0, 12);
    const docker = `docker --host ${proxy.url} network`;
    expect(failed?.command).toBe(`${docker} disconnect --force ${id} web; ${docker} rm ${id}`);
    expect(failed?.error?.message).toContain('the engine counts an endpoint, web, on it, though no container is');
  });
});

test('a 404 of a proxy whose engine is away is not the news that something is gone', async () => {
  const { container, proxy, sweep } = await leftovers();
  proxy.spoil({ kind: 'answer', status: 404, body: '<html>404 Not Found</html>' }, (call) => call.includes(container.id));

  const result = await sweep({ deadlineMs: 6_000 });

  expect(outcomes(result)).toContain('container failed');
  expect(result.verified).toBe(false);
  expect((await container.inspect()).State.Running).toBe(true);
});

test('a container that looks like a Swarm service’s goes on an engine that is in no swarm: nothing would replace it', async () => {
  const { session, labelled } = newSession();
  const task = 'w2hz4qkzx6rhbvnsuzjxyrfy1';
  const service = {
    'com.docker.swarm.service.name': 'web',
    'com.docker.swarm.task.id': task,
    'com.docker.swarm.task.name': `web.1.${task}`,
  };
  const create = (name: string, own: Record<string, string>) =>
    there.engine.docker.createContainer({
      name,
      Image: 'cleanup-action-test:faults',
      Cmd: ['sleep', '1000'],
      Labels: { ...labelled.labels, ...own },
    });
  const ofService = await create(`web.1.${task}`, service);
  // An image that was made from the service's container hands its labels on.
  const likeIt = await create('copy-of-web', service);

  const result = await sweepSession(session, { url: there.engine.url });

  expect(outcomes(result)).toEqual(['container removed', 'container removed']);
  expect(result.verified).toBe(true);
  await expect(ofService.inspect()).rejects.toMatchObject({ statusCode: 404 });
  await expect(likeIt.inspect()).rejects.toMatchObject({ statusCode: 404 });
});

test('an engine that takes few connections gets no more: the others wait', async () => {
  const { session } = newSession();
  await there.leak(session, 12, HONOURS_SIGTERM);
  const deadline = new Deadline(systemClock, 5_000);
  onTestFinished(() => deadline.dispose());
  const { docker } = await connect([{ url: there.engine.url, from: 'a test' }], deadline, systemClock);
  const { agent } = docker.modem as unknown as { readonly agent: { maxSockets: number; readonly sockets: object } };
  agent.maxSockets = 3;
  let most = 0;
  const engine = await provider({}, there.engine.url);
  const counted = setInterval(() => {
    most = Math.max(most, ...Object.values(agent.sockets).map((sockets: readonly unknown[]) => sockets.length), 0);
  }, 1);
  onTestFinished(() => clearInterval(counted));

  const asked = Array.from({ length: 12 }, () => docker.listContainers({ all: true }));
  await Promise.all(asked);
  const result = await sweepSession(session, { url: there.engine.url, change: () => engine });

  expect(most).toBeLessThanOrEqual(3);
  expect(result.verified).toBe(true);
});
