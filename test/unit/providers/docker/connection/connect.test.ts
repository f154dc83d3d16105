import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../../src/lib/clock';
import { Deadline } from '../../../../../src/lib/deadline';
import { connect, engineIdIn, NoEngine } from '../../../../../src/providers/docker/connection/connect';
import type { Endpoint } from '../../../../../src/providers/docker/connection/endpoint';

let directory: string;
const deadline = new Deadline(systemClock, 60_000);
const socket = (name: string): Endpoint => ({ url: `unix://${join(directory, name)}`, from: name });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-connect-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('where no engine answers, one line says', () => {
  const whyNot = async (...candidates: readonly Endpoint[]) => {
    const failure: unknown = await connect(candidates, deadline, systemClock).catch((error: unknown) => error);
    return failure instanceof NoEngine ? failure.message.replaceAll(directory, '') : failure;
  };

  it('that nothing is at the one place', async () => {
    expect(await whyNot(socket('a'))).toBe('no Docker engine at unix:///a (a): nothing is there');
  });

  it('that nothing is at any of several, without naming them all', async () => {
    expect(await whyNot(socket('a'), socket('b'), socket('c'))).toBe(
      'no Docker engine at unix:///a and 2 more: nothing is there',
    );
  });

  it('what is odd among several', async () => {
    await writeFile(join(directory, 'b'), 'not a socket');
    expect(await whyNot(socket('a'), socket('b'), socket('c'))).toBe(
      'no Docker engine at unix:///b (b): nothing listens there; unix:///a and 1 more: nothing is there',
    );
  });

  it('which certificate is missing', async () => {
    const missing = { url: 'tcp://127.0.0.1:1', from: 'a test', ca: join(directory, 'ca.pem') };
    expect(await whyNot(missing)).toMatch(
      /^no Docker engine at tcp:\/\/127.0.0.1:1 \(a test\): ENOENT: no such file or directory, open '\/ca.pem'$/,
    );
  });
});

describe('an engine’s id', () => {
  const info = { ID: 'ABCD', Name: 'host', DockerRootDir: '/var/lib/docker' };

  it('tells two engines of one machine apart, which may have the same id', () => {
    expect(engineIdIn(info)).not.toBe(engineIdIn({ ...info, DockerRootDir: '/data/docker' }));
  });

  it.each(['ID', 'Name', 'DockerRootDir'])('is unknown without %s', (field) => {
    expect(engineIdIn({ ...info, [field]: undefined })).toBeUndefined();
  });
});
