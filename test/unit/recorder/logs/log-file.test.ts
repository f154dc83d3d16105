import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../../src/lib/byte-budget';
import { LogFile } from '../../../../src/recorder/logs/log-file';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-log-file-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** What is in a log of so many bytes after all that is written. */
async function kept(limit: number, texts: readonly string[], space = new ByteBudget(1_000_000)): Promise<string> {
  const file = new LogFile(join(directory, 'a.log'), limit, space);
  for (const text of texts) await file.append(Buffer.from(text));
  await file.close();
  return readFile(file.path, 'utf8');
}

const MARK = /^\[cleanup-action: .*\]\n/;

describe('a log file', () => {
  it('that is short is what was written', async () => {
    expect(await kept(100, ['one\n', 'two\n'])).toBe('one\ntwo\n');
  });

  it('that is exactly as long as it may be is whole', async () => {
    expect(await kept(8, ['one\n', 'two\n'])).toBe('one\ntwo\n');
  });

  it('that is too long is its end, after a line that says so', async () => {
    const text = await kept(12, ['one\n', 'two\n', 'three\n', 'four\n']);
    expect(text).toMatch(MARK);
    expect(text.replace(MARK, '')).toBe('three\nfour\n');
  });

  it('keeps the last whole lines that fit, however they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { minLength: 1 }), { minLength: 1, maxLength: 12 }),
        async (limit, chunks) => {
          const texts = chunks.map((lines) => lines.map((line) => `${line}\n`).join(''));
          const all = texts.join('');
          const text = await kept(limit, texts);
          if (all.length <= limit) return text === all;
          const last = all.slice(-limit);
          return MARK.test(text) && text.replace(MARK, '') === last.slice(last.indexOf('\n') + 1);
        },
      ),
    );
  });

  it('of which nothing was written is not there', async () => {
    const file = new LogFile(join(directory, 'a.log'), 100, new ByteBudget(100));
    await file.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('that nobody wants is not there, and its room is free', async () => {
    const space = new ByteBudget(100);
    const file = new LogFile(join(directory, 'a.log'), 100, space);
    await file.append(Buffer.alloc(60));
    await file.discard();
    expect(await readdir(directory)).toEqual([]);
    expect(space.take(100)).toBe(100);
  });

  it('takes the place of an earlier one, and its room', async () => {
    const space = new ByteBudget(100);
    await kept(100, ['x'.repeat(59)], space);
    await kept(100, ['y'.repeat(41)], space);
    expect(await readdir(directory)).toEqual(['a.log']);
    expect(space.take(100)).toBe(59);
  });
});

describe('the room for all', () => {
  it('that is used up lets a log keep its end in what it has', async () => {
    const text = await kept(1_000, ['one\n', 'two\n', 'three\n'], new ByteBudget(8));
    expect(text).toMatch(/^\[.* logs-limit is 8 bytes\]\n/);
    expect(text.replace(MARK, '')).toBe('three\n'.slice(-8));
  });

  it('of which nothing is left makes no file', async () => {
    const file = new LogFile(join(directory, 'a.log'), 1_000, new ByteBudget(100, 200));
    await file.append(Buffer.from('one\n'));
    await file.close();
    expect(file.cut).toBe('logs-limit');
    expect(await readdir(directory)).toEqual([]);
  });
});
