import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerSource } from '../../../../../src/core/container-source';
import type { Resource } from '../../../../../src/core/resource';
import { systemClock } from '../../../../../src/lib/clock';
import { withDeadline } from '../../../../../src/lib/deadline';
import { connect } from '../../../../../src/providers/docker/connection/connect';
import { dockerContainers } from '../../../../../src/providers/docker/events/container-source';
import { EngineFacts } from '../../../../../src/providers/docker/resources/engine-facts';
import { FlakyProxy } from '../../../../support/engine/flaky-proxy';

const SETTINGS = {
  ...{ name: 'docker', stopMs: 1, killMs: 1, removeMs: 1, skipGraceWhenDeaf: true },
  kinds: ['container'],
} as const;

const container: Resource = {
  ...{ provider: 'docker', kind: 'container', id: 'abc', name: 'abc', state: 'running', running: true, labels: {} },
};

const signal = AbortSignal.timeout(60_000);

/** An engine of which only the answers are there. */
let engine: FlakyProxy;
let source: ContainerSource;
beforeEach(async () => {
  engine = await FlakyProxy.start('/nowhere');
  engine.spoil({ kind: 'answer', status: 200, body: JSON.stringify({ Version: '29.0.0' }) }, /^GET \/version/);
  const found = await withDeadline(10_000, { clock: systemClock }, (deadline) =>
    connect([{ url: engine.url, from: 'the test' }], deadline, systemClock),
  );
  source = dockerContainers(found, SETTINGS, systemClock, new EngineFacts(found.docker, systemClock));
});
afterEach(() => engine.stop());

const OF_ENGINES = [
  ['Docker’s', JSON.stringify({ message: 'No such container: abc' })],
  [
    'Podman’s',
    JSON.stringify({ cause: 'no such container', message: 'no container with name or ID "abc" found: no such container' }),
  ],
] as const;

const OF_PROXIES = [
  ['a proxy’s page', '<html><h1>404 Not Found</h1></html>'],
  ['a proxy’s JSON', JSON.stringify({ error: 'not found' })],
  ['a router that knows no such path', JSON.stringify({ message: 'page not found' })],
] as const;

describe('a container is gone', () => {
  it.each(OF_ENGINES)('where %s 404 says so, asked for the container', async (_, body) => {
    engine.spoil({ kind: 'answer', status: 404, body }, /./);
    expect(await source.inspect(container, signal)).toBeUndefined();
  });

  it.each(OF_ENGINES)('where %s 404 says so, asked for its log', async (_, body) => {
    engine.spoil({ kind: 'answer', status: 404, body }, /./);
    const error = await source.read(container, 10, signal).catch((thrown: unknown) => thrown);
    expect(source.classify(error)).toEqual({ kind: 'gone' });
  });
});

describe('a container is not taken for gone, and is asked for again,', () => {
  it.each(OF_PROXIES)('where the 404 is %s', async (_, body) => {
    engine.spoil({ kind: 'answer', status: 404, body }, /./);
    const requests = [
      () => source.inspect(container, signal),
      () => source.read(container, 10, signal),
      () => source.attach(container, signal),
    ];
    for (const request of requests) {
      const error = await request().catch((thrown: unknown) => thrown);
      expect(source.classify(error)).toEqual({ kind: 'retryable' });
    }
  });
});
