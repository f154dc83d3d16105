import { expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { User } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { leftBehind } from '../support/cli/leftovers';
import { docker, HONOURS_SIGTERM, startContainer } from '../support/engine/containers';
import { newSession } from '../support/engine/sweeping';
import { until } from '../support/until';

test('shows a line for each resource of a session', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 2 });
  const { exitCode, stdout } = await user.run('list', '--session', session);
  expect(exitCode).toBe(0);
  const [titles, ...rows] = stdout.trimEnd().split('\n');
  expect(titles).toMatch(/^PROVIDER +KIND +ID +NAME +STATE +AGE +SESSION$/);
  expect(rows).toHaveLength(2);
  for (const row of rows) expect(row).toMatch(new RegExp(`^docker +container +[0-9a-f]{12} +\\S+ +running +\\d+s +${session}$`));
});

test('keeps results and what is said about them apart', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 1 });
  const { stderr } = await user.run('list', '--session', session);
  expect(stderr).toBe('1 container\n');
});

test('--json tells all there is to know', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1, labels: { [labels.runUrl]: 'https://ci.example/1' } });
  const { stdout } = await user.run('list', '--session', session, '--json');
  expect(JSON.parse(stdout)).toEqual([
    expect.objectContaining({
      provider: 'docker',
      kind: 'container',
      id: containers[0]?.id,
      state: 'running',
      running: true,
      session,
      live: false,
      runUrl: 'https://ci.example/1',
      sizeBytes: null,
      protection: null,
      ageSeconds: expect.any(Number),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    }),
  ]);
});

test('--json of nothing is an empty array', async () => {
  const user = await User.create();
  const { stdout, exitCode } = await user.run('list', '--session', 'nobodys', '--json');
  expect({ stdout, exitCode }).toEqual({ stdout: '[]\n', exitCode: 0 });
});

test('--format prints a line each, as the template says', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1 });
  const { stdout } = await user.run('list', '--session', session, '--format', '{{.Kind}}\\t{{.ID}} {{ .Session }}');
  expect(stdout).toBe(`container\t${containers[0]?.id} ${session}\n`);
});

test('--format with a field that there is not is a usage error that lists them', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('list', '--format', '{{.Nmae}}');
  expect(exitCode).toBe(2);
  expect(stderr).toContain('{{.Name}}');
});

test('--size tells how much a volume holds', async () => {
  const user = await User.create();
  const { session } = newSession();
  const volume = `cleanup-volume-${session}`;
  await docker.createVolume({ Name: volume, Labels: { [labels.session]: session } });
  const container = await startContainer(
    ['sh', '-c', 'dd if=/dev/zero of=/data/file bs=1000 count=2500; echo ready; sleep 3600'],
    {
      hostConfig: { Binds: [`${volume}:/data`] },
    },
  );
  try {
    const { stdout } = await user.run(
      'list',
      '--session',
      session,
      '--kind',
      'volume',
      '--size',
      '--format',
      '{{.Bytes}} {{.Size}}',
    );
    const [bytes, words] = stdout.trim().split(' ');
    expect(Number(bytes)).toBeGreaterThanOrEqual(2_500_000);
    expect(words).toBe('2.5MB');
  } finally {
    await container.remove({ force: true });
    await docker.getVolume(volume).remove();
  }
});

test('without --size nobody is asked, and nothing is reported', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 1 });
  const { stdout } = await user.run('list', '--session', session, '--format', '{{.Age}} {{.State}}');
  expect(stdout).toMatch(/^\d+s running\n$/);
});

test('--sort age --reverse puts the youngest first', async () => {
  const user = await User.create();
  const { session, labelled } = newSession();
  const server = await startDaytona();
  server.add({ ...labelled, name: 'younger', createdAt: Date.now() - 60_000 });
  server.add({ ...labelled, name: 'older', createdAt: Date.now() - 7_200_000 });
  const { stdout } = await user.start(
    ['list', '--provider', 'daytona', '--session', session, '--sort', 'age', '--reverse', '--format', '{{.Name}} {{.Age}}'],
    server.env,
  ).ended;
  expect(stdout).toBe('younger 1m\nolder 2h\n');
});

test('filters of different kinds must all hold', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const { session, labelled } = newSession();
  server.add({ ...labelled, name: 'match', state: 'stopped' });
  server.add({ ...labelled, name: 'started' });
  server.add({ name: 'foreign', state: 'stopped' });
  const words = ['list', '--provider', 'daytona', '--session', session, '--status', 'stopped', '--format', '{{.Name}}'];
  const { stdout, stderr } = await user.start(words, server.env).ended;
  expect(stdout, stderr).toBe('match\n');
});

test('of filters of the same kind one is enough', async () => {
  const user = await User.create();
  const server = await startDaytona();
  server.add({ name: 'a', labels: { team: 'a' } });
  server.add({ name: 'b', labels: { team: 'b' } });
  server.add({ name: 'c', labels: { team: 'c' } });
  const words = [
    'list',
    '--provider',
    'daytona',
    '--label',
    'team=a',
    '--label',
    'team=b',
    '--sort',
    'name',
    '--format',
    '{{.Name}}',
  ];
  const { stdout, stderr } = await user.start(words, server.env).ended;
  expect(stdout, stderr).toBe('a\nb\n');
});

test('ends quietly when nobody reads on', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 1 });
  const { stdout, stderr } = await user.bash(`cleanup-action list --quiet --session ${session} | true; echo "\${PIPESTATUS[0]}"`);
  expect({ stdout, stderr }).toEqual({ stdout: '0\n', stderr: '' });
});

test('ends with 69 where there is no engine, and says where it looked', async () => {
  const user = await User.create({ DOCKER_HOST: 'unix:///nowhere/docker.sock', CLEANUP_RETRIES: '0' });
  const { exitCode, stderr, stdout } = await user.run('list');
  expect({ exitCode, stdout }).toEqual({ exitCode: 69, stdout: '' });
  expect(stderr).toContain('unix:///nowhere/docker.sock');
});

test('lists what it can reach, and ends with 69 for an engine that it can’t', async () => {
  const user = await User.create({ CLEANUP_RETRIES: '0' });
  const { session } = await leftBehind({ containers: 1 });
  const engines = ['--docker-host', user.environment()['DOCKER_HOST'] ?? '', '--docker-host', 'unix:///nowhere/docker.sock'];
  const { exitCode, stdout, stderr } = await user.run('list', '--session', session, ...engines, '--format', '{{.Kind}}');
  expect({ exitCode, stdout }).toEqual({ exitCode: 69, stdout: 'container\n' });
  expect(stderr).toContain('unix:///nowhere/docker.sock');
});

test('shows foreign text as text, whatever it holds', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const { session, labelled } = newSession();
  server.add({ ...labelled, name: 'evil\u001b[2Jname\nsecond' });
  const { stdout } = await user.start(
    ['list', '--provider', 'daytona', '--session', session, '--format', '{{.Name}}'],
    server.env,
  ).ended;
  expect(stdout).toBe('evil\\u{1b}[2Jname second\n');
});

test('--watch shows it again until it is interrupted', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1 });
  const command = user.start(['list', '--session', session, '--format', '{{.State}}', '--watch']);
  await until('it shows the state', () => command.stdout.includes('running\n'));
  await containers[0]?.pause();
  await until('it shows the new one', () => command.stdout.includes('paused\n'));
  await containers[0]?.unpause();
  command.kill('SIGINT');
  expect((await command.ended).exitCode).toBe(0);
});

test('does not touch what it lists', async () => {
  const user = await User.create();
  const container = await startContainer(HONOURS_SIGTERM, newSession().labelled);
  try {
    await user.run('list');
    expect((await container.inspect()).State.Running).toBe(true);
  } finally {
    await container.remove({ force: true });
  }
});

test('an engine at a TCP address is looked for without a word about deprecated functions', async () => {
  const user = await User.create({ CLEANUP_RETRIES: '0' });
  const { exitCode, stderr } = await user.run('list', '--docker-host', 'tcp://127.0.0.1:1');
  expect(exitCode).toBe(69);
  expect(stderr).toContain('nothing listens there');
  expect(stderr).not.toMatch(/DEP\d+|DeprecationWarning/);
});
