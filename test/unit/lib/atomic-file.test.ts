import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWhole } from '../../../src/lib/atomic-file';
import { AS_TYPESCRIPT } from '../../support/job/entry';

const isRoot = process.getuid?.() === 0;

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atomic-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('a file that is written whole', () => {
  it('makes its directory, and leaves nothing beside it', async () => {
    await writeWhole(join(directory, 'a', 'b', 'report'), 'text');
    expect(await readFile(join(directory, 'a', 'b', 'report'), 'utf8')).toBe('text');
    expect(await readdir(join(directory, 'a', 'b'))).toEqual(['report']);
  });

  it('is never seen half written', async () => {
    const path = join(directory, 'report');
    const texts = ['a'.repeat(1_000_000), 'b'.repeat(1_000_000)] as const;
    await writeWhole(path, texts[0]);
    const seen = new Set<number>();
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 50; round += 1) await writeWhole(path, texts[round % 2 === 0 ? 1 : 0]);
      writing = false;
    })();
    while (writing) seen.add((await readFile(path, 'utf8')).length);
    await writer;
    expect([...seen]).toEqual([1_000_000]);
  });

  it('leaves nothing behind when it can’t be written', async () => {
    await mkdir(join(directory, 'report', 'full'), { recursive: true });
    await expect(writeWhole(join(directory, 'report'), 'text')).rejects.toThrow();
    expect(await readdir(directory)).toEqual(['report']);
  });
});

describe('what is not a regular file', () => {
  it('is written to, and stays what it is', async () => {
    // A device of the test's own: as root, a fault here would take /dev/null from the whole machine.
    const device = isRoot ? join(directory, 'null') : '/dev/null';
    if (isRoot) await promisify(execFile)('mknod', [device, 'c', '1', '3']);

    await writeWhole(device, 'text');

    expect((await lstat(device)).isCharacterDevice()).toBe(true);
    if (isRoot) expect(await readdir(directory)).toEqual(['null']);
  });

  it.runIf(isRoot)('fails as itself when it is full', async () => {
    const device = join(directory, 'full');
    await promisify(execFile)('mknod', [device, 'c', '1', '7']);

    await expect(writeWhole(device, 'text')).rejects.toThrow('ENOSPC');
  });

  it.runIf(isRoot)('is never overwritten when it is a disk', async () => {
    const device = join(directory, 'disk');
    await promisify(execFile)('mknod', [device, 'b', '7', '255']);

    await expect(writeWhole(device, 'text')).rejects.toThrow('block device');
    expect((await lstat(device)).isBlockDevice()).toBe(true);
  });

  it('gets all of a text that is longer than a pipe holds', async () => {
    const pipe = join(directory, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
    const read = textOf(reader.stdout);
    const parts = Array.from({ length: 50 }, (_, index) => String(index % 10).repeat(10_000));
    // Until the reader has opened it, writing to it fails at once.
    const write = (): Promise<void> => writeWhole(pipe, parts).catch((error) => (/ENXIO/.test(error.message) ? write() : error));

    await write();

    expect((await read) === parts.join('')).toBe(true);
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it('holds nothing up when it is a pipe that nothing reads', async () => {
    const pipe = join(directory, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);

    await expect(writeWhole(pipe, 'text')).rejects.toThrow('ENXIO');
  });
});

describe('standard output by its path', () => {
  const module = join(import.meta.dirname, '../../../src/lib/atomic-file.ts');
  const program = (path: string) =>
    `console.log('before'); import(${JSON.stringify(module)})
      .then(({ writeWhole }) => writeWhole(${JSON.stringify(path)}, ['told', ' once,']))
      .then(() => console.log('after'))`;
  const start = (path: string, stdout: 'pipe' | number) =>
    spawn(process.execPath, [...AS_TYPESCRIPT, '-e', program(path)], { stdio: ['ignore', stdout, 'inherit'] });

  it.each(['a link, as /dev/stdout is', '/dev/fd/1', '/proc/self/fd/1'])('(%s) is a file, and is added to', async (form) => {
    const output = join(directory, 'output');
    const link = join(directory, 'stdout');
    await symlink('/proc/self/fd/1', link);
    const file = openSync(output, 'w');
    const child = start(form.startsWith('/') ? form : link, file);
    await new Promise((resolve) => child.once('exit', resolve));
    closeSync(file);

    expect(await readFile(output, 'utf8')).toBe('before\ntold once,after\n');
    expect(await readlink(link)).toBe('/proc/self/fd/1');
    expect(await readdir(directory)).toEqual(['output', 'stdout']);
  });

  it('is a pipe or a socket', async () => {
    const { stdout } = start('/dev/fd/1', 'pipe');

    expect(stdout && (await textOf(stdout))).toBe('before\ntold once,after\n');
  });
});

describe('a symbolic link', () => {
  it.each(['a file', 'nothing', 'a directory'])('to %s is replaced, and its target is left alone', async (target) => {
    const other = join(directory, 'other');
    if (target === 'a file') await writeFile(other, 'not ours');
    if (target === 'a directory') await mkdir(other);
    await symlink(other, join(directory, 'report'));

    await writeWhole(join(directory, 'report'), 'text');

    expect((await lstat(join(directory, 'report'))).isFile()).toBe(true);
    expect(await readFile(join(directory, 'report'), 'utf8')).toBe('text');
    if (target === 'a file') expect(await readFile(other, 'utf8')).toBe('not ours');
    expect(await readdir(directory)).toEqual(target === 'nothing' ? ['report'] : ['other', 'report']);
  });

  it('to a device is replaced: it may be a disk', async () => {
    await symlink('/dev/null', join(directory, 'report'));

    await writeWhole(join(directory, 'report'), 'text');

    expect((await lstat(join(directory, 'report'))).isFile()).toBe(true);
  });
});
