import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { ask } from '../../src/providers/docker/connection/http';
import { whyDeaf } from '../../src/providers/docker/resources/deafness';
import {
  createContainer,
  docker,
  HEEDS_NO_SIGTERM,
  HONOURS_SIGTERM,
  IGNORES_SIGTERM,
  removeContainer,
  startContainer,
  stateOf,
} from '../support/engine/containers';
import { newSession, only, sweepSession } from '../support/engine/sweeping';
import { until } from '../support/until';

const isPodman = inject('product') === 'podman';

type Labelled = ReturnType<typeof newSession>['labelled'];

/** Directories with which the machine's own perl runs in a container. */
const HOST_PROGRAMS = ['/usr', '/lib', '/lib64', '/bin'].map((path) => `${path}:${path}:ro`);

/** Blocks SIGTERM, and ends when it has come: without a handler for it. */
const WAITS_FOR_SIGTERM = `use POSIX; my $term = POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK, $term); $| = 1; print "ready\\n";
  my $pending = POSIX::SigSet->new; do { select(undef, undef, undef, 0.05); sigpending($pending) } until $pending->ismember(SIGTERM);`;

/** Ends when SIGTERM has come: blocked, without a handler, and not even blocked while it waits. */
const WAITS_AS_INITS_DO = `use POSIX; my $term = POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK, $term);
  fork or exec "sleep", "3600"; $| = 1; print "ready\\n";
  my $sigtimedwait = (POSIX::uname())[4] eq "x86_64" ? 128 : 137; my $signals = pack "Q", 1 << 14;
  syscall $sigtimedwait, $signals, 0, 0, 8;`;

async function inState(container: Docker.Container, state: string): Promise<Docker.Container> {
  await until(`the container is ${state}`, async () => (await stateOf(container)) === state);
  return container;
}

/** How a container gets into each state of the table. */
const makers: Readonly<Record<string, (options: Labelled) => Promise<Docker.Container>>> = {
  'ends at its stop signal': (options) => startContainer(HONOURS_SIGTERM, options),
  'takes a while to end, but less than the grace period': (options) =>
    startContainer(['sh', '-c', "trap 'sleep 0.5; exit 0' TERM; echo ready; while :; do sleep 0.05; done"], options),
  'ignores its stop signal, and has children': (options) => startContainer(IGNORES_SIGTERM, options),
  'ignores its stop signal, and has no children': (options) =>
    startContainer(['sh', '-c', "trap '' TERM; echo ready; exec sleep 3600"], options),
  'notes its stop signal, and goes on': (options) => startContainer(HEEDS_NO_SIGTERM, options),
  '`sh` with a command in the foreground': (options) => startContainer(['sh', '-c', 'echo ready; sleep 3600; true'], options),
  '`sleep` with processes that were left to it': (options) =>
    startContainer(['sh', '-c', 'sleep 3600 & echo ready; exec sleep 3600'], options),
  '`sleep` as PID 1: no handler for its stop signal': (options) => startContainer(['sleep', '3600'], options),
  '`sleep` under `--init`': async (options) => {
    const container = await startContainer(['sleep', '3600'], { ...options, hostConfig: { Init: true } });
    // Its init has a child once it waits for signals. Podman looks for them with the container's own ps, which it does not have.
    if (!isPodman) await until('its init runs it', async () => (await container.top()).Processes.length > 1);
    return container;
  },
  'blocks its stop signal and waits for it': (options) =>
    startContainer(['/usr/bin/perl', '-e', WAITS_FOR_SIGTERM], { ...options, hostConfig: { Binds: HOST_PROGRAMS } }),
  'waits for its stop signal as inits do, with a child': (options) =>
    startContainer(['/usr/bin/perl', '-e', WAITS_AS_INITS_DO], { ...options, hostConfig: { Binds: HOST_PROGRAMS } }),
  'handles the stop signal that it is configured with': (options) =>
    startContainer(['sh', '-c', "trap 'exit 0' USR1; echo ready; while :; do sleep 0.05; done"], {
      ...options,
      create: { StopSignal: 'SIGUSR1' },
    }),
  'handles SIGTERM, but is configured with another stop signal': (options) =>
    startContainer(['/usr/bin/perl', '-e', '$SIG{TERM} = sub { exit 0 }; $| = 1; print "ready\\n"; sleep 1 while 1'], {
      ...options,
      create: { StopSignal: 'SIGUSR1' },
      hostConfig: { Binds: HOST_PROGRAMS },
    }),
  'shares the host’s PIDs: is not PID 1': (options) =>
    startContainer(['sleep', '3600'], { ...options, hostConfig: { PidMode: 'host' } }),
  unhealthy: async (options) => {
    const Healthcheck = { Test: ['CMD', 'false'], Interval: 100_000_000, Timeout: 5_000_000_000, Retries: 1 };
    const container = await startContainer(HONOURS_SIGTERM, { ...options, create: { Healthcheck } });
    await until('it is unhealthy', async () => {
      await checkHealth(container);
      return (await container.inspect()).State.Health?.Status === 'unhealthy';
    });
    return container;
  },
  paused: async (options) => {
    const container = await startContainer(HONOURS_SIGTERM, options);
    await container.pause();
    return container;
  },
  'restarting for ever': async (options) => {
    const hostConfig = { RestartPolicy: { Name: 'always' } };
    const container = await startContainer(['sh', '-c', 'sleep 0.2; false'], { ...options, hostConfig });
    if (!isPodman) return inState(container, 'restarting');
    await until('it has restarted', async () => (await container.inspect()).RestartCount > 0);
    return container;
  },
  '`--rm`, ends at its stop signal': (options) =>
    startContainer(HONOURS_SIGTERM, { ...options, hostConfig: { AutoRemove: true } }),
  '`--rm`, ignores its stop signal': (options) =>
    startContainer(HEEDS_NO_SIGTERM, { ...options, hostConfig: { AutoRemove: true } }),
  exited: async (options) => inState(await startContainer(['false'], options), 'exited'),
  'created, never started': (options) => createContainer(['true'], options),
};

/** Podman leaves health checks to systemd's timers: where there is no systemd, they have to be asked for. */
async function checkHealth({ id }: Docker.Container): Promise<void> {
  if (isPodman) await ask(docker, `/v4.0.0/libpod/containers/${id}/healthcheck`, new AbortController().signal);
}

interface Row {
  readonly container: string;
  readonly rungs: string;
  readonly outcome: string;
}

const table: readonly Row[] = readFileSync(join(import.meta.dirname, '../../docs/docker-states.md'), 'utf8')
  .split('\n\n')
  .filter((paragraph) => paragraph.startsWith('| Container |'))
  .flatMap((rows) => rows.split('\n'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 5 && cells[1] !== 'Container' && !cells[1]?.startsWith('---'))
  .map(([, container = '', rungs = '', outcome = '']) => ({ container, rungs, outcome }));

test('the table has a row for every state that the tests can make, and no other', () => {
  expect(table.map(({ container }) => container)).toEqual(Object.keys(makers));
});

describe('a container that', () => {
  test.concurrent.each(table)('$container → $outcome', async ({ container: state, rungs, outcome }) => {
    const { session, labelled } = newSession();
    const container = await makers[state]?.(labelled);

    const result = await sweepSession(session, outcome === 'graceful' ? {} : { graceMs: 1_000 });

    const { steps, ...settlement } = only(result);
    const climbed = steps.map(({ action, result: how }) => (how === 'skipped' ? `(${action})` : action)).join(', ');
    // Podman has no state for a container between two starts: it is stopped, and has only to be removed.
    const others = isPodman && state === 'restarting for ever' ? ['removed'] : [];
    expect([...outcome.split(' or '), ...others], settlement.reason).toContain(settlement.outcome);
    if (rungs.startsWith('…')) expect(climbed).toMatch(/remove$/);
    // A --rm container removes itself: it may be on its way out still when it is looked at.
    else expect(state.startsWith('`--rm`') ? climbed.replace(/, (kill|remove)/g, '') : climbed).toBe(rungs);
    expect(steps.filter(({ result: how }) => how === 'skipped').every(({ detail }) => detail !== undefined)).toBe(true);
    expect(result.verified).toBe(true);
    expect(container && (await stateOf(container))).toBe('gone');
  });
});

describe('to a user who may not see whether a process waits for signals', () => {
  test.each<[string, readonly string[], string | undefined]>([
    [
      '`sh` with a command in the foreground is deaf',
      ['sh', '-c', 'echo ready; sleep 3600; true'],
      'its process ignores SIGTERM',
    ],
    ['an unknown program with a child may wait', ['/usr/bin/perl', '-e', WAITS_AS_INITS_DO], undefined],
  ])('%s', async (_, command, expected) => {
    const container = await startContainer(command, { hostConfig: { Binds: HOST_PROGRAMS } });
    onTestFinished(() => removeContainer(container));
    const { Id, State } = await container.inspect();

    const answer = await asNobody(() => whyDeaf(State.Pid, 'SIGTERM', Id));

    expect(answer).toBe(expected);
  });
});

/** For /proc, this process is another user's until the work is done. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const self = process.geteuid?.() ?? 0;
  process.seteuid?.('nobody');
  try {
    return await work();
  } finally {
    process.seteuid?.(self);
  }
}

test('with skip-grace-when-deaf off, a deaf container gets its grace period', async () => {
  const { session, labelled } = newSession();
  await startContainer(['sleep', '3600'], labelled);

  const result = await sweepSession(session, { skipGraceWhenDeaf: false, graceMs: 1_000 });

  expect(only(result)).toMatchObject({ outcome: 'killed', steps: [{ action: 'stop', result: 'done' }, { action: 'remove' }] });
  expect(await docker.listContainers({ all: true, filters: { label: [`io.github.cleanup-action.session=${session}`] } })).toEqual(
    [],
  );
});
