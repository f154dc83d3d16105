import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/lib/clock';
import { Unreachable, UnreadableAnswer } from '../../../../src/lib/http-errors';
import { KubernetesClient } from '../../../../src/providers/kubernetes/client';
import { classify, KubernetesError } from '../../../../src/providers/kubernetes/errors';
import { until } from '../../../support/until';

const never = new AbortController().signal;
const ASK = { path: '/api/v1/namespaces/n/pods', what: 'LIST pods' };

/** A client of a server that answers so. */
async function clientOf(answers: RequestListener): Promise<{ readonly client: KubernetesClient; readonly calls: string[] }> {
  const calls: string[] = [];
  const server = createServer((request, answer) => {
    calls.push(request.url ?? '');
    answers(request, answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const cluster = {
    ...{ context: 'c', namespace: 'n', hasProxy: false, authenticate: async () => undefined },
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  return { client: new KubernetesClient(cluster, systemClock), calls };
}

/** Answers one after the other; the last one goes on. */
function inTurn(...answers: readonly ((answer: ServerResponse, request: IncomingMessage) => void)[]): RequestListener {
  let turn = 0;
  return (request, answer) => answers[Math.min(turn++, answers.length - 1)]?.(answer, request);
}

const json =
  (body: unknown, status = 200) =>
  (answer: ServerResponse) =>
    void answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const textual =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
  (answer: ServerResponse) =>
    void answer.writeHead(status, headers).end(body);

const status = (code: number, reason: string, message: string, more: object = {}) =>
  json({ kind: 'Status', status: 'Failure', code, reason, message, ...more }, code);

const page = (names: readonly string[], next?: string) =>
  json({
    kind: 'PodList',
    metadata: { resourceVersion: '7', ...(next === undefined ? {} : { continue: next }) },
    items: names.map((name) => ({ metadata: { uid: name, name } })),
  });

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const namesIn = ({ items }: { readonly items: readonly unknown[] }) =>
  items.map((item) => (item as { readonly metadata: { readonly name: string } }).metadata.name);

describe('a failure', () => {
  it('has the server’s own sentence, its reason, and when to ask again', async () => {
    const { client } = await clientOf(
      inTurn(status(429, 'TooManyRequests', 'the server is busy', { details: { retryAfterSeconds: 3 } })),
    );
    const error = await failureOf(client.ask(ASK, never));
    expect(error).toBeInstanceOf(KubernetesError);
    expect(error).toMatchObject({ message: 'LIST pods: 429 the server is busy', reason: 'TooManyRequests', retryAfterMs: 3_000 });
  });

  it.each([
    ['plain text, with Retry-After', textual(429, 'Too many requests, please try again later.\n', { 'retry-after': '1' }), 1_000],
    ['plain text without it', textual(429, 'Too many requests, please try again later.'), undefined],
  ])('may be %s', async (_, answer, retryAfterMs) => {
    const { client } = await clientOf(inTurn(answer));
    const error = await failureOf(client.ask(ASK, never));
    expect(error).toMatchObject({ message: 'LIST pods: 429 Too many requests, please try again later.', reason: undefined });
    expect(classify(error)).toEqual(retryAfterMs === undefined ? { kind: 'retryable' } : { kind: 'retryable', retryAfterMs });
  });

  it('of a proxy is told in one short line', async () => {
    const { client } = await clientOf(inTurn(textual(502, `<html>\n<h1>Bad Gateway</h1>\n${'x'.repeat(10_000)}</html>`)));
    const error = (await failureOf(client.ask(ASK, never))) as Error;
    expect(error.message).toMatch(/^LIST pods: 502 <html> <h1>Bad Gateway<\/h1> x+…$/);
    expect(error.message.length).toBeLessThan(450);
    expect(classify(error)).toEqual({ kind: 'retryable' });
  });

  it('without a body has the status’s own words', async () => {
    const { client } = await clientOf(inTurn(textual(503, '')));
    expect(((await failureOf(client.ask(ASK, never))) as Error).message).toBe('LIST pods: 503 Service Unavailable');
  });

  it('is a redirect, which is never followed: credentials would go elsewhere', async () => {
    const { client, calls } = await clientOf(inTurn(textual(302, '', { location: '/elsewhere' }), json({})));
    expect(classify(await failureOf(client.ask(ASK, never)))).toEqual({ kind: 'permanent' });
    expect(calls).toHaveLength(1);
  });

  it.each([
    [
      'cut off in the middle',
      (answer: ServerResponse) => void answer.writeHead(200, { 'content-length': 50 }).write('{"kind":', () => answer.destroy()),
    ],
    ['no answer at all', (answer: ServerResponse) => void answer.destroy()],
  ])('is an answer that is %s', async (_, answer) => {
    const { client } = await clientOf(inTurn(answer));
    const error = await failureOf(client.ask(ASK, never));
    expect(error).toBeInstanceOf(Unreachable);
    expect(classify(error)).toEqual({ kind: 'retryable' });
  });

  it.each(['<html>Welcome</html>', '"text"', 'null', ''])('is a success that is no JSON object: %j', async (body) => {
    const { client } = await clientOf(inTurn(textual(200, body)));
    expect(await failureOf(client.ask(ASK, never))).toBeInstanceOf(UnreadableAnswer);
  });

  it('is the signal’s reason when that ends it', async () => {
    const { client } = await clientOf(() => undefined);
    expect(await failureOf(client.ask(ASK, AbortSignal.timeout(50)))).toMatchObject({ name: 'TimeoutError' });
  });
});

describe('a list', () => {
  it('has all pages', async () => {
    const { client, calls } = await clientOf(inTurn(page(['a', 'b'], 'next/1'), page(['c'])));
    const list = await client.list({ ...ASK, query: { labelSelector: 'x=y' } }, never);
    expect(namesIn(list)).toEqual(['a', 'b', 'c']);
    expect(list.resourceVersion).toBe('7');
    expect(calls.map((call) => new URL(call, 'http://x').searchParams.toString())).toEqual([
      'labelSelector=x%3Dy&limit=500',
      'labelSelector=x%3Dy&limit=500&continue=next%2F1',
    ]);
  });

  it('begins anew, without what it had, when its state is too old to go on', async () => {
    const expired = status(410, 'Expired', 'the provided continue parameter is too old', {
      metadata: { continue: 'inconsistent' },
    });
    const { client, calls } = await clientOf(inTurn(page(['a'], 'old'), expired, page(['a', 'b'], 'new'), page(['c'])));
    expect(namesIn(await client.list(ASK, never))).toEqual(['a', 'b', 'c']);
    expect(calls.map((call) => new URL(call, 'http://x').searchParams.get('continue'))).toEqual([null, 'old', null, 'new']);
  });

  it('that is always too old ends', async () => {
    const { client, calls } = await clientOf(inTurn(status(410, 'Expired', 'too old')));
    expect(await failureOf(client.list(ASK, never))).toMatchObject({ statusCode: 410 });
    expect(calls.length).toBeLessThan(10);
  });

  it('may be empty, which Go writes as null', async () => {
    const { client } = await clientOf(inTurn(json({ kind: 'PodList', metadata: {}, items: null })));
    expect(await client.list(ASK, never)).toEqual({ items: [], resourceVersion: '' });
  });

  it.each([
    ['something else', { kind: 'Status', status: 'Success' }],
    ['without items that are any', { kind: 'PodList', items: 'none' }],
    ['a page of a proxy', {}],
  ])('is never %s: that would mean that nothing is there', async (_, body) => {
    const { client } = await clientOf(inTurn(json(body)));
    expect(await failureOf(client.list(ASK, never))).toBeInstanceOf(UnreadableAnswer);
  });
});

describe('an answer that goes on', () => {
  it('ends with an error when it is cut off', async () => {
    const { client } = await clientOf(
      inTurn((answer) => {
        answer.writeHead(200).write('{"type":"ADDED"}\n{"type":"MOD', () => setTimeout(() => answer.destroy(), 50));
      }),
    );
    const lines: string[] = [];
    const read = async () => {
      for await (const line of await client.lines(ASK, never)) lines.push(line);
    };
    expect(await failureOf(read())).toBeInstanceOf(Error);
    expect(lines[0]).toBe('{"type":"ADDED"}');
  });

  it('ends with the signal', async () => {
    const { client } = await clientOf(inTurn((answer) => void answer.writeHead(200).write('{}\n')));
    const controller = new AbortController();
    const read = async () => {
      for await (const line of await client.lines(ASK, controller.signal))
        if (line === '{}') controller.abort(new Error('enough'));
    };
    expect(await failureOf(read())).toBeInstanceOf(Error);
  });

  it('that is silent for longer than it may be has broken, and says so', async () => {
    const { client } = await clientOf(inTurn((answer) => void answer.writeHead(200).write('{}\n')));
    const lines: string[] = [];
    const read = async () => {
      for await (const line of await client.lines({ ...ASK, silenceMs: 50 }, never)) lines.push(line);
    };
    expect((await failureOf(read())) as Error).toHaveProperty('message', 'LIST pods: nothing came for 0.05 s');
    expect(lines).toEqual(['{}']);
  });

  it('that is cut off before anybody reads it fails when it is read, and ends no process', async () => {
    let broken = false;
    const { client } = await clientOf(
      inTurn((answer, { socket }) => {
        socket.once('close', () => {
          broken = true;
        });
        answer.writeHead(200).write('x', () => answer.destroy());
      }),
    );
    const lines = await client.lines(ASK, never);
    await until('the connection is broken', () => broken);
    const read = async () => {
      for await (const line of lines) expect(line).toBeDefined();
    };
    expect(await failureOf(read())).toBeInstanceOf(Error);
  });

  it('comes in lines, however it is cut into pieces', async () => {
    const bytes = Buffer.from('{"a":"é"}\n\n{"b":2}\nlast');
    const { client } = await clientOf(
      inTurn(async (answer) => {
        answer.writeHead(200);
        for (const byte of bytes) await new Promise((resolve) => answer.write(Buffer.of(byte), resolve));
        answer.end();
      }),
    );
    const lines: string[] = [];
    for await (const line of await client.lines(ASK, never)) lines.push(line);
    expect(lines).toEqual(['{"a":"é"}', '', '{"b":2}', 'last']);
  });
});

it('a request ends with its signal, also while a program has yet to tell the credentials', async () => {
  const cluster = { context: 'c', namespace: 'n', hasProxy: false, server: 'http://127.0.0.1:1' };
  const client = new KubernetesClient({ ...cluster, authenticate: () => new Promise(() => undefined) }, systemClock);

  expect(await failureOf(client.ask(ASK, AbortSignal.abort(new Error('no time left'))))).toEqual(new Error('no time left'));
  expect(await failureOf(client.ask(ASK, AbortSignal.timeout(10)))).toHaveProperty('name', 'TimeoutError');
});

describe('the server’s clock', () => {
  it('is known by its answers; a second is nothing', async () => {
    const { client } = await clientOf(
      inTurn(
        textual(200, '{}', { date: new Date(Date.now() + 3_600_000).toUTCString() }),
        textual(200, '{}', { date: new Date().toUTCString() }),
      ),
    );
    await client.ask(ASK, never);
    expect(client.serverAheadMs).toBeGreaterThan(3_595_000);
    await client.ask(ASK, never);
    expect(client.serverAheadMs).toBe(0);
  });
});
