import { execFileSync } from 'node:child_process';
import { chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { User } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { leftBehind } from '../support/cli/leftovers';
import { HONOURS_SIGTERM, startContainer, stateOf } from '../support/engine/containers';
import { until } from '../support/until';

const isRoot = process.getuid?.() === 0;

/** Fills the place that the state directory has, in ways that other users can. */
const SQUATTERS: readonly (readonly [what: string, squat: (path: string) => Promise<void>])[] = [
  ['a file', (path) => writeFile(path, '')],
  ['a link that leads nowhere', (path) => symlink('/nowhere/at/all', path)],
  [
    'another user’s directory',
    async (path) => {
      await mkdir(path);
      await chown(path, 4711, 4711);
    },
  ],
];

describe.skipIf(!isRoot).each(SQUATTERS)('with %s in the place of the state directory', (_, squat) => {
  test('list, sweep and run do their work', async () => {
    const user = await User.create();
    await squat(user.path('state'));
    const { session, containers } = await leftBehind({ containers: 1 });
    const listed = await user.run('list', '--session', session, '--format', '{{.Kind}}');
    expect(listed).toMatchObject({ exitCode: 0, stdout: 'container\n', stderr: expect.stringContaining('is not used') });
    const swept = await user.run('sweep', '--session', session);
    expect(swept.exitCode, swept.stderr).toBe(0);
    expect(await Promise.all(containers.map(stateOf))).toEqual(['gone']);
    expect((await user.run('run', '--', 'sh', '-c', 'exit 42')).exitCode).toBe(42);
  });
});

describe('odd files in the state directory', () => {
  test('stop neither list, nor sweep, nor run', async () => {
    const user = await User.create();
    await mkdir(user.path('state/sessions/a-directory.json'), { recursive: true });
    await mkdir(user.path('state/sweeps'));
    for (const name of ['sessions/half.json', 'sweeps/half.json']) await writeFile(user.path(`state/${name}`), '{"session":');
    await writeFile(user.path('state/runs'), '');
    const { session, containers } = await leftBehind({ containers: 1 });
    expect((await user.run('list', '--session', session)).exitCode).toBe(0);
    expect((await user.run('sweep', '--session', session)).exitCode).toBe(0);
    expect(await Promise.all(containers.map(stateOf))).toEqual(['gone']);
    expect((await user.run('run', '--', 'sh', '-c', 'exit 42')).exitCode).toBe(42);
  });
});

test('of two runs of one session at once, exactly one gets in', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const words = ['run', '--docker', 'false', '--session', 'mine', '--', 'sh', '-c', 'echo begun; exec sleep 3600'];
  const runs = Array.from({ length: 4 }, () => user.start(words, server.env));
  await until('all but one have ended', () => runs.filter(({ process: { exitCode } }) => exitCode === 2).length === 3);
  const [winner] = runs.filter(({ process: { exitCode } }) => exitCode === null);
  await until('the one runs', () => winner?.stdout.includes('begun') === true);
  winner?.kill('SIGTERM');
  expect((await winner?.ended)?.exitCode).toBe(143);
});

test('a run that can’t announce itself is no leftover to another run of this user', async () => {
  const user = await User.create();
  await user.run('run', '--', 'true');
  await rm(user.path('state/leases'), { recursive: true });
  await writeFile(user.path('state/leases'), ''); // As on a full disk.
  const run = user.start(['run', '--', 'sh', '-c', 'echo "$CLEANUP_SESSION_ID"; exec sleep 3600']);
  await until('it has begun', () => run.stdout.includes('\n'));
  const session = run.stdout.trim();
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: session } });
  await rm(join('/tmp/cleanup-action-leases', `${session}.json`), { force: true });

  const other = await user.run('run', '--', 'true');

  expect(other.exitCode, other.stderr).toBe(0);
  expect(await stateOf(container)).toBe('running');
  run.kill('SIGTERM');
  await run.ended;
  expect(await stateOf(container)).toBe('gone');
});

describe('a full disk', () => {
  test('does not end list with 0', async () => {
    const user = await User.create();
    const { session } = await leftBehind({ containers: 1 });
    const { stdout, stderr } = await user.bash(`cleanup-action list --quiet --session ${session} > /dev/full; echo $?`);
    expect({ stdout, stderr }).toEqual({
      stdout: '1\n',
      stderr: expect.stringMatching(/^error: the output can’t be written: .*\n$/),
    });
  });

  test.each(['list --json', 'report --markdown r.json', 'completion bash'])('does not end %s with 0', async (words) => {
    const user = await User.create();
    await user.run('run', '--quiet', '--report-path', user.path('r.json'), '--', 'true');
    const { stdout } = await user.bash(`cleanup-action ${words} > /dev/full; echo $?`);
    expect(stdout).toBe('1\n');
  });

  test('and directories that can’t be written change neither the cleaning nor the exit code', async () => {
    const user = await User.create();
    const session = 'full';
    const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: session } });
    const paths = [
      '--report-path',
      '/proc/nowhere/r.json',
      '--metrics-path',
      '/proc/nowhere/m.prom',
      '--logs-path',
      '/proc/nowhere/logs',
    ];
    const { exitCode, stderr } = await user.run('run', '--session', session, ...paths, '--', 'sh', '-c', 'exit 42');
    expect({ exitCode, stderr }).toEqual({ exitCode: 42, stderr: expect.stringContaining('could not be written') });
    expect(await stateOf(container)).toBe('gone');
  });

  test.skipIf(!isRoot)('for everything that run and sweep write changes neither', async () => {
    const user = await User.create();
    const disk = user.path('disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    try {
      await writeFile(`${disk}/filler`, Buffer.alloc(10_000_000)).catch(() => undefined);
      const env = { CLEANUP_STATE_DIRECTORY: `${disk}/state`, TMPDIR: disk };
      const session = 'full';
      const ran = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: session } });
      const words = ['run', '--session', session, '--scope', 'job', '--', 'sh', '-c', 'echo "$CLEANUP_LABEL"; exit 42'];
      const { exitCode, stdout, stderr } = await user.start(words, env).ended;
      expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 42, stdout: `${labels.session}=${session}\n` });
      expect(await stateOf(ran)).toBe('gone');
      const left = await leftBehind({ containers: 1 });
      const swept = await user.start(['sweep', '--session', left.session, '--report-path', `${disk}/r.json`], env).ended;
      expect(swept.exitCode, swept.stderr).toBe(0);
      expect(await Promise.all(left.containers.map(stateOf))).toEqual(['gone']);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});

test('run leaves nothing in the temporary directory, and its report in the state directory', async () => {
  const user = await User.create();
  const { stderr } = await user.run('run', '--', 'true');
  const [run = ''] = await readdir(user.path('state/runs'));
  expect(stderr).toContain(`Report: ${user.path(`state/runs/${run}/report.json`)}\n`);
  expect(await readdir(user.directory)).toEqual(['state']);
});

test('--quiet prints no deprecation, on an engine at a tcp address either', async () => {
  const user = await User.create();
  const socket = (user.environment()['DOCKER_HOST'] ?? '').replace('unix://', '');
  const proxy = createServer((client) => {
    const engine = connect(socket);
    client.pipe(engine).pipe(client);
    for (const stream of [client, engine]) stream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const { exitCode, stderr } = await user.start(['sweep', '--session', 'none', '--quiet'], env).ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

describe('secrets', () => {
  const GUESSED = { GH_TOKEN: 'ghp_0123456789abcdef' };

  test('of the environment stand neither in the report nor in what is printed, though the command has one', async () => {
    const user = await User.create();
    const words = ['run', '--verbose', '--report-path', user.path('r.json'), '--', 'no-such-command', GUESSED.GH_TOKEN];
    const { stderr } = await user.start(words, GUESSED).ended;
    const ran = await user.start(['run', '--report-path', user.path('s.json'), '--', 'true', GUESSED.GH_TOKEN], GUESSED).ended;
    const reports = await Promise.all(['r.json', 's.json'].map((name) => readFile(user.path(name), 'utf8')));
    for (const text of [stderr, ran.stderr, ...reports]) expect(text).not.toContain(GUESSED.GH_TOKEN);
  });

  test('of cleanup-action itself do not reach the command', async () => {
    const user = await User.create();
    const server = await startDaytona();
    const { DAYTONA_API_KEY, ...env } = server.env;
    const words = ['run', '--docker', 'false', '--', 'env'];
    const { stdout } = await user.start(words, { ...env, CLEANUP_DAYTONA_API_KEY: DAYTONA_API_KEY }).ended;
    expect(stdout).not.toContain(DAYTONA_API_KEY);
  });

  test.each([
    ['--docker-host', 'tcp://me:hunter2hunter2@host:2375'],
    ['--docker-host', 'ssh://me:hunter2hunter2@host\nunix:///var/run/docker.sock'],
    ['--daytona-api-url', 'https://me:hunter2hunter2@daytona.example/api'],
    ['--daytona-api-url', 'https://daytona.example/api?token=hunter2hunter2'],
  ])('in a refused address are not repeated: %s %s', async (option, address) => {
    const user = await User.create();
    const { exitCode, stdout, stderr } = await user.run('list', option, address);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(option);
    expect(stderr).not.toContain('hunter2');
  });
});
