import { expect, it, test } from 'vitest';
import { ImageNames, isNamedBy } from '../../../src/core/image-names';
import type { Resource } from '../../../src/core/resource';

const image = (id: string, tags: readonly string[], digests: readonly string[] = []): Resource => ({
  ...{ provider: 'docker', kind: 'image', id, name: tags[0] ?? digests[0] ?? id, state: 'present', running: false, labels: {} },
  tags,
  digests,
});

const ID = `sha256:${'a1'.repeat(32)}`;
const python = image(ID, ['python:3.12', 'ghcr.io/team/base:1'], ['python@sha256:dead']);
const podmans = image('b', ['docker.io/library/python:3.12', 'localhost/tool:1']);

test.each([
  ['python:3.12', true],
  ['python', true],
  ['python:*', true],
  ['pyth*', true],
  ['docker.io/library/python:3.12', true],
  ['ghcr.io/team/*', true],
  ['python@sha256:dead', true],
  ['python:3.12@sha256:dead', true],
  ['docker.io/library/python:3.12@sha256:dead', true],
  ['index.docker.io/library/python:3.12', true],
  ['python:3.12@sha256:beef', false],
  [ID, true],
  ['a1'.repeat(32), true],
  ['python:3', false],
  ['ython', false],
  ['team/*', false],
])('%s spares it: %s', (glob, expected) => {
  expect(isNamedBy([glob], python)).toBe(expected);
});

test.each(['python', 'python:3.12', 'docker.io/library/python', 'tool:*', 'localhost/tool'])('on Podman, so does %s', (glob) => {
  expect(isNamedBy(['nothing', glob], podmans)).toBe(true);
});

it('images are found by what people write', () => {
  const latest = image('c', ['busybox:latest']);
  const names = new ImageNames([python, podmans, latest]);
  const found = [
    'python:3.12',
    'python@sha256:dead',
    ID,
    'a1'.repeat(6),
    'a1'.repeat(2),
    'python:3.12@sha256:dead',
    'docker.io/library/python:3.12@sha256:dead',
    'index.docker.io/library/python',
    'tool:1',
    'busybox',
    'docker.io/busybox',
    'no/such',
    'a2',
  ].map((name) => names.idOf(name));
  expect(found).toEqual([ID, ID, ID, ID, ID, ID, ID, undefined, 'b', 'c', 'c', undefined, undefined]);
});
