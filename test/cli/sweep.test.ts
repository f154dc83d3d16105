import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { User } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { leftBehind } from '../support/cli/leftovers';
import { HEEDS_NO_SIGTERM } from '../support/engine/container-habits';
import { docker, HONOURS_SIGTERM, removeContainer, startContainer, stateOf } from '../support/engine/containers';
import { loadImage } from '../support/engine/image';
import { newSession } from '../support/engine/sweeping';
import { validReport } from '../support/report/report-schema';
import { until } from '../support/until';

test('removes a session’s resources, and says so', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 2 });
  const { exitCode, stdout } = await user.run('sweep', '--session', session);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('Everything is gone: 2 containers') });
  expect(await Promise.all(containers.map(stateOf))).toEqual(['gone', 'gone']);
});

test('leaves alone what filters do not select', async () => {
  const user = await User.create();
  const [one, other] = await Promise.all([leftBehind({ containers: 1 }), leftBehind({ containers: 1 })]);
  await user.run('sweep', '--session', one.session);
  expect(await Promise.all(other.containers.map(stateOf))).toEqual(['running']);
});

test.each([
  ['nothing', []],
  ['a provider alone', ['--provider', 'docker']],
  ['a kind alone', ['--kind', 'container']],
])('refuses %s, and teaches what to say', async (_, words) => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('sweep', ...words);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/^error: sweep needs a filter: .*--stale.*\n$/),
  });
});

test('takes no empty filter for any', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('sweep', '--session', '');
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'error: --session is empty, which could match everything\n' });
});

test.each(['--all', '--older-than 0', '--older-than 500ms', '--status started', '--status started --older-than 0s'])(
  'refuses %s, which selects the resources of all sessions, without a terminal to ask on',
  async (filters) => {
    const user = await User.create();
    const server = await startDaytona();
    const sandbox = server.add(newSession().labelled);
    const words = ['sweep', ...filters.split(' '), '--provider', 'daytona'];
    const { exitCode, stderr } = await user.start(words, server.env).ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    expect(server.stateOf(sandbox)).toBe('started');
  },
);

test('--older-than 1h asks no question: it is what cron jobs say', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const old = server.add({ ...newSession().labelled, createdAt: Date.now() - 7_200_000 });
  const young = server.add(newSession().labelled);
  const words = ['sweep', '--older-than', '1h', '--provider', 'daytona'];
  const { exitCode, stderr } = await user.start(words, server.env).ended;
  expect(exitCode, stderr).toBe(0);
  expect([old, young].map(server.stateOf)).toEqual(['gone', 'started']);
});

test('--all --yes removes everything with this action’s label, and nothing else', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const [own, foreign] = [server.add(newSession().labelled), server.add({ labels: { team: 'other' } })];
  const { exitCode, stderr } = await user.start(['sweep', '--all', '--yes', '--provider', 'daytona'], server.env).ended;
  expect(exitCode, stderr).toBe(0);
  expect([own, foreign].map(server.stateOf)).toEqual(['gone', 'started']);
});

/** With a terminal of its own: `script` makes one. */
async function onTerminal(
  user: User,
  line: string,
  answer: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const assignments = Object.entries(env).map(([name, value]) => `export ${name}='${value}'; `);
  const { stdout } = await user.bash(
    `${assignments.join('')}export -f cleanup-action; printf '${answer}\\n' | SHELL=bash script -qec '${line}; echo "ended with $?"' /dev/null`,
  );
  return stdout;
}

test('--all on a terminal shows what it is about, and asks', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const sandbox = server.add({ ...newSession().labelled, name: 'precious' });
  const shown = await onTerminal(user, 'cleanup-action sweep --all --provider daytona', 'n', server.env);
  expect(shown).toMatch(/precious[\s\S]*1 sandbox[\s\S]*Remove all of it\? \[y\/N\]/);
  expect(server.stateOf(sandbox)).toBe('started');
});

test('--status alone on a terminal asks as well, and does not show what it spares', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const session = `spared-${randomUUID()}`;
  const run = user.start(['run', '--docker', 'false', '--session', session, '--', 'sh', '-c', 'echo begun; exec sleep 3600']);
  await until('it runs', () => run.stdout.includes('begun'));
  server.add({ labels: { [labels.session]: session }, name: 'spared' });
  server.add({ ...newSession().labelled, name: 'precious' });
  const shown = await onTerminal(user, 'cleanup-action sweep --status started --provider daytona', 'n', server.env);
  expect(shown).toMatch(/precious[\s\S]*1 sandbox[\s\S]*Remove all of it\? \[y\/N\]/);
  expect(shown).not.toContain('spared');
  run.kill('SIGTERM');
  await run.ended;
});

test('--all on a terminal removes it after a yes', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const sandbox = server.add(newSession().labelled);
  const shown = await onTerminal(user, 'cleanup-action sweep --all --provider daytona', 'yes', server.env);
  expect(shown).toContain('ended with 0');
  expect(server.stateOf(sandbox)).toBe('gone');
});

test('--dry-run says what would go, and removes nothing', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1 });
  const { exitCode, stdout } = await user.run('sweep', '--session', session, '--dry-run');
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('Dry run: 1 container would be removed') });
  expect(await Promise.all(containers.map(stateOf))).toEqual(['running']);
});

test('never removes what is to be kept', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1, labels: { [labels.keep]: 'true' } });
  await user.run('sweep', '--session', session);
  expect(await Promise.all(containers.map(stateOf))).toEqual(['running']);
});

test('--quiet says nothing when there was nothing to do', async () => {
  const user = await User.create();
  expect(await user.run('sweep', '--session', 'nobodys', '--quiet')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
});

test('--quiet tells what was done', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 1 });
  expect((await user.run('sweep', '--session', session, '--quiet')).stdout).toContain('Everything is gone: 1 container');
});

test('ends with 1 when something is left', async () => {
  const user = await User.create();
  const { session } = newSession();
  const network = await docker.createNetwork({ Name: `cleanup-${session}`, Labels: { [labels.session]: session } });
  const container = await docker.createContainer({
    Image: (await docker.listImages({}))[0]?.Id ?? '',
    Cmd: HONOURS_SIGTERM,
    HostConfig: { NetworkMode: `cleanup-${session}` },
  });
  onTestFinished(async () => {
    await container.remove({ force: true });
    await network.remove();
  });
  await container.start();
  const { exitCode, stdout } = await user.run('sweep', '--session', session, '--retries', '0');
  expect({ exitCode, stdout }).toEqual({
    exitCode: 1,
    stdout: expect.stringContaining('1 network is left behind: action needed'),
  });
});

test('ends with 69 where a provider that was named can’t be reached', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('sweep', '--stale', '--provider', 'daytona');
  expect({ exitCode, stderr }).toEqual({ exitCode: 69, stderr: expect.stringContaining('DAYTONA_API_KEY') });
});

test('--json prints a report that its schema describes', async () => {
  const user = await User.create();
  const { session } = await leftBehind({ containers: 1 });
  const { stdout } = await user.run('sweep', '--session', session, '--json', '--grace-period', '10s');
  expect((await validReport(stdout)).phases.post?.totals).toMatchObject({ graceful: 1 });
});

test('--metrics-path and --report-path are written, also when there was nothing to do', async () => {
  const user = await User.create();
  await user.run('sweep', '--stale', '--quiet', '--metrics-path', user.path('m.prom'), '--report-path', user.path('r.json'));
  expect(await readFile(user.path('m.prom'), 'utf8')).toContain('cleanup_action_verified{phase="post"');
  await validReport(await readFile(user.path('r.json'), 'utf8'));
});

test('--stale removes what is older than --max-age, whosever it is', async () => {
  const user = await User.create();
  const server = await startDaytona();
  const old = server.add({ labels: { [labels.session]: 'gitlab-1' }, createdAt: Date.now() - 7_200_000 });
  const young = server.add({ labels: { [labels.session]: 'gitlab-2' } });
  await user.start(['sweep', '--stale', '--max-age', '1h', '--provider', 'daytona'], server.env).ended;
  expect([old, young].map(server.stateOf)).toEqual(['gone', 'started']);
});

/** A sweep that waits for a container as long as that does not end. */
const FOREVER = ['--grace-period', '1h', '--stop-timeout', '2h', '--deadline', '3h', '--verbose'];

test('waits for another sweep to end', async () => {
  const user = await User.create();
  const slow = await leftBehind({ containers: 1, command: HEEDS_NO_SIGTERM });
  const other = await leftBehind({ containers: 1 });
  const first = user.start(['sweep', '--session', slow.session, ...FOREVER]);
  await until('the first one has the lock', () => first.stderr.includes('docker: ready'));
  const second = user.start(['sweep', '--session', other.session]);
  await until('the second one waits', () => second.stderr.includes(`process ${first.process.pid}`));
  expect(await Promise.all(other.containers.map(stateOf))).toEqual(['running']);
  await Promise.all(slow.containers.map((container) => container.kill()));
  expect((await first.ended).exitCode).toBe(0);
  expect((await second.ended).exitCode).toBe(0);
  expect(await Promise.all(other.containers.map(stateOf))).toEqual(['gone']);
});

test('--no-wait leaves it to the other sweep, and ends with 0', async () => {
  const user = await User.create();
  const slow = await leftBehind({ containers: 1, command: HEEDS_NO_SIGTERM });
  const first = user.start(['sweep', '--session', slow.session, ...FOREVER]);
  await until('the first one has the lock', () => first.stderr.includes('docker: ready'));
  const { exitCode, stderr } = await user.run('sweep', '--stale', '--no-wait');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining(`process ${first.process.pid}`) });
});

test('takes the lock of a sweep that was killed', async () => {
  const user = await User.create();
  const slow = await leftBehind({ containers: 1, command: HEEDS_NO_SIGTERM });
  const first = user.start(['sweep', '--session', slow.session, ...FOREVER]);
  await until('the first one has the lock', () => first.stderr.includes('docker: ready'));
  first.kill('SIGKILL');
  await first.gone();
  const { exitCode, stderr } = await user.run('sweep', '--session', 'nobodys', '--quiet');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('that is interrupted finishes what it has begun, and ends with 130', async () => {
  const user = await User.create();
  const { session, containers } = await leftBehind({ containers: 1, command: HEEDS_NO_SIGTERM });
  const sweep = user.start(['sweep', '--session', session, '--grace-period', '20s', '--verbose']);
  await until('it sweeps', () => sweep.stderr.includes('docker: ready'));
  sweep.kill('SIGINT');
  expect((await sweep.ended).exitCode).toBe(130);
  expect(await Promise.all(containers.map(stateOf))).not.toContain('gone');
});

test.each([['--stale', '--max-age', '1ms'], ['--all', '--yes'], ['--session']])(
  'spares, counts and names what may have its session’s label from its image: %s',
  async (...words) => {
    const user = await User.create();
    const { session, labelled } = newSession();
    const name = `inherited-${randomUUID().slice(0, 8)}`;
    await loadImage(docker, { name: `${name}:1`, labels: labelled.labels });
    const production = await startContainer(HONOURS_SIGTERM, { name, create: { Image: `${name}:1` } });
    const leftover = await startContainer(HONOURS_SIGTERM, { name: `${name}-leftover`, ...labelled });
    onTestFinished(async () => {
      await Promise.all([production, leftover].map(removeContainer));
      await docker.getImage(`${name}:1`).remove({ force: true });
    });

    // Others' tests run on this engine: nothing else may be selected.
    const only = words[0] === '--session' ? [session] : ['--dry-run'];
    const { exitCode, stdout } = await user.run('sweep', ...words, ...only, '--json');

    expect(exitCode).toBe(0);
    expect(await stateOf(production)).toBe('running');
    const { post } = (await validReport(stdout)).phases;
    const spared = post?.spared?.find(({ why, names }) => why === 'inherited-label' && names.includes(name));
    expect(spared).toMatchObject({ kind: 'container', count: expect.any(Number) });
    const taken = post?.resources.filter((resource) => resource.name.startsWith(name)).map((resource) => resource.name);
    expect(taken).toEqual([`${name}-leftover`]);
  },
);
