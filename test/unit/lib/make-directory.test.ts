import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory } from '../../../src/lib/make-directory';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'make-directory-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe('a directory', () => {
  it('is made with those that it is in', async () => {
    await makeDirectory(join(base, 'a/b/c'));
    expect((await stat(join(base, 'a/b/c'))).isDirectory()).toBe(true);
  });

  it('may be there, and be made by two at a time', async () => {
    await Promise.all([makeDirectory(join(base, 'a/b')), makeDirectory(join(base, 'a/b')), makeDirectory(base)]);
    expect((await stat(join(base, 'a/b'))).isDirectory()).toBe(true);
  });

  it('can’t be made below a file', async () => {
    await writeFile(join(base, 'file'), '');
    await expect(makeDirectory(join(base, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('can’t be made where the system has none, and that is said at once', async () => {
    await expect(makeDirectory('/proc/no/such/directory')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
