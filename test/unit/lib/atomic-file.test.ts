import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWhole } from '../../../src/lib/atomic-file';

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
