import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Environment } from '../../../../../src/lib/environment';
import { namedEndpoint, wellKnownEndpoints } from '../../../../../src/providers/docker/connection/candidates';
import { dockerArguments, dockerOptions, tcpAddress } from '../../../../../src/providers/docker/connection/endpoint';

/** Where an engine is looked for: where the user says, else where engines usually are. */
const endpointCandidates = (dockerHost: string | undefined, env: Environment, platform: NodeJS.Platform) => {
  const named = namedEndpoint(dockerHost, env);
  return named ? [named] : wellKnownEndpoints(env, platform);
};

const HOME = '/home/jane';

describe('an engine is looked for', () => {
  it('on Linux and macOS at the well-known sockets, the system’s first', () => {
    const found = endpointCandidates(undefined, { HOME, XDG_RUNTIME_DIR: '/run/user/1000' }, 'linux');
    expect(found.map(({ url, from }) => `${from}: ${url}`)).toEqual([
      'the default: unix:///var/run/docker.sock',
      'rootless Docker: unix:///run/user/1000/docker.sock',
      'Docker Desktop: unix:///home/jane/.docker/run/docker.sock',
      'Docker Desktop: unix:///home/jane/.docker/desktop/docker.sock',
      'Colima: unix:///home/jane/.colima/default/docker.sock',
      'rootless Podman: unix:///run/user/1000/podman/podman.sock',
      'Podman: unix:///run/podman/podman.sock',
    ]);
  });

  it('at no rootless socket where there is no runtime directory', () => {
    expect(endpointCandidates(undefined, { HOME }, 'linux').filter(({ from }) => from.startsWith('rootless'))).toEqual([]);
  });

  it('below the user’s home, though the environment does not tell it', () => {
    const urls = endpointCandidates(undefined, {}, 'darwin').map(({ url }) => url);
    expect(urls).toContain(`unix://${join(homedir(), '.docker/run/docker.sock')}`);
  });

  it('on Windows at its pipe', () => {
    expect(endpointCandidates(undefined, { HOME }, 'win32')).toEqual([
      { url: 'npipe:////./pipe/docker_engine', from: 'the default' },
    ]);
  });

  it('at DOCKER_HOST alone when that is set', () => {
    expect(endpointCandidates(undefined, { HOME, DOCKER_HOST: 'tcp://other:2375' }, 'linux')).toEqual([
      { url: 'tcp://other:2375', from: 'DOCKER_HOST' },
    ]);
  });

  it('at docker-host alone when that is set, whatever DOCKER_HOST says', () => {
    expect(endpointCandidates('unix:///my.sock', { HOME, DOCKER_HOST: 'tcp://other:2375' }, 'linux')).toEqual([
      { url: 'unix:///my.sock', from: 'docker-host' },
    ]);
  });

  it('as if DOCKER_HOST were not there when it is empty', () => {
    expect(endpointCandidates(undefined, { HOME, DOCKER_HOST: '' }, 'linux')[0]?.from).toBe('the default');
  });

  it.each([
    ['DOCKER_CERT_PATH', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' }, '/certs/ca.pem'],
    ['docker’s own directory', { DOCKER_TLS_VERIFY: '1', DOCKER_CONFIG: '/config' }, '/config/ca.pem'],
    ['the home directory', { DOCKER_TLS_VERIFY: '1' }, '/home/jane/.docker/ca.pem'],
    ['nowhere when TLS is not wanted', { DOCKER_CERT_PATH: '/certs' }, undefined],
  ])('with certificates from %s', (_, env, ca) => {
    expect(endpointCandidates('tcp://host', { HOME, ...env }, 'linux')[0]?.ca).toBe(ca);
  });

  it.each(['unix:///my.sock', 'ssh://host'])('without certificates at %s', (url) => {
    expect(endpointCandidates(url, { HOME, DOCKER_TLS_VERIFY: '1' }, 'linux')).toEqual([{ url, from: 'docker-host' }]);
  });

  it('without certificates at well-known sockets', () => {
    const found = endpointCandidates(undefined, { HOME, DOCKER_TLS_VERIFY: '1' }, 'linux');
    expect(found.every(({ ca }) => ca === undefined)).toBe(true);
  });
});

describe('DOCKER_HOST is read as the docker command reads it', () => {
  it.each([
    [' tcp://other:2375\n', 'tcp://other:2375'],
    ['other:2375', 'tcp://other:2375'],
    ['other', 'tcp://other'],
    ['[::1]:2375', 'tcp://[::1]:2375'],
    [':2375', 'tcp://127.0.0.1:2375'],
    ['tcp://:2376', 'tcp://127.0.0.1:2376'],
    ['tcp://', 'tcp://127.0.0.1:2375'],
    ['unix://', 'unix:///var/run/docker.sock'],
    [' unix:///my.sock', 'unix:///my.sock'],
    ['npipe://', 'npipe:////./pipe/docker_engine'],
    ['ssh://me@host\t', 'ssh://me@host'],
  ])('%j as %s', (DOCKER_HOST, url) => {
    expect(namedEndpoint(undefined, { HOME, DOCKER_HOST })).toEqual({ url, from: 'DOCKER_HOST' });
  });

  it.each(['', ' ', '\n'])('%j as if it were not there', (DOCKER_HOST) => {
    expect(namedEndpoint(undefined, { HOME, DOCKER_HOST })).toBeUndefined();
  });

  it.each(['tcp://me:secret@host:2375', 'me:secret@host'])(
    'but not with a password, which is not repeated: %s',
    (DOCKER_HOST) => {
      expect(() => namedEndpoint(undefined, { HOME, DOCKER_HOST })).toThrow(/^DOCKER_HOST holds a password(?!.*secret)/);
    },
  );
});

describe('the client connects', () => {
  it.each([
    ['unix:///var/run/docker.sock', '/var/run/docker.sock'],
    ['npipe:////./pipe/docker_engine', '//./pipe/docker_engine'],
  ])('to %s', (url, socketPath) => {
    expect(dockerOptions({ url, from: 'a test' })).toMatchObject({ protocol: 'http', socketPath });
  });

  it.each([
    ['tcp://host:1234', { host: 'host', port: 1234 }],
    ['tcp://host', { host: 'host', port: 2375 }],
    ['tcp://host:80', { host: 'host', port: 80 }],
    ['tcp://127.0.0.1:2375/', { host: '127.0.0.1', port: 2375 }],
    ['tcp://[::1]:2375', { host: '::1', port: 2375 }],
    ['http://host:2375', { host: 'host', port: 2375 }],
    ['https://host', { host: 'host', port: 2376, tls: {} }],
    ['https://host:443', { host: 'host', port: 443, tls: {} }],
  ])('to %s', (url, address) => {
    expect(tcpAddress({ url, from: 'a test' })).toEqual({ tls: undefined, ...address });
  });

  it('telling the other side which host it means', () => {
    expect(dockerOptions({ url: 'tcp://[::1]:2375', from: 'a test' }).headers).toEqual({ Host: '[::1]:2375' });
  });

  it.each(['unix:///my.sock', 'tcp://host', 'https://host', 'ssh://host'])(
    'to %s, with nothing for a debug log to inspect',
    (url) => {
      const { agent } = dockerOptions({ url, from: 'a test' });
      // As docker-modem does with each request: a hundred connections made it take longer than the request.
      expect(inspect({ agent }, { showHidden: true, depth: null }).length).toBeLessThan(50);
    },
  );

  it('with as many connections as it may', () => {
    expect(dockerOptions({ url: 'unix:///my.sock', from: 'a test' }, 7).agent.maxSockets).toBe(7);
    expect(dockerOptions({ url: 'ssh://host', from: 'a test' }, 7).agent.maxSockets).toBe(7);
  });

  it.each(['file:///etc/passwd', '/var/run/docker.sock', ''])('not to “%s”', (url) => {
    expect(() => dockerOptions({ url, from: 'a test' })).toThrow(`“${url}” is not an engine’s endpoint`);
  });
});

describe('with certificates the client connects', () => {
  let directory: string;
  const files = () => ({ ca: join(directory, 'ca.pem'), cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certificates-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('by TLS, with what is in the files', async () => {
    for (const [part, path] of Object.entries(files())) await writeFile(path, `the ${part}`);
    const address = { host: '::1', port: 2376 };
    expect(tcpAddress({ url: 'tcp://[::1]', from: 'a test', ...files() })).toEqual({
      ...address,
      tls: { ca: 'the ca', cert: 'the cert', key: 'the key' },
    });
    expect(tcpAddress({ url: 'tcp://[::1]', from: 'a test', ca: files().ca })).toEqual({ ...address, tls: { ca: 'the ca' } });
  });

  it('not at all when one is missing', () => {
    expect(() => dockerOptions({ url: 'tcp://host', from: 'a test', ...files() })).toThrow('ca.pem');
  });

  it('showing one of its own only where there is one', async () => {
    const env = { HOME, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    expect(endpointCandidates('tcp://host', env, 'linux')).toEqual([{ url: 'tcp://host', from: 'docker-host', ca: files().ca }]);
    for (const path of Object.values(files())) await writeFile(path, '');
    expect(endpointCandidates('tcp://host', env, 'linux')).toEqual([{ url: 'tcp://host', from: 'docker-host', ...files() }]);
  });
});

describe('the docker command reaches the same engine', () => {
  it.each([
    [{ url: 'unix:///var/run/docker.sock' }, ''],
    [{ url: 'unix:///my.sock' }, '--host unix:///my.sock'],
    [{ url: 'ssh://me@host' }, '--host ssh://me@host'],
    [{ url: 'tcp://host' }, '--host tcp://host'],
    [{ url: 'https://host' }, '--host tcp://host --tlsverify'],
    [
      { url: 'tcp://host', ca: '/a', cert: '/b', key: '/c' },
      '--host tcp://host --tlsverify --tlscacert /a --tlscert /b --tlskey /c',
    ],
    [{ url: 'tcp://host', verification: 'none' }, '--host tcp://host --tls'],
  ] as const)('%o by “%s”', (endpoint, command) => {
    expect(dockerArguments({ from: 'a test', ...endpoint }).join(' ')).toBe(command);
  });
});
