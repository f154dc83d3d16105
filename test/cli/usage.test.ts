import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { User } from '../support/cli/cli';
import { commandLineBundle } from '../support/cli/command-line';

test.each([
  [['lst'], '(Did you mean list?)'],
  [['list', '--kidn', 'volume'], '(Did you mean --kind?)'],
  [['run', '--grace-perod', '5s', '--', 'true'], '(Did you mean --grace-period?)'],
])('%j is asked back', async (words, said) => {
  const user = await User.create();
  const { exitCode, stderr, stdout } = await user.run(...words);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 2, stdout: '', stderr: expect.stringContaining(said) });
});

test('names the option that can’t be read', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('sweep', '--stale', '--grace-period', '5 parsecs');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/^error: --grace-period: "5 parsecs" can’t be read; .*\n$/),
  });
});

test('names the variable that can’t be read', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.start(['sweep', '--stale'], { CLEANUP_RETRIES: 'many' }).ended;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/^error: CLEANUP_RETRIES: "many" can’t be read; .*\n$/),
  });
});

test.each([['--daytona-api-key', 'dtn_secret'], ['--daytona-api-key=dtn_secret']])(
  'takes no secret as an option, and repeats none: %s',
  async (...words) => {
    const user = await User.create();
    const { exitCode, stdout, stderr } = await user.run('list', ...words);
    expect(`${stdout}${stderr}`).not.toContain('dtn_secret');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('DAYTONA_API_KEY') });
  },
);

test('--quiet and --verbose can’t be had together', async () => {
  const user = await User.create();
  expect((await user.run('list', '--quiet', '--verbose')).exitCode).toBe(2);
});

test('--version tells the package’s', async () => {
  const user = await User.create();
  const { version }: { readonly version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(await user.run('--version')).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
});

test.each(['run', 'list', 'sweep', 'report', 'install-service', 'uninstall-service', 'completion'])(
  '%s --help teaches by examples',
  async (command) => {
    const user = await User.create();
    const { exitCode, stdout } = await user.run(command, '--help');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(new RegExp(`Examples:\\n.*cleanup-action ${command}`)),
    });
  },
);

test('without any command it says what there is, and ends with 2', async () => {
  const user = await User.create();
  expect(await user.run()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Commands:') });
});

test('shows colours on no pipe', async () => {
  const user = await User.create();
  const { stderr } = await user.run('sweep');
  expect(stderr).not.toContain('\u001b');
});

test('FORCE_COLOR shows them all the same, and NO_COLOR does not', async () => {
  const user = await User.create();
  const shown = async (env: Readonly<Record<string, string>>) => (await user.start(['run', '--', 'true'], env).ended).stderr;
  expect(await shown({ FORCE_COLOR: '1' })).toContain('\u001b[');
  expect(await shown({ FORCE_COLOR: '1', NO_COLOR: '1' })).not.toContain('\u001b[');
});

const oldNode = spawnSync('/usr/bin/node', ['--version'], { encoding: 'utf8' });
const isOld = oldNode.status === 0 && Number.parseInt(oldNode.stdout.slice(1), 10) < 24;

test.skipIf(!isOld)('says in one line that Node is too old', () => {
  const { status, stderr } = spawnSync('/usr/bin/node', [commandLineBundle, 'list'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/^error: cleanup-action needs Node 24 or newer; this is .*\n$/),
  });
});
