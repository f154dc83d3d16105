import { chown, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stateDirectory } from '../../../src/session/state-directory';

let directory: string;
let warnings: string[];

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'cleanup-state-')));
  warnings = [];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function found(name: string): Promise<string | undefined> {
  return stateDirectory({ CLEANUP_STATE_DIRECTORY: join(directory, name) }, (line) => warnings.push(line));
}

it('makes the directory that was named, for this user alone', async () => {
  expect(await found('a/b')).toBe(join(directory, 'a/b'));
  expect((await stat(join(directory, 'a/b'))).mode & 0o777).toBe(0o700);
  expect(warnings).toEqual([]);
});

it('follows a link of the user’s own to a directory of the user’s own', async () => {
  await mkdir(join(directory, 'real'));
  await symlink('real', join(directory, 'link'));
  expect(await found('link')).toBe(join(directory, 'link'));
});

describe('never trusts', () => {
  async function expectUnused(name: string): Promise<void> {
    expect(await found(name)).not.toBe(join(directory, name));
    expect(warnings).toEqual([expect.stringMatching(/^CLEANUP_STATE_DIRECTORY is not used: /)]);
  }

  it('a file', async () => {
    await writeFile(join(directory, 'file'), '');
    await expectUnused('file');
  });

  it('what is below a file', async () => {
    await writeFile(join(directory, 'file'), '');
    await expectUnused('file/below');
  });

  it('a link that leads nowhere', async () => {
    await symlink('nowhere', join(directory, 'link'));
    await expectUnused('link');
  });

  it.skipIf(process.getuid?.() !== 0)('another user’s directory', async () => {
    await mkdir(join(directory, 'theirs'));
    await chown(join(directory, 'theirs'), 4711, 4711);
    await expectUnused('theirs');
  });

  it.skipIf(process.getuid?.() !== 0)('a link to another user’s directory', async () => {
    await mkdir(join(directory, 'theirs'));
    await chown(join(directory, 'theirs'), 4711, 4711);
    await symlink('theirs', join(directory, 'link'));
    await expectUnused('link');
  });
});
