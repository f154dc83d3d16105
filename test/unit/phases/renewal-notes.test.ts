import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginRenewal, endRenewal, noteWarning, RenewalNotes, renewalNotesFile } from '../../../src/phases/renewal-notes';
import { until } from '../../support/until';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'renewal-'));
  file = renewalNotesFile(directory);
  await beginRenewal(file);
});
afterEach(() => rm(directory, { recursive: true }));

describe('notes of what was given time', () => {
  it('are known to the process that takes over', () => {
    const notes = new RenewalNotes(file);
    for (const id of ['one', 'two', 'one', 'three']) notes.add(id);
    notes.delete('two');
    const later = new RenewalNotes(file);
    expect(['one', 'two', 'three', 'four'].map((id) => later.has(id))).toEqual([true, false, true, false]);
    later.add('two');
    expect(new RenewalNotes(file).has('two')).toBe(true);
  });

  it('outlast a line that a full disk has cut off', async () => {
    await appendFile(file, '\n+on');
    new RenewalNotes(file).add('two');
    expect(['on', 'one', 'two'].map((id) => new RenewalNotes(file).has(id))).toEqual([true, false, true]);
  });

  it('refuse all when post has taken them away, and are not made anew', async () => {
    const notes = new RenewalNotes(file);
    notes.add('one');
    await endRenewal(directory);
    for (const id of ['one', 'two']) expect(() => notes.add(id)).toThrow('ENOENT');
    expect(() => notes.delete('one')).toThrow('ENOENT');
    expect(existsSync(file)).toBe(false);
  });
});

describe('the end of the renewals', () => {
  it('tells what went wrong, each once', async () => {
    for (const line of ['no TTL', 'no TTL', 'no key']) noteWarning(file, line);
    await until('all are noted', async () => (await endRenewal(directory)).length === 2);
    expect([...(await endRenewal(directory))].sort()).toEqual(['no TTL', 'no key'].sort());
  });

  it('never throws, and tells nothing where nothing was renewed', async () => {
    expect(await endRenewal(join(directory, 'nowhere'))).toEqual([]);
  });
});
