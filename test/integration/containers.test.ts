import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { connect } from '../../src/docker/connect';
import { dockerProvider } from '../../src/docker/provider';
import { systemClock } from '../../src/reaper/clock';
import { Deadline } from '../../src/reaper/deadline';
import { labels } from '../../src/reaper/labels';
import type { Settlement } from '../../src/reaper/outcome';
import type { Provider } from '../../src/reaper/provider';
import { ownedBy } from '../../src/reaper/selector';
import { type SweepResult, sweep } from '../../src/reaper/sweep';
import { createContainer, docker, HONOURS_SIGTERM, IGNORES_SIGTERM, startContainer, stateOf } from '../support/containers';
import { until } from '../support/until';

const SETTINGS = { name: 'docker', stopMs: 15_000, killMs: 5_000, removeMs: 10_000, skipGraceWhenDeaf: true };

async function provider(): Promise<Provider> {
  const deadline = new Deadline(systemClock, 10_000);
  try {
    const engine = await connect([{ url: inject('dockerHost'), from: 'the tests' }], deadline);
    return dockerProvider(engine, SETTINGS, systemClock);
  } finally {
    deadline.dispose();
  }
}

interface SweepSettings {
  readonly graceMs?: number;
  readonly deadlineMs?: number;
  /** Puts something between the sweep and the engine. */
  readonly change?: (provider: Provider) => Provider;
}

/** Sweeps one session with a grace period that tests can wait for. */
async function sweepSession(session: string, settings: SweepSettings = {}): Promise<SweepResult> {
  const { graceMs = 1_000, deadlineMs = 60_000, change = (same) => same } = settings;
  const deadline = new Deadline(systemClock, deadlineMs);
  try {
    return await sweep({
      provider: change(await provider()),
      selector: ownedBy(session, { labels: [], namePrefixes: [] }),
      mode: { kind: 'remove' },
      policy: { graceMs, retry: { retries: 3, delayMs: 50, factor: 2 } },
      deadline,
      concurrency: 16,
      failFast: false,
      clock: systemClock,
    });
  } finally {
    deadline.dispose();
  }
}

function newSession(): { readonly session: string; readonly labelled: { readonly labels: Record<string, string> } } {
  const session = `test-${randomUUID()}`;
  return { session, labelled: { labels: { [labels.session]: session } } };
}

function only({ settlements }: SweepResult): Settlement {
  const [settlement, ...rest] = settlements;
  if (!settlement || rest.length > 0) throw new Error(`one settlement expected, not ${settlements.length}`);
  return settlement;
}

const stepsOf = (settlement: Settlement) => settlement.steps.map(({ action, result }) => `${action} ${result}`);
const inState = (container: Docker.Container, state: string) =>
  until(`the container is ${state}`, async () => (await stateOf(container)) === state);

interface Row {
  readonly state: string;
  readonly outcome: string;
  readonly steps: readonly string[];
  make(options: { readonly labels: Record<string, string> }): Promise<Docker.Container>;
}

const STATES: readonly Row[] = [
  {
    state: 'running, and ends at SIGTERM',
    make: (options) => startContainer(HONOURS_SIGTERM, options),
    outcome: 'graceful',
    steps: ['stop done', 'remove done'],
  },
  {
    state: 'running, and ignores SIGTERM',
    make: (options) => startContainer(IGNORES_SIGTERM, options),
    outcome: 'killed',
    steps: ['stop done', 'remove done'],
  },
  {
    state: 'running, and slow to stop but within grace',
    make: (options) => startContainer(['sh', '-c', "trap 'sleep 0.5; exit 0' TERM; while :; do sleep 0.05; done"], options),
    outcome: 'graceful',
    steps: ['stop done', 'remove done'],
  },
  {
    state: 'running with --rm, and ends at SIGTERM',
    make: (options) => startContainer(HONOURS_SIGTERM, { ...options, hostConfig: { AutoRemove: true } }),
    outcome: 'graceful',
    steps: ['stop done'],
  },
  {
    state: 'running with --rm, and ignores SIGTERM',
    make: (options) => startContainer(IGNORES_SIGTERM, { ...options, hostConfig: { AutoRemove: true } }),
    outcome: 'killed',
    steps: ['stop done'],
  },
  {
    state: 'exited',
    make: async (options) => {
      const container = await startContainer(['false'], options);
      await inState(container, 'exited');
      return container;
    },
    outcome: 'removed',
    steps: ['remove done'],
  },
  { state: 'created', make: (options) => createContainer(['true'], options), outcome: 'removed', steps: ['remove done'] },
  {
    state: 'paused',
    make: async (options) => {
      const container = await startContainer(HONOURS_SIGTERM, options);
      await container.pause();
      return container;
    },
    outcome: 'killed',
    steps: ['stop skipped', 'kill done', 'remove done'],
  },
];

describe('a container that is', () => {
  test.concurrent.each(STATES)('$state ends as $outcome', async ({ make, outcome, steps }) => {
    const { session, labelled } = newSession();
    const container = await make(labelled);

    const result = await sweepSession(session);

    expect(only(result).outcome).toBe(outcome);
    // A --rm container removes itself, and may still be on its way out when it is looked at.
    expect(stepsOf(only(result)).slice(0, steps.length)).toEqual(steps);
    expect(result.verified).toBe(true);
    expect(await stateOf(container)).toBe('gone');
  });

  test('restarting for ever is removed for good', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(['false'], { ...labelled, hostConfig: { RestartPolicy: { Name: 'always' } } });
    await inState(container, 'restarting');

    const result = await sweepSession(session);

    expect(['graceful', 'killed', 'removed']).toContain(only(result).outcome);
    expect(result.verified).toBe(true);
    expect(await stateOf(container)).toBe('gone');
  });
});

describe('a container that somebody else removes', () => {
  /** Does something right before the provider's first look, stop or remove, as somebody else would. */
  const meanwhile =
    (rung: 'inspect' | 'stop' | 'remove', act: () => Promise<unknown>) =>
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

  test('between listing and stop is gone', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(IGNORES_SIGTERM, labelled);

    const result = await sweepSession(session, {
      change: meanwhile('inspect', () => container.remove({ force: true }).catch(() => undefined)),
    });

    expect(only(result)).toMatchObject({ outcome: 'gone', steps: [] });
    expect(result.verified).toBe(true);
  });

  test('between the look and the stop is gone', async () => {
    const { session, labelled } = newSession();
    const container = await startContainer(IGNORES_SIGTERM, labelled);

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
    await inState(container, 'exited');
    let other: Promise<unknown> = Promise.resolve();

    const result = await sweepSession(session, {
      change: meanwhile('remove', async () => {
        other = container.remove({ force: true });
        await until('the engine is at it', async () => ['removing', 'gone'].includes(await stateOf(container)));
      }),
    });

    await other;
    expect(['removed', 'gone']).toContain(only(result).outcome);
    expect(result.verified).toBe(true);
    expect(await stateOf(container)).toBe('gone');
  });
});

test('100 containers that need the whole grace period are gone in one grace period plus removal', async () => {
  const { session, labelled } = newSession();
  await Promise.all(Array.from({ length: 100 }, () => startContainer(IGNORES_SIGTERM, labelled)));

  // 16 at a time would take 7 grace periods, 35 s: more than the deadline leaves, so that stops would be skipped or cut short.
  const result = await sweepSession(session, { graceMs: 5_000, deadlineMs: 30_000 });

  const ends = result.settlements.map((settlement) => [settlement.outcome, ...stepsOf(settlement)]);
  expect(ends).toEqual(Array.from({ length: 100 }, () => ['killed', 'stop done', 'remove done']));
  expect(result.verified).toBe(true);
});

test('anonymous volumes go with their container', async () => {
  const { session, labelled } = newSession();
  const container = await startContainer(['true'], { ...labelled, create: { Volumes: { '/data': {} } } });
  const [mount] = (await container.inspect()).Mounts;

  await sweepSession(session);

  await expect(docker.getVolume(mount?.Name ?? '').inspect()).rejects.toMatchObject({ statusCode: 404 });
});
