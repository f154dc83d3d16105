import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bindNotes, imageNotes, notesIn, readBindNotes } from '../../../src/proxy/notes';
import { until } from '../../support/until';

const owner = 'io.github.cleanup-action.session';

test('notes each directory once that a container of the session may write to', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-binds-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const note = bindNotes(notesIn(directory).binds, { owner, labels: { [owner]: 'S' } });

  note('/containers/create', {
    HostConfig: {
      Binds: ['/a:/w', '/b b:/w:rw,z', '/read-only:/w:z,ro', 'volume:/w', '/a:/x'],
      Mounts: [
        { Type: 'bind', Source: '/line\nbreak', Target: '/w' },
        { Type: 'bind', Source: '/read-only', Target: '/w', ReadOnly: true },
        { Type: 'volume', Source: 'volume', Target: '/w' },
      ],
    },
  });
  note('/containers/create', { Labels: { [owner]: 'another' }, HostConfig: { Binds: ['/others:/w'] } });
  note('/networks/create', { HostConfig: { Binds: ['/network:/w'] } });
  for (const odd of [null, 'text', [], { HostConfig: null }, { HostConfig: { Binds: {}, Mounts: 7 } }]) {
    note('/containers/create', odd);
  }
  await until('it is noted', async () => (await readFile(notesIn(directory).binds, 'utf8').catch(() => '')).endsWith('\n'));
  note('/libpod/containers/create', {
    labels: { [owner]: 'S' },
    mounts: [
      { type: 'bind', source: '/podman', destination: '/w', options: ['rbind'] },
      { type: 'bind', source: '/read-only', destination: '/w', options: ['ro'] },
    ],
  });
  await until('it is noted', async () => (await readBindNotes(directory)).includes('/podman'));

  expect(await readBindNotes(directory)).toEqual(['/a', '/b b', '/line\nbreak', '/podman']);
});

test('reads nothing where nothing was noted, and leaves out what is broken', async () => {
  expect(await readBindNotes('/nowhere')).toEqual([]);
});

test('each image is noted once, and nothing that is no name', async () => {
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

test('a file that can’t be written is no fault', () => {
  expect(() => imageNotes('/no/such/directory/images.txt')('a')).not.toThrow();
});
