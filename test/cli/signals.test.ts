import { readFile, writeFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { type Command, User } from '../support/cli/cli';
import { HEEDS_NO_SIGTERM } from '../support/engine/container-habits';
import { HONOURS_SIGTERM, removeContainer, startContainer, stateOf } from '../support/engine/containers';
import { validReport } from '../support/report/report-schema';
import { until } from '../support/until';

/** Tells its session, and ends at the first signal. */
const COMMAND = ['sh', '-c', 'echo "$CLEANUP_SESSION_ID"; exec sleep 3600'];

interface Running {
  readonly run: Command;
  readonly user: User;
  readonly session: string;
  /** Of the run's session. */
  readonly container: Docker.Container;
}

/** A run whose benchmark runs, and has a container. */
async function running(habit: readonly string[], ...options: readonly string[]): Promise<Running> {
  const user = await User.create();
  const run = user.start(['run', '--report-path', user.path('report.json'), ...options, '--', ...COMMAND]);
  await until('the benchmark runs', () => run.stdout.includes('\n'));
  const session = run.stdout.trim();
  const container = await startContainer(habit, { labels: { [labels.session]: session } });
  onTestFinished(() => removeContainer(container));
  return { run, user, session, container };
}

/** Signals until it has had its effect: what comes at once is taken for the same wish. */
async function insist(run: Command, signal: NodeJS.Signals, said: string): Promise<void> {
  await until(`it says: ${said}`, () => {
    if (run.stderr.includes(said)) return true;
    run.kill(signal);
    return false;
  });
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends the command, and what is its is removed', async (signal, code) => {
  const { run, container } = await running(HONOURS_SIGTERM);
  run.kill(signal);
  expect((await run.ended).exitCode).toBe(code);
  expect(await stateOf(container)).toBe('gone');
});

test('the report tells which signal it was', async () => {
  const { run, user } = await running(HONOURS_SIGTERM);
  run.kill('SIGTERM');
  await run.ended;
  const { benchmark } = await validReport(await readFile(user.path('report.json'), 'utf8'));
  expect(benchmark).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
});

test('two at once are one wish: npx passes on what its child has had already', async () => {
  const { run } = await running(HONOURS_SIGTERM);
  run.kill('SIGINT');
  run.kill('SIGINT');
  expect((await run.ended).stderr).not.toContain('without grace');
});

test('a second one takes away the grace', async () => {
  const { run, container } = await running(HEEDS_NO_SIGTERM, '--grace-period', '1h', '--stop-timeout', '2h', '--deadline', '3h');
  run.kill('SIGINT');
  await until('it cleans up', () => run.stderr.includes('ending the command'));
  await insist(run, 'SIGINT', 'without grace');
  expect((await run.ended).exitCode).toBe(130);
  expect(await stateOf(container)).toBe('gone');
});

test('a third one ends it at once, and says what is left and what removes it', async () => {
  const { run, session } = await running(
    HEEDS_NO_SIGTERM,
    '--delay',
    '1h',
    '--grace-period',
    '1h',
    '--stop-timeout',
    '2h',
    '--deadline',
    '3h',
    '--skip-grace-when-deaf',
    'false',
  );
  run.kill('SIGTERM');
  await until('it cleans up', () => run.stderr.includes('ending the command'));
  await insist(run, 'SIGTERM', 'without grace');
  const said = `cleanup-action sweep --session ${session}`;
  await until('it has ended', () => {
    if (run.process.exitCode !== null) return true;
    run.kill('SIGTERM');
    return false;
  });
  const { exitCode, stderr } = await run.ended;
  expect(exitCode).toBe(143);
  expect(stderr).toContain(said);
});

test('a terminal that closes stops nothing: SIGHUP, several times, and nobody reads any more', async () => {
  const { run, user, container } = await running(HEEDS_NO_SIGTERM, '--grace-period', '3s');
  run.hangUp();
  let sent = 0;
  // All of them while the container has its grace.
  await until('it was told ten times', () => {
    run.kill('SIGHUP');
    sent += 1;
    return sent === 10;
  });
  const { exitCode } = await run.ended;
  expect(exitCode).toBe(129);
  expect(await stateOf(container)).toBe('gone');
  const { phases } = await validReport(await readFile(user.path('report.json'), 'utf8'));
  expect(phases.post).toMatchObject({ verified: true, totals: { failed: 0, kept: 0 } });
});

test('a reader that goes away stops nothing', async () => {
  const user = await User.create();
  const run = user.start([
    'run',
    '--report-path',
    user.path('report.json'),
    '--verbose',
    '--',
    'sh',
    '-c',
    `echo "$CLEANUP_SESSION_ID"; until [ -e "${user.path('go')}" ]; do sleep 0.1; done; exit 5`,
  ]);
  await until('the benchmark runs', () => run.stdout.includes('\n'));
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: run.stdout.trim() } });
  run.hangUp();
  await writeFile(user.path('go'), '');
  expect((await run.ended).exitCode).toBe(5);
  expect(await stateOf(container)).toBe('gone');
});
