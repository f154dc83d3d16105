import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Environment } from '../../../../../src/lib/environment';
import { namedEndpoint, wellKnownEndpoints } from '../../../../../src/providers/docker/connection/candidates';

/** Where an engine is looked for: where the user says, else where engines usually are. */
const endpointCandidates = (dockerHost: string | undefined, env: Environment, platform: NodeJS.Platform) => {
  const named = namedEndpoint(dockerHost, env);
  return named ? [named] : wellKnownEndpoints(env, platform);
};

/** `printf remote | sha256sum`, as docker names the context's directories. */
const REMOTE = createHash('sha256').update('remote').digest('hex');

let home: string;
const meta = () => join(home, '.docker/contexts/meta', REMOTE);
const tls = () => join(home, '.docker/contexts/tls', REMOTE, 'docker');
const find = (env: Record<string, string> = {}) => endpointCandidates(undefined, { HOME: home, ...env }, 'linux');

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'home-'));
  await mkdir(join(home, '.docker'));
});
afterEach(() => rm(home, { recursive: true }));

async function context(docker: object): Promise<void> {
  await mkdir(meta(), { recursive: true });
  await writeFile(join(meta(), 'meta.json'), JSON.stringify({ Name: 'remote', Metadata: {}, Endpoints: { docker } }));
}

async function use(config: object): Promise<void> {
  await writeFile(join(home, '.docker/config.json'), JSON.stringify(config));
}

describe('the current docker context', () => {
  it('is what `docker context use` said', async () => {
    await context({ Host: 'tcp://host:2376', SkipTLSVerify: false });
    await use({ currentContext: 'remote' });
    expect(find()).toEqual([{ url: 'tcp://host:2376', from: 'docker context remote' }]);
  });

  it('is what DOCKER_CONTEXT says, whatever is in use', async () => {
    await context({ Host: 'ssh://host' });
    await use({ currentContext: 'other' });
    expect(find({ DOCKER_CONTEXT: 'remote' })).toEqual([{ url: 'ssh://host', from: 'docker context remote' }]);
  });

  it('is not used with a password in its address, which is not repeated', async () => {
    await context({ Host: 'tcp://me:secret@host:2375' });
    await use({ currentContext: 'remote' });
    expect(() => find()).toThrow(/^docker context remote holds a password(?!.*secret)/);
  });

  it('is looked for in DOCKER_CONFIG', async () => {
    await context({ Host: 'unix:///my.sock' });
    const found = find({ HOME: '/nowhere', DOCKER_CONFIG: join(home, '.docker'), DOCKER_CONTEXT: 'remote' });
    expect(found[0]?.url).toBe('unix:///my.sock');
  });

  it('brings its TLS material, as far as it has any', async () => {
    await context({ Host: 'tcp://host', SkipTLSVerify: true });
    await mkdir(tls(), { recursive: true });
    for (const name of ['ca.pem', 'key.pem']) await writeFile(join(tls(), name), '');
    expect(find({ DOCKER_CONTEXT: 'remote' })).toEqual([
      {
        url: 'tcp://host',
        from: 'docker context remote',
        ca: join(tls(), 'ca.pem'),
        key: join(tls(), 'key.pem'),
        verification: 'none',
      },
    ]);
  });

  it('yields to DOCKER_HOST and to docker-host', async () => {
    const env = { HOME: home, DOCKER_CONTEXT: 'remote', DOCKER_HOST: 'unix:///mine.sock' };
    expect(endpointCandidates(undefined, env, 'linux')[0]?.from).toBe('DOCKER_HOST');
    expect(endpointCandidates('unix:///other.sock', env, 'linux')[0]?.from).toBe('docker-host');
  });

  it.each([
    ['there is no config.json', undefined],
    ['config.json names none', '{"auths":{}}'],
    ['config.json names it as empty', '{"currentContext":""}'],
    ['config.json names the default', '{"currentContext":"default"}'],
    ['config.json can’t be read, as the docker command has it', '{"currentContext":'],
  ])('is none where %s', async (_, config) => {
    if (config !== undefined) await writeFile(join(home, '.docker/config.json'), config);
    expect(find()[0]?.from).toBe('the default');
  });

  it('is none where DOCKER_CONTEXT says default', async () => {
    await use({ currentContext: 'remote' });
    expect(find({ DOCKER_CONTEXT: 'default' })[0]?.from).toBe('the default');
  });

  it('that is not there is said to be so', async () => {
    await use({ currentContext: 'remote' });
    expect(() => find()).toThrow('the docker context “remote” (currentContext) can’t be read: there is no such context');
    expect(() => find({ DOCKER_CONTEXT: 'gone' })).toThrow(/^the docker context “gone” \(DOCKER_CONTEXT\) can’t be read/);
  });

  it.each([
    ['{', 'JSON'],
    ['null', 'names no engine'],
    ['{}', 'names no engine'],
    ['{"Endpoints":{"docker":{"Host":""}}}', 'names no engine'],
    ['{"Endpoints":{"docker":{"Host":42}}}', 'names no engine'],
  ])('with a meta.json of %s is said to be unreadable in one line', async (json, why) => {
    await mkdir(meta(), { recursive: true });
    await writeFile(join(meta(), 'meta.json'), json);
    const failure = new RegExp(`^the docker context “remote” \\(DOCKER_CONTEXT\\) can’t be read: .*meta.json.*${why}.*$`);
    expect(() => find({ DOCKER_CONTEXT: 'remote' })).toThrow(failure);
  });
});
