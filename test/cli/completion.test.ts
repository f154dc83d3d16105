import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { User } from '../support/cli/cli';
import { commandLineBundle } from '../support/cli/command-line';

/** What bash would offer at the end of the line, once the script has been read. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const user = await User.create();
  const line = ['cleanup-action', ...words].map((word) => `'${word}'`).join(' ');
  const { stdout, stderr } = await user.bash(
    `source <(cleanup-action completion bash); COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _cleanup_action; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash offers the commands', async () => {
  expect(await offered('')).toEqual(['run', 'list', 'sweep', 'report', 'install-service', 'uninstall-service', 'completion']);
});

test('bash offers the options that begin so', async () => {
  expect(await offered('run', '--grace')).toEqual(['--grace-period']);
});

test('bash offers the values of an option', async () => {
  expect(await offered('sweep', '--provider', '')).toEqual(['docker', 'daytona', 'kubernetes']);
});

test('bash offers the values of an option after =, which it takes for a word', async () => {
  expect(await offered('list', '--sort', '=', 's')).toEqual(['size', 'state', 'session']);
});

test('bash offers what a setting takes', async () => {
  expect(await offered('run', '--pre-cleanup', 'st')).toEqual(['stale', 'stopped']);
});

test('bash offers no option of ours to the benchmark', async () => {
  expect(await offered('run', '--', 'ls', '--')).toEqual([]);
});

test('bash is given no way to a secret', async () => {
  expect(await offered('run', '--daytona-api')).toEqual(['--daytona-api-url']);
});

test('bash evaluates nothing of what is being typed', async () => {
  const user = await User.create();
  const file = user.path('made');
  await user.bash(
    `source <(cleanup-action completion bash); COMP_WORDS=(cleanup-action list '$(touch ${file})' ''); COMP_CWORD=3; _cleanup_action`,
  );
  expect((await user.bash(`ls ${file}`)).exitCode).not.toBe(0);
});

test('bash reads the script twice without a word', async () => {
  const user = await User.create();
  const { stderr, exitCode } = await user.bash(
    'source <(cleanup-action completion bash); source <(cleanup-action completion bash)',
  );
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
});

test('bash offers files where a report is to be named', async () => {
  const user = await User.create();
  const { stdout } = await user.bash('cleanup-action complete -- report ""');
  expect(stdout).toBe(':0\n');
});

test('fish offers the same, with what it means', async () => {
  const user = await User.create();
  await writeFile(user.path('script'), (await user.run('completion', 'fish')).stdout);
  const lines = [
    `function cleanup-action; '${process.execPath}' '${commandLineBundle}' $argv; end`,
    `source '${user.path('script')}'`,
    "complete -C 'cleanup-action sw'",
  ];
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '--command', lines.join('\n')], {
    env: user.environment(),
    encoding: 'utf8',
  });
  expect({ stdout, stderr }).toEqual({ stdout: 'sweep\tRemove the resources that filters select\n', stderr: '' });
});

test('zsh can read its script', async () => {
  const user = await User.create();
  await writeFile(user.path('script'), (await user.run('completion', 'zsh')).stdout);
  expect(spawnSync('zsh', ['-n', user.path('script')], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test('another shell is a usage error that names those there are', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('completion', 'tcsh');
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('bash, zsh, fish') });
});
