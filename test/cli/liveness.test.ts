import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { type Command, User } from '../support/cli/cli';
import { startDaytona } from '../support/cli/daytona';
import { leftBehind } from '../support/cli/leftovers';
import { HONOURS_SIGTERM } from '../support/engine/container-habits';
import { startContainer, stateOf } from '../support/engine/containers';
import { GithubServer } from '../support/github/server';
import { until } from '../support/until';

/** A run in progress. Its own session, and a container of it. */
async function running(user: User): Promise<{
  readonly command: Command;
  readonly session: string;
  readonly container: Awaited<ReturnType<typeof startContainer>>;
}> {
  const command = user.start([
    'run',
    '--watchdog',
    'false',
    '--',
    'bash',
    '-c',
    'echo "$CLEANUP_SESSION_ID" > session; exec sleep 1000',
  ]);
  const read = () => readFile(user.path('session'), 'utf8').catch(() => '');
  await until('the command runs', async () => (await read()).includes('\n'));
  const session = (await read()).trim();
  const container = await startContainer(HONOURS_SIGTERM, { labels: { [labels.session]: session, 'made-by': session } });
  onTestFinished(() => container.remove({ force: true }).catch(() => undefined));
  return { command, session, container };
}

/** What `list --json` tells of a session. */
async function listed(user: User, session: string): Promise<unknown> {
  const { stdout } = await user.run('list', '--session', session, '--json', '--provider', 'docker');
  return JSON.parse(stdout).map(({ live, evidence }: { readonly live: boolean; readonly evidence: string | null }) => ({
    live,
    evidence,
  }));
}

test('a run in progress is live for all users of the host, and is over when it is killed', async () => {
  const user = await User.create();
  const other = await User.create();
  const { command, session, container } = await running(user);
  expect([await listed(user, session), await listed(other, session)]).toEqual(Array(2).fill([{ live: true, evidence: null }]));
  const bystander = await leftBehind({ containers: 1 });

  await other.run('sweep', '--label', `made-by=${session}`, '--max-age', '1ms');
  await user.run('sweep', '--stale', '--max-age', '1h');
  expect(await stateOf(container)).toBe('running');

  const exited = command.ended;
  command.kill('SIGKILL');
  command.hangUp();
  await exited;
  expect(await listed(user, session)).toEqual([{ live: false, evidence: 'lease' }]);

  const { exitCode, stdout } = await user.run('sweep', '--stale', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).phases.post.resources).toContainEqual(expect.objectContaining({ session, evidence: 'lease' }));
  expect(await stateOf(container)).toBe('gone');
  expect(await Promise.all(bystander.containers.map(stateOf))).toEqual(['running']);
});

test('with a token, what runs of GitHub’s left that are over is stale, and what is in progress stays', async () => {
  const github = await GithubServer.start();
  onTestFinished(() => github.close());
  github.has('octo/benchmarks', 1, 1, 'completed');
  github.has('octo/benchmarks', 2, 1, 'in_progress');
  const daytona = await startDaytona();
  const sandboxOf = (run: number) =>
    daytona.add({
      name: `of-run-${run}`,
      labels: {
        [labels.session]: `gh-${run}-1.0badcafe.aaaaaaaa`,
        [labels.repository]: 'octo/benchmarks',
        [labels.runUrl]: `https://github.com/octo/benchmarks/actions/runs/${run}/attempts/1`,
      },
    });
  const [over, live, unknown] = [sandboxOf(1), sandboxOf(2), sandboxOf(3)];
  const user = await User.create({ ...daytona.env, ...github.variables(), CLEANUP_GITHUB_TOKEN: github.token });

  const list = await user.run('list', '--provider', 'daytona', '--format', '{{.Name}} {{.Live}} {{.Evidence}}');
  expect(
    list.stdout
      .trim()
      .split('\n')
      .map((line) => line.trim())
      .toSorted(),
  ).toEqual(['of-run-1 false ci', 'of-run-2 true', 'of-run-3 false']);

  const { exitCode, stderr } = await user.run('sweep', '--stale', '--provider', 'daytona', '--verbose');
  expect(exitCode).toBe(0);
  expect(stderr).toContain('its run is over');
  expect(stderr).not.toContain(github.token);
  expect([over, live, unknown].map(daytona.stateOf)).toEqual(['gone', 'started', 'started']);

  await user.run('sweep', '--label', `${labels.repository}=octo/benchmarks`, '--provider', 'daytona');
  expect([live, unknown].map(daytona.stateOf)).toEqual(['started', 'gone']);
});

test('the token is taken from the environment only', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('list', '--github-token', 'ghs_a-secret-one');
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('set CLEANUP_GITHUB_TOKEN') });
  expect(stderr).not.toContain('ghs_a-secret-one');
});
