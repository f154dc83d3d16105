import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import type { ContainerSource } from '../../src/core/container-source';
import type { Resource } from '../../src/core/resource';
import { allOf, matchesFilters } from '../../src/core/selector';
import { systemClock } from '../../src/lib/clock';
import type { Death } from '../../src/recorder/deaths';
import { recordEnded } from '../../src/recorder/ended';
import {
  type ContainerOptions,
  createContainer,
  HONOURS_SIGTERM,
  removeContainer,
  startContainer,
  stateOf,
} from '../support/engine/containers';
import { containerSource, expectLog, logOf, place, type RecordingSettings, TestRecording } from '../support/engine/recording';
import { newSession } from '../support/engine/sweeping';
import { until } from '../support/until';

const podman = inject('product') === 'podman';
const AUTO_REMOVE: ContainerOptions = { hostConfig: { AutoRemove: true } };

/** Records one container from its start to its end. One that takes its log along starts once that is followed, where it can be. */
async function recorded(
  command: readonly string[],
  options: ContainerOptions = {},
  settings: RecordingSettings = {},
): Promise<Death> {
  const recording = await TestRecording.start(settings);
  const container = await createContainer(command, { ...options, labels: { ...options.labels, ...recording.labelled.labels } });
  const isLeaving = options.hostConfig?.AutoRemove === true;
  if (isLeaving && !podman) await until('its log is followed', () => recording.hasAttached(container));
  await container.start().catch(() => undefined);
  if (command.some((word) => word.includes(LINGERING))) {
    if (isLeaving) await until('its log is followed', () => recording.hasHeard(container));
    await letGo(container);
  }
  await until('it has ended', () => hasEnded(container));
  const [death, ...others] = await recording.finish();
  await removeContainer(container);
  if (death === undefined || others.length > 0) throw new Error(`one death expected, not ${others.length + (death ? 1 : 0)}`);
  return death;
}

/** In a command: goes on when it is let go. */
const LINGERING = 'until [ -e /tmp/go ]; do sleep 0.05; done; ';

async function letGo(container: Docker.Container): Promise<void> {
  const exec = await container.exec({ Cmd: ['touch', '/tmp/go'] });
  await exec.start({ Detach: true });
}

/** Podman's logs can be followed when a container runs, not before: one that removes itself must live that long. */
const lingering = podman ? LINGERING : '';

/**
 * Podman answers 500 about a container that is just going. Of 40 at once that remove themselves,
 * dockerd 20.10 now and then fails to remove one (`directory not empty`), which stays `dead`.
 */
async function hasEnded(container: Docker.Container): Promise<boolean> {
  return stateOf(container).then(
    (state) => ['exited', 'created', 'dead', 'gone'].includes(state),
    () => false,
  );
}

const script = (text: string) => ['sh', '-c', text];

describe('a container that fails', () => {
  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])('and %s is a death with its exit code, and its log in a file', async (_, options) => {
    const death = await recorded(script(`echo line; ${lingering}exit 3`), options);

    expect(death).toMatchObject({ exitCode: 3, oomKilled: false, log: { tail: expect.arrayContaining(['line']), reason: null } });
    expect(death.livedMs).toBeGreaterThanOrEqual(0);
    await expectLog(death, 'line\n');
  });

  test('has what it wrote to both streams in its log', async () => {
    const death = await recorded(script('echo out; echo err >&2; printf unfinished; exit 1'));

    expect((await logOf(death)).split('\n').toSorted()).toEqual(['', 'err', 'out', 'unfinished']);
  });

  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])('with a terminal, and %s, has its log without anything of the engine’s', async (_, options) => {
    const death = await recorded(script(`echo one; echo two; ${lingering}exit 1`), { ...options, create: { Tty: true } });

    await expectLog(death, 'one\r\ntwo\r\n');
    expect(death.log.tail.slice(-2)).toEqual(['one', 'two']);
  });

  // An engine overlooks one in some dozens itself: no event, and no word in its inspection, ever after.
  test('for want of memory is told to have, where the engine has noticed it', async () => {
    const recording = await TestRecording.start();
    const container = () =>
      startContainer(script('exec dd if=/dev/zero of=/dev/null bs=100M count=1'), {
        ...recording.labelled,
        hostConfig: { Memory: 32 * 2 ** 20 },
      });
    const containers = await Promise.all(Array.from({ length: 5 }, container));
    await until('all have ended', async () => (await Promise.all(containers.map(hasEnded))).every(Boolean));
    const noticed = await Promise.all(containers.map(async (one) => [one.id, (await one.inspect()).State.OOMKilled] as const));
    const deaths = await recording.finish();
    await Promise.all(containers.map(removeContainer));

    expect(deaths.map(({ exitCode }) => exitCode)).toEqual([137, 137, 137, 137, 137]);
    expect(new Map(deaths.map(({ container: { id }, oomKilled }) => [id, oomKilled]))).toEqual(new Map(noticed));
    expect(noticed.some(([, isNoticed]) => isNoticed)).toBe(true);
  });

  // Not all bytes: Docker's json-file keeps text, and puts U+FFFD for what is none.
  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])('and %s has control characters in its log as they are', async (_, options) => {
    const death = await recorded(
      script(`${String.raw`printf '\000\001\033[2J\r::error::no\r\n\n'; `}${lingering}exit 1`),
      options,
    );

    await expectLog(death, '\0\x01\x1b[2J\r::error::no\r\n\n');
  });

  test('has no secrets in its log', async () => {
    const death = await recorded(script('echo "the key is swordfish-1234"; exit 1'), {}, { secrets: ['swordfish-1234'] });

    expect(await logOf(death)).toBe('the key is ***\n');
    expect(death.log.tail).toEqual(['the key is ***']);
  });

  test('has its log in the directory, and nothing else is there', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(script('echo line; exit 1'), recording.labelled);
    await until('it has ended', () => hasEnded(container));
    const [death] = await recording.finish();
    await removeContainer(container);

    expect(await readdir(recording.directory)).toEqual([death?.log.file?.split('/').at(-1)]);
  });

  test('has the end of a long log, and a line that says so', async () => {
    const death = await recorded(
      script('i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1'),
      {},
      { logLimit: 65_536 },
    );

    const text = await readFile(death.log.file ?? '', 'utf8');
    expect(text).toMatch(/^\[cleanup-action: .* log-limit is 65536 bytes\]\n/);
    expect(text).toMatch(/ line 19999\n$/);
    expect(text.length).toBeLessThan(65_536 + 200);
    expect(death.log.reason).toContain('log-limit is 65536 bytes');
  });

  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])(
    'and %s, and writes faster than a busy engine hands on, has all of it in its log, or a line where something is missing',
    async (_, options) => {
      const counting = 'i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; ';
      const busy = Array.from({ length: 8 }, () => spawn('sh', ['-c', 'while :; do :; done']));
      const death = await recorded(script(`${counting}${lingering}exit 1`), options).finally(() => {
        for (const each of busy) each.kill('SIGKILL');
      });

      const all = Array.from({ length: 20_000 }, (_, line) => `${line}\n`).join('');
      await expectLog(death, all);
      if (options !== AUTO_REMOVE) expect(await logOf(death)).toBe(all);
    },
  );

  test.each([
    ['stays', {}, { exitCode: 127, log: { reason: expect.stringContaining('/no/such/command') } }],
    [
      'removes itself',
      AUTO_REMOVE,
      { exitCode: expect.toBeOneOf([null, 127]), log: { reason: expect.stringContaining('it never ran') } },
    ],
  ])('and never started, and %s, is a death that says why', async (_, options, expected) => {
    let looks = 0;
    const counting = (real: ContainerSource): ContainerSource => ({
      ...real,
      inspect: (container, signal) =>
        real.inspect(container, signal).finally(() => {
          looks += 1;
        }),
    });
    const recording = await TestRecording.start({ change: counting });
    const container = await createContainer(['/no/such/command'], { ...options, ...recording.labelled });
    await until('it was looked at', () => looks > 0);
    await container.start().catch(() => undefined);
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toMatchObject([expected]);
  });

  test('and keeps no log has the reason', async () => {
    const death = await recorded(script('echo line; exit 1'), { hostConfig: { LogConfig: { Type: 'none', Config: {} } } });

    expect(death).toMatchObject({ exitCode: 1, log: { file: null, reason: 'its logging driver is none' } });
  });
});

describe('a container that does not fail', () => {
  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])('and %s is a death, and has no log', async (_, options) => {
    const recording = await TestRecording.start();
    const container = await startContainer(script('echo line'), { ...options, ...recording.labelled });
    await until('it has ended', () => hasEnded(container));
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toMatchObject([{ exitCode: 0, log: { file: null, reason: 'it did not fail, and logs is failed' } }]);
    expect(await readdir(recording.directory)).toEqual([]);
  });

  test.each([
    ['stays', {}],
    ['removes itself', AUTO_REMOVE],
  ])('and %s has its log with logs: all', async (_, options) => {
    const death = await recorded(script(`echo line; ${lingering}`), options, { logs: 'all' });

    await expectLog(death, 'line\n');
  });
});

describe('the recorder', () => {
  test('tells only of those that are owned', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(script('exit 3'));
    await until('it has ended', () => hasEnded(container));
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toEqual([]);
  });

  test('knows whose it is by its name', async () => {
    const prefix = `recorded-${process.pid}-${inject('product')}`;
    const owned = allOf((container) => matchesFilters(container, { labels: [], namePrefixes: [prefix] }));

    expect(await recorded(script('exit 3'), { name: `${prefix}-1` }, { owned })).toMatchObject({ exitCode: 3 });
  });

  test('tells of a container that ran before it came, and of its whole log when that goes with it', async () => {
    const { labelled, session } = newSession();
    const container = await startContainer(script(`echo ready; ${LINGERING}exit 4`), { ...AUTO_REMOVE, ...labelled });
    const recording = await TestRecording.start({ owned: (each) => Object.values(each.labels).includes(session) });
    await until('its log is followed', () => recording.hasHeard(container));
    await letGo(container);
    await until('it is gone', () => hasEnded(container));

    const [death] = await recording.finish();

    expect(death).toMatchObject({ exitCode: 4 });
    await expectLog(death, 'ready\n');
  });

  test('leaves out what had ended before it came', async () => {
    const { labelled, session } = newSession();
    const container = await startContainer(script('exit 3'), labelled);
    await until('it has ended', () => hasEnded(container));
    const recording = await TestRecording.start({ owned: (each) => Object.values(each.labels).includes(session) });
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toEqual([]);
  });

  test('tells each end of a container that is started again', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(script('echo line; exit 3'), recording.labelled);
    await until('it has ended', () => hasEnded(container));
    await container.start();
    await until('it has ended again', async () => {
      const { State } = await container.inspect();
      return !State.Running && String(await container.logs({ stdout: true })).match(/line/g)?.length === 2;
    });
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toMatchObject([{ exitCode: 3 }, { exitCode: 3 }]);
    expect(await logOf(deaths[1])).toBe('line\nline\n');
  });

  test('is through with a container when its log is kept', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(script('echo line; exit 3'), recording.labelled);
    await until('it has ended', () => hasEnded(container));
    const [listed] = (await (await containerSource()).list(AbortSignal.timeout(10_000))).filter(({ id }) => id === container.id);
    if (!listed) throw new Error('the engine does not list it');

    await until('the recorder is through', () => recording.recorder.isRecorded(listed));

    await container.remove();
    const [death] = await recording.finish();
    expect(existsSync(death?.log.file ?? '')).toBe(true);
  });

  test('ends at once when there is no time, with the reason', async () => {
    const recording = await TestRecording.start({
      change: (real) => ({ ...real, read: (_, __, signal) => hanging(signal), attach: (_, signal) => hanging(signal) }),
    });
    const container = await startContainer(script('echo line; exit 3'), recording.labelled);
    await until('it has ended', () => hasEnded(container));
    await until(
      'the recorder has heard of it',
      () => !recording.recorder.isRecorded({ ...listedAs(container), ...recording.labelled }),
    );
    const startedAt = performance.now();
    const deaths = await recording.finish(AbortSignal.timeout(1_500));
    const tookMs = performance.now() - startedAt;
    await removeContainer(container);

    expect(tookMs).toBeLessThan(3_000);
    expect(deaths).toMatchObject([{ exitCode: 3, log: { file: null, reason: 'there was no time left to read its log' } }]);
  });

  test('keeps nothing of what still runs, and takes nothing from it', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(HONOURS_SIGTERM, { ...AUTO_REMOVE, ...recording.labelled });

    const deaths = await recording.finish();

    const state = await stateOf(container);
    await removeContainer(container);
    expect(deaths).toEqual([]);
    expect(await readdir(recording.directory)).toEqual([]);
    expect(state).toBe('running');
  });
});

/** As a listing has it that knows only its id. */
function listedAs({ id }: Docker.Container): Resource {
  return { provider: 'docker', kind: 'container', id, name: id, state: 'exited', running: false, labels: {} };
}

function hanging(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

// Podman starts some containers a second.
describe('a container that something else removes', () => {
  // Podman is not attached to for a container that stays: that could change it.
  test.each([...(podman ? [] : ([['stays', {}]] as const)), ['removes itself', AUTO_REMOVE]] as const)(
    'by force, and %s, has its log, and on Docker was asked to end',
    async (_, options) => {
      const recording = await TestRecording.start();
      const container = await startContainer(script('echo ready; sleep 3600; true'), { ...options, ...recording.labelled });
      await until('its log is followed', () => recording.hasHeard(container));
      await container.remove({ force: true });
      const deaths = await recording.finish();

      expect(deaths).toMatchObject([
        // Podman has no event for this, and seldom one for the stop that is a part of it.
        {
          exitCode: 137,
          asked: podman ? expect.any(Boolean) : true,
          log: { status: 'kept', tail: expect.arrayContaining(['ready']) },
        },
      ]);
    },
  );

  test('when it has failed has its log, and was not asked to', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(script(`echo ready; ${LINGERING}echo fatal; exit 3`), recording.labelled);
    await until('its log is followed', () => recording.hasAttached(container));
    await letGo(container);
    await until('it has ended', () => hasEnded(container));
    await container.remove({ force: true });
    const [death] = await recording.finish();

    expect(death).toMatchObject({ exitCode: 3, asked: false, log: { status: 'kept' } });
    expect(death?.log.tail).toContain('fatal');
  });
});

describe('a container that is asked to end', () => {
  test.each([
    ['and does', HONOURS_SIGTERM, {}],
    ['and has to be killed', script('echo ready; sleep 3600; true'), {}],
    ['and removes itself', script('echo ready; sleep 3600; true'), AUTO_REMOVE],
  ])('%s, was asked', async (_, command, options) => {
    const recording = await TestRecording.start();
    const container = await startContainer(command, { ...options, ...recording.labelled });
    // Podman has an event for kill alone.
    if (podman) await container.kill();
    else await container.stop({ t: 1 });
    await until('it has ended', () => hasEnded(container));
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toMatchObject([{ asked: true }]);
  });

  test('to reload, and fails later, was not asked', async () => {
    const recording = await TestRecording.start();
    const container = await startContainer(
      script("trap 'exit 3' HUP; echo ready; while :; do sleep 0.05; done"),
      recording.labelled,
    );
    await container.kill({ signal: 'SIGHUP' });
    await until('it has ended', () => hasEnded(container));
    const deaths = await recording.finish();
    await removeContainer(container);

    expect(deaths).toMatchObject([{ exitCode: 3, asked: false }]);
  });
});

describe('a label that is called as a field of an event', () => {
  test.each([
    ['stays', {}, 3],
    ['removes itself', AUTO_REMOVE, expect.toBeOneOf([3, null])],
  ])('does not change how a container that %s has ended', async (_, options, exitCode) => {
    const labels = { exitCode: '0', signal: '1', name: 'another', image: 'another' };
    const name = `forged-${process.pid}-${inject('product')}-${Object.keys(options).length}`;
    const death = await recorded(script(`echo line; ${lingering}exit 3`), { ...options, name, labels });

    expect(death).toMatchObject({ exitCode, container: { name }, log: { status: 'kept' } });
    expect(death.log.tail).toContain('line');
  });

  test.each(['name', 'image', 'exitCode', 'signal'])('%s can be what a filter asks for', async (key) => {
    const value = `ours-${process.pid}`;
    const owned = allOf((container) => matchesFilters(container, { labels: [[{ key, value }]], namePrefixes: [] }));

    expect(await recorded(script(`${lingering}exit 3`), { labels: { [key]: value } }, { owned })).toMatchObject({ exitCode: 3 });
  });
});

const MANY = podman ? 10 : 40;

test(`${MANY} containers that end at once, half of which remove themselves, are all deaths with their lines`, async () => {
  const recording = await TestRecording.start();
  const containers = await Promise.all(
    Array.from({ length: MANY }, (_, index) =>
      createContainer(script(`echo line ${index}; ${lingering}exit 3`), {
        labels: { ...recording.labelled.labels, index: String(index) },
        hostConfig: { AutoRemove: index % 2 === 0 },
      }),
    ),
  );
  const leaving = containers.filter((_, index) => index % 2 === 0);
  if (!podman) await until('the logs are followed', () => leaving.every((container) => recording.hasAttached(container)));
  await Promise.all(containers.map((container) => container.start()));
  if (podman) {
    await until('the logs are followed', () => leaving.every((container) => recording.hasHeard(container)));
    await Promise.all(containers.map(letGo));
  }
  await until('all have ended', async () => {
    const ended = await Promise.all(containers.map(hasEnded));
    return ended.every(Boolean);
  });
  const deaths = await recording.finish();
  await Promise.all(containers.map(removeContainer));

  expect(deaths.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: MANY }, () => 3));
  for (const { container, log } of deaths)
    expect(log, JSON.stringify(log)).toMatchObject({ tail: expect.arrayContaining([`line ${container.labels['index']}`]) });
});

describe('what nobody watched', () => {
  test('is found when it is about to be removed, with its log', async () => {
    const { labelled, session } = newSession();
    const failed = await startContainer(script('echo line; exit 3'), labelled);
    const well = await startContainer(script('echo line'), labelled);
    await until('both have ended', async () => (await stateOf(failed)) === 'exited' && (await stateOf(well)) === 'exited');

    const deaths = await recordEnded({
      source: await containerSource(),
      owned: (each) => Object.values(each.labels).includes(session),
      logs: 'failed',
      place: await place(),
      clock: systemClock,
      isRecorded: () => false,
      signal: AbortSignal.timeout(30_000),
    });

    await Promise.all([failed, well].map(removeContainer));
    const [first, second] = deaths.toSorted((a, b) => (b.exitCode ?? 0) - (a.exitCode ?? 0));
    expect(await logOf(first)).toBe('line\n');
    expect(second).toMatchObject({ exitCode: 0, log: { file: null } });
  });
});
