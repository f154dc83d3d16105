import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { type Command, User } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { HONOURS_SIGTERM, startContainer, stateOf } from '../support/engine/containers';
import { validReport } from '../support/report/report-schema';
import { until } from '../support/until';

/** The session that a running benchmark tells of: `echo $CLEANUP_SESSION_ID`. */
async function sessionOf(run: Command): Promise<string> {
  await until('the benchmark runs', () => run.stdout.includes('\n'));
  return run.stdout.split('\n')[0] ?? '';
}

/** Tells its session, and runs until it is ended. */
const RUNS_ON = ['run', '--', 'sh', '-c', 'echo "$CLEANUP_SESSION_ID"; exec sleep 3600'];

test('ends with the command’s own exit code', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('run', '--', 'sh', '-c', 'exit 42');
  expect(exitCode, stderr).toBe(42);
});

test('hands on the arguments as they are', async () => {
  const user = await User.create();
  const { stdout } = await user.run('run', '--', 'printf', '[%s]', 'a b', '$HOME', '--json', '*');
  expect(stdout).toBe('[a b][$HOME][--json][*]');
});

test('leaves stdout to the command', async () => {
  const user = await User.create();
  expect((await user.run('run', '--', 'echo', 'result')).stdout).toBe('result\n');
});

test('lets the command read what it could read itself', async () => {
  const user = await User.create();
  expect((await user.bash('echo given | cleanup-action run -- cat')).stdout).toBe('given\n');
});

test('removes what carries its label when the command has ended', async () => {
  const user = await User.create();
  const run = user.start([
    'run',
    '--',
    'sh',
    '-c',
    `echo "$CLEANUP_SESSION_ID"; until [ -e "${user.path('go')}" ]; do sleep 0.1; done`,
  ]);
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: await sessionOf(run) } });
  await writeFile(user.path('go'), '');
  const { exitCode, stderr } = await run.ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('Everything is gone: 1 container') });
  expect(await stateOf(container)).toBe('gone');
});

test('tells the command its label, as an argument and as a file', async () => {
  const user = await User.create();
  const { stdout } = await user.run(
    'run',
    '--session',
    'build-7',
    '--',
    'sh',
    '-c',
    'echo "$CLEANUP_LABEL"; cat "$CLEANUP_LABEL_FILE"',
  );
  expect(stdout).toBe(`${labels.session}=build-7\n${labels.session}=build-7\n`);
});

test('labels with the page of the build that it runs in', async () => {
  const user = await User.create({ CI_JOB_URL: 'https://ci.example/jobs/1' });
  const { stdout } = await user.run('run', '--', 'sh', '-c', 'cat "$CLEANUP_LABEL_FILE"');
  expect(stdout).toContain(`${labels.runUrl}=https://ci.example/jobs/1\n`);
});

test.each(['a b', 'a/b', '', 'ü', 'x'.repeat(129)])('takes no session %j', async (id) => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('run', '--session', id, '--', 'true');
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(/^error: --session: .*\n$/) });
});

test('says in one line that a command was not found, with 127 as a shell does', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('run', '--quiet', '--', 'no-such-command');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 127,
    stderr: 'error: "no-such-command" was not found; install it, or choose another\n',
  });
});

test('ends with 126 for what can’t be executed', async () => {
  const user = await User.create();
  await writeFile(user.path('script'), 'true');
  expect((await user.run('run', '--', user.path('script'))).exitCode).toBe(126);
});

test('ends with 124 when the time was up', async () => {
  const user = await User.create();
  expect((await user.run('run', '--timeout', '1s', '--', 'sleep', '3600')).exitCode).toBe(124);
});

test('ends with 69 without starting anything where a required engine is not there', async () => {
  const user = await User.create({ DOCKER_HOST: 'unix:///nowhere/docker.sock', CLEANUP_RETRIES: '0' });
  const { exitCode, stdout } = await user.run('run', '--docker', 'true', '--', 'echo', 'started');
  expect({ exitCode, stdout }).toEqual({ exitCode: 69, stdout: '' });
});

test('runs the command where there is nothing to clean up at', async () => {
  const user = await User.create({ DOCKER_HOST: 'unix:///nowhere/docker.sock', CLEANUP_RETRIES: '0' });
  expect(await user.run('run', '--', 'echo', 'started')).toMatchObject({ exitCode: 0, stdout: 'started\n' });
});

test('writes a report that its schema describes', async () => {
  const user = await User.create();
  await user.run('run', '--report-path', user.path('r.json'), '--', 'sh', '-c', 'exit 3');
  const report = await validReport(await readFile(user.path('r.json'), 'utf8'));
  expect(report).toMatchObject({ benchmark: { command: 'sh -c exit 3', exitCode: 3 }, phases: { post: { verified: true } } });
});

test('--quiet says nothing when there was nothing to do', async () => {
  const user = await User.create();
  expect((await user.run('run', '--quiet', '--', 'true')).stderr).toBe('');
});

test('--fail-on-error makes a leftover 1', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const command = user.start(
    [
      'run',
      '--fail-on-error',
      '--retries',
      '0',
      '--remove-timeout',
      '200ms',
      '--deadline',
      '3s',
      '--session',
      'stuck',
      '--',
      'true',
    ],
    { ...server.env, CLEANUP_DOCKER: 'false' },
  );
  server.add({ labels: { [labels.session]: 'stuck' }, state: 'creating' });
  const { exitCode, stderr } = await command.ended;
  expect(exitCode, stderr).toBe(1);
});

test('cleans up before what an earlier run of this user’s left that was killed', async () => {
  const user = await User.create();
  const first = user.start(RUNS_ON, { CLEANUP_WATCHDOG: 'false' });
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: await sessionOf(first) } });
  first.kill('SIGKILL');
  await first.gone();
  await user.run('run', '--', 'true');
  expect(await stateOf(container)).toBe('gone');
});

test('leaves alone what another run in progress has', async () => {
  const user = await User.create();
  const first = user.start(RUNS_ON);
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: await sessionOf(first) } });
  await user.run('run', '--', 'true');
  await user.run('sweep', '--stale');
  expect(await stateOf(container)).toBe('running');
  first.kill('SIGTERM');
  await first.ended;
});

test('leaves alone what another run has that is stopped, as with Ctrl-Z', async () => {
  const user = await User.create();
  const first = user.start(RUNS_ON);
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: await sessionOf(first) } });
  first.kill('SIGSTOP');
  await user.run('sweep', '--stale');
  expect(await stateOf(container)).toBe('running');
  first.kill('SIGCONT');
  first.kill('SIGTERM');
  await first.ended;
});

test('shows in list what a run in progress has', async () => {
  const user = await User.create();
  const run = user.start(RUNS_ON);
  const session = await sessionOf(run);
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: session } });
  const { stdout } = await user.run('list', '--session', session, '--format', '{{.Live}}');
  expect(stdout).toBe('true\n');
  run.kill('SIGTERM');
  await run.ended;
  expect(await stateOf(container)).toBe('gone');
});

test('refuses a session that another run in progress has', async () => {
  const user = await User.create();
  const first = user.start(['run', '--session', 'mine', ...RUNS_ON.slice(1)]);
  await sessionOf(first);
  const { exitCode, stderr } = await user.run('run', '--session', 'mine', '--', 'true');
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(`process ${first.process.pid}`) });
});

test('is not live any more when it has ended', async () => {
  const user = await User.create();
  await user.run('run', '--', 'true');
  expect(await readdir(user.path('state/sessions'))).toEqual([]);
});

test('keeps the log of a container that failed', async () => {
  const user = await User.create();
  const run = user.start([
    'run',
    '--logs-path',
    user.path('logs'),
    '--',
    'sh',
    '-c',
    `echo "$CLEANUP_SESSION_ID"; until [ -e "${user.path('go')}" ]; do sleep 0.1; done`,
  ]);
  const container = await startContainer(['sh', '-c', 'echo ready; echo it broke; exit 9'], {
    labels: { [labels.session]: await sessionOf(run) },
  });
  await container.wait();
  await writeFile(user.path('go'), '');
  const { stderr } = await run.ended;
  expect(stderr).toContain('1 container failed during the benchmark');
  const [file = ''] = await readdir(user.path('logs'));
  expect(await readFile(user.path(`logs/${file}`), 'utf8')).toContain('it broke');
});

test('cleans up Daytona as well', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const run = user.start(
    ['run', '--', 'sh', '-c', `echo "$CLEANUP_SESSION_ID"; until [ -e "${user.path('go')}" ]; do sleep 0.1; done`],
    server.env,
  );
  const sandbox = server.add({ labels: { [labels.session]: await sessionOf(run) } });
  await writeFile(user.path('go'), '');
  await run.ended;
  expect(server.stateOf(sandbox)).toBe('gone');
});

test('leaves sandboxes an end of their own when it is killed', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const session = `killed-${randomUUID()}`;
  const sandbox = server.add({ labels: { [labels.session]: session } });
  const wait = ['sh', '-c', `until [ -e "${user.path('go')}" ]; do sleep 0.1; done`];
  const run = user.start(['run', '--session', session, '--watchdog', 'false', '--sandbox-ttl', '5m', '--', ...wait], server.env);
  await until('it has an end', () => server.endOf(sandbox) !== undefined);
  run.kill('SIGKILL');
  await writeFile(user.path('go'), ''); // Its command is an orphan now.
  await run.ended;
  expect(server.stateOf(sandbox)).toBe('started');
  expect(server.endOf(sandbox)).toBeLessThanOrEqual(Date.now() + 300_000);
});

test('shows no key, not even when it is in the command’s way', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const { stderr } = await user.start(['run', '--verbose', '--', 'true'], server.env).ended;
  expect(stderr).not.toContain(server.env['DAYTONA_API_KEY']);
});

test('takes what carries a label that was named for its own', async () => {
  const user = await User.create();
  const label = `suite-${randomUUID()}`;
  const container = await startContainer(HONOURS_SIGTERM, { labels: { suite: label } });
  await user.run('run', '--label', `suite=${label}`, '--', 'true');
  expect(await stateOf(container)).toBe('gone');
});
