import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { User } from '../support/cli/cli';

/** A user with a report of a run that removed nothing. */
async function withReport(): Promise<User> {
  const user = await User.create();
  await user.run('run', '--session', 'build-7', '--report-path', user.path('report.json'), '--', 'sh', '-c', 'exit 7');
  return user;
}

test('shows a report for people', async () => {
  const user = await withReport();
  const { exitCode, stdout } = await user.run('report', user.path('report.json'));
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^Session build-7, [\s\S]*exited with code 7/),
  });
});

test('shows one that comes through a pipe', async () => {
  const user = await withReport();
  const { stdout } = await user.bash(`cleanup-action report - < ${user.path('report.json')}`);
  expect(stdout).toContain('Session build-7');
});

test('--markdown prints the job summary', async () => {
  const user = await withReport();
  const { stdout } = await user.run('report', '--markdown', user.path('report.json'));
  expect(stdout).toContain('<h3>');
});

test.each([
  ['no JSON', 'hello', 'is not a report: it is not JSON'],
  ['JSON of something else', '{"name":"x"}', 'is not a report: it has no schemaVersion'],
  ['a version to come', '{"schemaVersion":2}', 'has schemaVersion 2; this version reads 1'],
  ['half of one', '{"schemaVersion":1,"phases":{},"deaths":[{}]}', 'is not what schemas/report.schema.json describes'],
])('says in one line that a file is %s', async (_, content, said) => {
  const user = await User.create();
  await writeFile(user.path('file'), content);
  const { exitCode, stdout, stderr } = await user.run('report', user.path('file'));
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 2, stdout: '', stderr: `error: ${user.path('file')} ${said}\n` });
});

test('says in one line that there is no such file', async () => {
  const user = await User.create();
  const { exitCode, stderr } = await user.run('report', '/nowhere/report.json');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/^error: \/nowhere\/report\.json can’t be read: .*\n$/),
  });
});
