import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { imageNotes } from '../../../src/proxy/image-notes';
import { until } from '../../support/until';

it('each image is noted once, and nothing that is no name', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-notes-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'images.txt');
  const note = imageNotes(file);
  for (const name of ['a:1', 'a:1', 'two\nlines', 'x'.repeat(501), 'b']) note(name);
  const noted = () =>
    readFile(file, 'utf8').then(
      (text) => text.trim().split('\n').toSorted(),
      () => [],
    );
  await until('both are noted', async () => (await noted()).length === 2);
  expect(await noted()).toEqual(['a:1', 'b']);
});

it('a file that can’t be written is no fault', () => {
  expect(() => imageNotes('/no/such/directory/images.txt')('a')).not.toThrow();
});
