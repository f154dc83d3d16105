import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ContainerEvent, ContainerSource, LogStream } from '../../../../../src/core/container-source';
import type { Resource } from '../../../../../src/core/resource';
import { systemClock as clock } from '../../../../../src/lib/clock';
import { KubernetesClient } from '../../../../../src/providers/kubernetes/client';
import { ObjectLabels } from '../../../../../src/providers/kubernetes/object-labels';
import { podContainers } from '../../../../../src/providers/kubernetes/recording/source';
import { Scene } from '../../../../../src/providers/kubernetes/scene';
import { until } from '../../../../support/until';

type Pod = ReturnType<typeof pod>;
type Call = `${'LIST' | 'WATCH' | 'GET' | 'LOG' | 'LIST secrets in'} ${string}`;

/** A pod with one container, in its run of that number. */
function pod(name: string, { uid = `u-${name}`, namespace = 'ours', run = 0, annotations = {} } = {}) {
  return {
    metadata: { uid, name, namespace, annotations },
    spec: { containers: [{ name: 'main' }] },
    status: {
      phase: 'Running',
      containerStatuses: [
        {
          ...{ name: 'main', restartCount: run, state: { running: { startedAt: '2026-11-27T10:00:00Z' } } },
          lastState: run === 0 ? {} : { terminated: { exitCode: 1, finishedAt: '2026-11-27T09:59:59Z' } },
        },
      ],
    },
  };
}

/** An API server that has pods and their logs, and refuses what a test forbids. */
class Server {
  readonly calls: Call[] = [];
  readonly forbidden = new Set<Call>();
  pods: readonly Pod[] = [];
  /** Called when a log is asked for, before it is answered. */
  onLog: () => void = () => undefined;
  /** Open watches, by namespace. */
  readonly watches = new Map<string, Set<ServerResponse>>();
  readonly #http = createServer(({ url = '' }, answer) => this.#answer(new URL(url, 'http://x'), answer));

  async source(...namespaces: readonly string[]): Promise<ContainerSource> {
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
    onTestFinished(() => {
      this.#http.close();
      this.#http.closeAllConnections();
    });
    const server = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    const cluster = { context: 'c', namespace: 'ours', hasProxy: false, authenticate: async () => undefined, server };
    const client = new KubernetesClient(cluster, clock);
    const scene = new Scene(client, () => undefined);
    return podContainers(
      { name: 'kubernetes', namespaces },
      { client, scene, labels: new ObjectLabels(scene, undefined), clock },
    );
  }

  tell(type: string, object: Pod): void {
    for (const watch of this.watches.get(object.metadata.namespace) ?? []) watch.write(`${JSON.stringify({ type, object })}\n`);
  }

  #answer(url: URL, answer: ServerResponse): void {
    const [, namespace = '', kind = '', name, log] =
      /namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?(\/log)?$/.exec(url.pathname) ?? [];
    const call = this.#call(url, namespace, kind, name, log !== undefined);
    this.calls.push(call);
    if (this.forbidden.has(call)) {
      answer.writeHead(403).end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: `${namespace} is forbidden` }));
      return;
    }
    const there = this.pods.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    if (call.startsWith('WATCH')) this.#watch(namespace, answer);
    else if (call.startsWith('LOG')) this.#log(there, url.searchParams.get('previous') === 'true', answer);
    else if (name !== undefined) {
      if (there) answer.end(JSON.stringify(there));
      else answer.writeHead(404).end(JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'not found' }));
    } else {
      const items = kind === 'pods' ? this.pods.filter(({ metadata }) => metadata.namespace === namespace) : [];
      answer.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: '7' }, items }));
    }
  }

  #call(url: URL, namespace: string, kind: string, name: string | undefined, isLog: boolean): Call {
    if (isLog) return `LOG ${name}`;
    if (name !== undefined) return `GET ${name}`;
    if (url.searchParams.get('watch') === 'true') return `WATCH ${namespace}`;
    return kind === 'pods' ? `LIST ${namespace}` : `LIST secrets in ${namespace}`;
  }

  #watch(namespace: string, answer: ServerResponse): void {
    const watches = this.watches.get(namespace) ?? new Set();
    this.watches.set(namespace, watches.add(answer));
    answer.on('close', () => watches.delete(answer));
    answer.flushHeaders();
  }

  /** The log of a run has one line: which pod's it is, and which run's. */
  #log(there: Pod | undefined, isPrevious: boolean, answer: ServerResponse): void {
    this.onLog();
    const now = this.pods.find(({ metadata }) => metadata.name === there?.metadata.name) ?? there;
    const run = now?.status.containerStatuses[0]?.restartCount ?? 0;
    answer.end(`2026-11-27T10:00:00Z ${now?.metadata.uid} run ${isPrevious ? run - 1 : run}\n`);
  }
}

const never = new AbortController().signal;

function containerOf({ metadata: { uid, name, namespace } }: Pod, run = 0): Resource {
  const id = `${uid}/main#${run}`;
  return { provider: 'kubernetes', kind: 'pod', id, name, namespace, state: 'Running', running: true, labels: {} };
}

async function textOf(log: LogStream): Promise<string> {
  let text = '';
  for await (const chunks of log) for (const { bytes } of chunks) text += Buffer.from(bytes).toString();
  return text;
}

/** Hears a watch until the test ends. */
function heard(events: AsyncIterable<ContainerEvent>): readonly string[] {
  const kinds: string[] = [];
  const hear = async () => {
    for await (const { kind, container } of events) kinds.push(`${kind} ${container.name}`);
  };
  hear().catch(() => undefined);
  return kinds;
}

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );

describe('of two namespaces', () => {
  it.each(['LIST theirs', 'WATCH theirs'] as const)('the other is watched where one is forbidden: %s', async (call) => {
    const server = new Server();
    server.forbidden.add(call);
    server.pods = [pod('a')];
    const source = await server.source('theirs', 'ours');
    const kinds = heard(await source.watch(0, never));
    server.tell('ADDED', pod('b'));

    await until('it is told', () => kinds.includes('started b'));
    expect(source.unseen?.()?.message).toContain('theirs is forbidden');
    expect((await source.list(never)).map(({ name }) => name)).toEqual(['a']);
  });

  it('none is seen where both are forbidden', async () => {
    const server = new Server();
    server.forbidden.add('LIST theirs').add('LIST ours');
    const source = await server.source('theirs', 'ours');

    expect((await failureOf(source.watch(0, never))).message).toContain('forbidden');
    expect((await failureOf(source.list(never))).message).toContain('forbidden');
  });

  it('nothing is left out when all can be seen', async () => {
    const source = await new Server().source('theirs', 'ours');
    await source.watch(0, never);

    expect(source.unseen?.()).toBeUndefined();
  });
});

describe('a watch', () => {
  it('tells what one that could not be opened has missed', async () => {
    const server = new Server();
    server.pods = [pod('a')];
    const source = await server.source('ours');
    await source.watch(0, never);
    server.pods = [pod('a'), pod('b')];
    server.forbidden.add('LIST ours');
    await failureOf(source.watch(0, never));
    server.forbidden.clear();
    const kinds = heard(await source.watch(0, never));

    await until('it is told', () => kinds.length > 0);
    expect(kinds).toEqual(['created b', 'started b']);
  });

  it('that is refused is not asked for again at once: all pods would be listed again', async () => {
    const server = new Server();
    server.forbidden.add('WATCH ours');
    const source = await server.source('ours');
    const [first, second] = [await failureOf(source.watch(0, never)), await failureOf(source.watch(0, never))];

    expect([first.message, second.message]).toEqual(Array(2).fill(expect.stringContaining('WATCH pods: 403')));
    expect(server.calls).toEqual(['LIST ours', 'WATCH ours']);
  });

  it('looks a release up once, though its secret is hidden', async () => {
    const annotations = { 'meta.helm.sh/release-name': 'r', 'meta.helm.sh/release-namespace': 'ours' };
    const server = new Server();
    server.forbidden.add('LIST secrets in ours');
    const source = await server.source('ours');
    const kinds = heard(await source.watch(0, never));
    for (const name of ['a', 'b', 'c']) server.tell('ADDED', pod(name, { annotations }));

    await until('all are told', () => kinds.includes('started c'));
    expect(server.calls.filter((call) => call === 'LIST secrets in ours')).toHaveLength(1);
  });
});

describe('a log', () => {
  it('of the run before is asked for as that', async () => {
    const server = new Server();
    const one = pod('a', { run: 3 });
    server.pods = [one];
    const source = await server.source('ours');

    expect(await textOf(await source.attach(containerOf(one, 3), never))).toBe('u-a run 3\n');
    expect(await textOf(await source.read(containerOf(one, 2), 9, never))).toBe('u-a run 2\n');
    expect(source.classify(await failureOf(source.read(containerOf(one, 1), 9, never)))).toEqual({ kind: 'gone' });
  });

  it('is that of its run, though the next one begins while it is asked for', async () => {
    const server = new Server();
    const one = pod('a');
    server.pods = [one];
    server.onLog = () => {
      server.pods = [pod('a', { run: 1 })];
    };

    expect(await textOf(await (await server.source('ours')).attach(containerOf(one), never))).toBe('u-a run 0\n');
  });

  it('is not that of a pod that takes the name while it is asked for', async () => {
    const server = new Server();
    const one = pod('a');
    server.pods = [one];
    server.onLog = () => {
      server.pods = [pod('a', { uid: 'another' })];
    };
    const source = await server.source('ours');

    expect(source.classify(await failureOf(source.attach(containerOf(one), never)))).toEqual({ kind: 'gone' });
  });

  it('is had though its pod goes right after', async () => {
    const server = new Server();
    const one = pod('a');
    server.pods = [one];
    server.onLog = () => {
      server.pods = [];
    };

    expect(await textOf(await (await server.source('ours')).attach(containerOf(one), never))).toBe('u-a run 0\n');
  });
});
