import { describe, expect, inject, test } from 'vitest';
import type { Provider, Rung } from '../../src/core/provider';
import {
  docker,
  HEEDS_NO_SIGTERM,
  HONOURS_SIGTERM,
  removeContainer,
  startContainer,
  stateOf,
} from '../support/engine/containers';
import { newSession, only, stepsOf, sweepSession } from '../support/engine/sweeping';
import { until } from '../support/until';

/** Does something right before the provider's first look or a rung, as something else would. */
const meanwhile =
  (rung: 'inspect' | 'stop' | 'kill' | 'remove', act: () => Promise<unknown>) =>
  (real: Provider): Provider => ({
    ...real,
    async inspect(resource, signal) {
      if (rung === 'inspect') await act();
      return real.inspect(resource, signal);
    },
    ladder: (resource) =>
      real.ladder(resource).map((step) => ({
        ...step,
        async run(signal, graceMs) {
          if (step.action === rung) await act();
          return step.run(signal, graceMs);
        },
      })),
  });

describe('a container that something else removes', () => {
  test('between listing and stop is gone', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(HEEDS_NO_SIGTERM, labelled);

    // Killed first: since version 5, Podman lets a forced removal wait for the stop signal, longer than a look may take.
    const removed = () => container.kill().then(() => container.remove({ force: true }));
    const result = await sweepSession(session, { change: meanwhile('inspect', () => removed().catch(() => undefined)) });

    expect(only(result)).toMatchObject({ outcome: 'gone', steps: [] });
    expect(result.verified).toBe(true);
  });

  test('between the look and the stop is gone', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(HEEDS_NO_SIGTERM, labelled);

    const result = await sweepSession(session, { change: meanwhile('stop', () => container.remove({ force: true })) });

    expect(only(result).outcome).toBe('gone');
    expect(stepsOf(only(result))).toEqual(['stop gone']);
  });

  test('between stop and remove has ended gracefully', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(HONOURS_SIGTERM, labelled);

    const result = await sweepSession(session, { change: meanwhile('remove', () => container.remove({ force: true })) });

    expect(only(result).outcome).toBe('graceful');
    expect(stepsOf(only(result))).toEqual(['stop done', 'remove gone']);
  });

  test('while the removal is in progress is waited for', async () => {
    const { session, labelled } = newSession();
    // 300 MB of files give the engine something to remove, so that two requests meet.
    const container = await startContainer(
      ['sh', '-c', 'i=0; while [ $i -lt 3000 ]; do echo $i > /tmp/$i; i=$((i+1)); done; exit 0'],
      labelled,
    );
    await until('it has exited', async () => (await stateOf(container)) === 'exited');
    let other: Promise<unknown> = Promise.resolve();

    const result = await sweepSession(session, {
      change: meanwhile('remove', async () => {
        other = removeContainer(container);
        await until('the engine is at it', async () => ['removing', 'gone'].includes(await stateOf(container)));
      }),
    });

    await other;
    expect(['removed', 'gone']).toContain(only(result).outcome);
    expect(result.verified).toBe(true);
    expect(await stateOf(container)).toBe('gone');
  });
});

describe('a container that something else ends', () => {
  test('before the kill is removed', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(HEEDS_NO_SIGTERM, labelled);
    await container.pause();

    const result = await sweepSession(session, {
      change: meanwhile('kill', async () => {
        await container.kill();
        await until('it has exited', async () => (await stateOf(container)) === 'exited');
      }),
    });

    expect(only(result).outcome).toBe('killed');
    expect(stepsOf(only(result))).toEqual(['stop skipped', 'kill done', 'remove done']);
  });

  test('with more patience than ours gets no more than our grace period', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(HEEDS_NO_SIGTERM, labelled);
    const stopped = container.stop({ t: 60 });
    if (inject('product') === 'podman') await until('it stops', async () => (await stateOf(container)) === 'stopping');

    const result = await sweepSession(session, { graceMs: 1_000 });

    // Whether their stop or ours is answered first is the engine's affair; the container has gone in our time.
    await stopped.catch(() => undefined);
    expect(only(result).outcome).toBe('killed');
    expect(stepsOf(only(result))[0]).toBe('stop done');
    expect(result.verified).toBe(true);
  });
});

// Podman stops three containers for each CPU and one more at a time, and lets the others wait: docs/podman.md.
const MANY = inject('product') === 'podman' ? 4 : 100;

test(`${MANY} containers that need the whole grace period have it side by side, whatever the concurrency`, async () => {
  const { session, labelled } = newSession();
  await Promise.all(Array.from({ length: MANY }, () => startContainer(HEEDS_NO_SIGTERM, labelled)));
  const concurrency = MANY / 4;
  const stops = { now: 0, most: 0 };
  const counted =
    (step: Rung): Rung['run'] =>
    async (signal, graceMs) => {
      stops.now += 1;
      stops.most = Math.max(stops.most, stops.now);
      return step.run(signal, graceMs).finally(() => {
        stops.now -= 1;
      });
    };
  const change = (real: Provider): Provider => ({
    ...real,
    ladder: (resource) => real.ladder(resource).map((step) => (step.action === 'stop' ? { ...step, run: counted(step) } : step)),
  });

  // Times that suffice on a busy machine, too.
  const times = { graceMs: 5_000, stopMs: 60_000, deadlineMs: 100_000 };
  const result = await sweepSession(session, { skipGraceWhenDeaf: false, concurrency, change, ...times });

  expect(stops.most).toBeGreaterThan(concurrency);
  const ends = result.settlements.map((settlement) => [settlement.outcome, ...stepsOf(settlement)]);
  expect(ends).toEqual(Array.from({ length: MANY }, () => ['killed', 'stop done', 'remove done']));
  expect(result.verified).toBe(true);
}, 180_000);

test('anonymous volumes go with their container', async () => {
  const { session, labelled } = newSession();
  const container = await startContainer(['true'], { ...labelled, create: { Volumes: { '/data': {} } } });
  const [mount] = (await container.inspect()).Mounts;

  await sweepSession(session);

  await expect(docker.getVolume(mount?.Name ?? '').inspect()).rejects.toMatchObject({ statusCode: 404 });
});
