import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { readProcStat } from '../../src/lib/proc-stat';
import { type Command, User, type Variables } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { commandsWith } from '../support/cli/processes';
import { docker } from '../support/engine/containers';
import { bystander } from '../support/job/jobs';
import { isRunning } from '../support/job/watched-job';
import { validReport } from '../support/report/report-schema';
import { textsIn } from '../support/texts-in';
import { until } from '../support/until';

/** Tells its session and its process, and starts containers until it is ended. */
const HARNESS = `echo "$CLEANUP_SESSION_ID $$"
while :; do docker run -d --network none ${inject('image')} sh -c 'sleep 3600; true' >/dev/null; sleep 0.1; done`;

/** The same with one container, which uses up its grace period. */
const LEAVES = `docker run -d --network none ${inject('image')} sh -c 'trap true TERM; while :; do sleep 3600 & wait; done' >/dev/null
echo "$CLEANUP_SESSION_ID $$"`;

interface Running {
  readonly user: User;
  readonly run: Command;
  readonly session: string;
  readonly harness: number;
}

async function running(script: string, options: readonly string[] = [], env: Variables = {}): Promise<Running> {
  const user = await User.create();
  const report = ['--report-path', user.path('report.json'), '--metrics-path', user.path('metrics.prom')];
  const run = user.start(['run', ...report, ...options, '--', 'bash', '-c', script], env);
  await until('the command runs', () => run.stdout.includes('\n'));
  const [session = '', harness] = run.stdout.trim().split(' ');
  return { user, run, session, harness: Number(harness) };
}

async function containersOf(session: string): Promise<number> {
  return (await docker.listContainers({ all: true, filters: { label: [`${labels.session}=${session}`] } })).length;
}

const companionsOf = (user: User) => commandsWith(user.path('state'));

/** Whether a companion has its program loaded, and has taken its name. */
const isWatching = (pid: number) => readProcStat(pid)?.name.startsWith('cleanup-proxy') === true;

async function killed({ run }: Running): Promise<void> {
  run.kill('SIGKILL');
  run.hangUp();
  await run.ended;
}

async function reportOf(user: User) {
  await until('it is reported', () => existsSync(user.path('report.json')));
  return validReport(await readFile(user.path('report.json'), 'utf8'));
}

async function expectAllGone({ user, session }: Running): Promise<void> {
  await until('all processes have ended', () => companionsOf(user).length === 0);
  expect(await containersOf(session)).toBe(0);
  const { phases } = await reportOf(user);
  expect(phases).toMatchObject({ pre: phases.pre === null ? null : {}, post: { verified: true } });
  expect(existsSync(user.path('metrics.prom'))).toBe(true);
}

describe('a run that is killed', () => {
  test('has its command ended, and all it started is gone', async () => {
    const started = await running(HARNESS);
    const stranger = await bystander();
    await until('it starts containers', async () => (await containersOf(started.session)) > 1);

    await killed(started);

    await expectAllGone(started);
    expect(isRunning(started.harness)).toBe(false);
    expect((await stranger.inspect()).State.Running).toBe(true);
    const { benchmark } = await reportOf(started.user);
    expect(benchmark).toMatchObject({ command: expect.stringContaining('bash -c'), exitCode: null, remains: 'ended' });
  });

  test('in the middle of the teardown, with the report of what came before', async () => {
    const started = await running(`${LEAVES}; exit 7`, ['--grace-period', '5s', '--skip-grace-when-deaf', 'false', '--verbose']);
    const files = () => readdir(started.user.path('state'), { recursive: true }).catch(() => []);
    await until('it cleans up', async () => (await files()).some((name) => name.endsWith('main.json')));

    await killed(started);

    await expectAllGone(started);
    expect((await reportOf(started.user)).benchmark).toMatchObject({ exitCode: 7 });
  });

  test('with one of its two watchdogs', async () => {
    const started = await running(`${LEAVES}; sleep 1000`);
    await until('there are two', () => companionsOf(started.user).filter(isWatching).length === 2);
    process.kill(companionsOf(started.user)[0] ?? 0, 'SIGKILL');
    await killed(started);
    await expectAllGone(started);
  });

  test('is left to the next one with --watchdog false', async () => {
    const started = await running(`${LEAVES}; exec sleep 1000`, ['--watchdog', 'false']);
    expect(companionsOf(started.user)).toEqual([]);
    await killed(started);
    expect(await containersOf(started.session)).toBe(1);
    expect(isRunning(started.harness)).toBe(true);
    process.kill(started.harness, 'SIGKILL');
    await started.user.run('sweep', '--session', started.session);
  });

  test('takes with it what Daytona has, with a key that is in no file, command line or environment of a watchdog', async () => {
    const server = await startDaytona();
    const session = `killed-${randomUUID()}`;
    const started = await running('echo "$CLEANUP_SESSION_ID $$"; exec sleep 1000', ['--session', session], server.env);
    const own = server.add({ labels: { [labels.session]: session } });
    const theirs = server.add({});
    const key = server.env['DAYTONA_API_KEY'] ?? '';
    await until('it is watched', () => companionsOf(started.user).some(isWatching));
    const companions = companionsOf(started.user);
    for (const pid of companions) {
      for (const file of ['cmdline', 'environ']) expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(key);
    }

    await killed(started);

    await expectAllGone(started);
    expect([server.stateOf(own), server.stateOf(theirs)]).toEqual(['gone', 'started']);
    const texts = await textsIn(started.user.directory);
    expect(texts.size).toBeGreaterThan(3);
    for (const [path, text] of texts) expect(text, path).not.toContain(key);
  });
});

test('what only the filters match stays: the next run may have made it', async () => {
  const name = `harness-${randomUUID()}`;
  const started = await running(`${LEAVES}; sleep 1000`, ['--name-prefix', `${name}-`, '--delay', '1h', '--scope', 'job']);
  const stranger = await bystander({ name: `${name}-of-the-next-run` });
  await killed(started);
  await expectAllGone(started);
  expect((await stranger.inspect()).State.Running).toBe(true);
});

test('a watchdog ends when run has ended, in whatever way', async () => {
  const { user, run } = await running('echo "$CLEANUP_SESSION_ID $$"; exit 3');
  expect((await run.ended).exitCode).toBe(3);
  await until('it has ended', () => companionsOf(user).length === 0);

  const next = user.start(['run', '--', 'sleep', '1000']);
  // One that is about to start has to find out first that it is not needed.
  await until('two watch', () => companionsOf(user).filter(isWatching).length === 2);
  next.kill('SIGTERM');
  await next.ended;
  const from = performance.now();
  await until('they have ended', () => companionsOf(user).length === 0);
  expect(performance.now() - from).toBeLessThan(2_000);
});

test('--watchdog true is met', async () => {
  const user = await User.create();
  expect((await user.run('run', '--watchdog', 'true', '--', 'true')).exitCode).toBe(0);
});
