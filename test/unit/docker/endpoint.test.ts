import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dockerOptions, endpoints } from '../../../src/docker/endpoint';

const HOME = '/home/jane';

describe('an engine is looked for', () => {
  it('on Linux and macOS at the well-known sockets, the system’s first', () => {
    const found = endpoints(undefined, { HOME, XDG_RUNTIME_DIR: '/run/user/1000' }, 'linux');
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
    expect(endpoints(undefined, { HOME }, 'linux').filter(({ from }) => from.startsWith('rootless'))).toEqual([]);
  });

  it('below the user’s home, though the environment does not tell it', () => {
    const urls = endpoints(undefined, {}, 'darwin').map(({ url }) => url);
    expect(urls).toContain(`unix://${join(homedir(), '.docker/run/docker.sock')}`);
  });

  it('on Windows at its pipe', () => {
    expect(endpoints(undefined, { HOME }, 'win32')).toEqual([{ url: 'npipe:////./pipe/docker_engine', from: 'the default' }]);
  });

  it('at DOCKER_HOST alone when that is set', () => {
    expect(endpoints(undefined, { HOME, DOCKER_HOST: 'tcp://other:2375' }, 'linux')).toEqual([
      { url: 'tcp://other:2375', from: 'DOCKER_HOST' },
    ]);
  });

  it('at docker-host alone when that is set, whatever DOCKER_HOST says', () => {
    expect(endpoints('unix:///my.sock', { HOME, DOCKER_HOST: 'tcp://other:2375' }, 'linux')).toEqual([
      { url: 'unix:///my.sock', from: 'docker-host' },
    ]);
  });

  it('as if DOCKER_HOST were not there when it is empty', () => {
    expect(endpoints(undefined, { HOME, DOCKER_HOST: '' }, 'linux')[0]?.from).toBe('the default');
  });

  it.each([
    ['DOCKER_CERT_PATH', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' }, '/certs'],
    ['the home directory', { DOCKER_TLS_VERIFY: '1' }, '/home/jane/.docker'],
    ['nowhere when TLS is not wanted', { DOCKER_CERT_PATH: '/certs' }, undefined],
  ])('with certificates from %s', (_, env, certificates) => {
    expect(endpoints('tcp://host', { HOME, ...env }, 'linux')[0]?.certificates).toBe(certificates);
  });

  it('without certificates at sockets', () => {
    const found = endpoints(undefined, { HOME, DOCKER_TLS_VERIFY: '1' }, 'linux');
    expect(found.every(({ certificates }) => certificates === undefined)).toBe(true);
  });
});

describe('the client connects', () => {
  it.each([
    ['unix:///var/run/docker.sock', { socketPath: '/var/run/docker.sock' }],
    ['npipe:////./pipe/docker_engine', { socketPath: '//./pipe/docker_engine' }],
    ['tcp://host:1234', { protocol: 'http', host: 'host', port: 1234 }],
    ['tcp://host', { protocol: 'http', host: 'host', port: 2375 }],
    ['tcp://host:80', { protocol: 'http', host: 'host', port: 80 }],
    ['tcp://127.0.0.1:2375/', { protocol: 'http', host: '127.0.0.1', port: 2375 }],
    ['tcp://[::1]:2375', { protocol: 'http', host: '::1', port: 2375 }],
    ['http://host:2375', { protocol: 'http', host: 'host', port: 2375 }],
    ['https://host', { protocol: 'https', host: 'host', port: 2376 }],
    ['https://host:443', { protocol: 'https', host: 'host', port: 443 }],
  ])('to %s', (url, options) => {
    expect(dockerOptions({ url, from: 'a test' })).toEqual(options);
  });

  it.each(['file:///etc/passwd', 'ssh://host', '/var/run/docker.sock', ''])('not to “%s”', (url) => {
    expect(() => dockerOptions({ url, from: 'a test' })).toThrow(`“${url}” is no endpoint of an engine`);
  });
});

describe('with certificates the client connects', () => {
  let certificates: string;
  beforeEach(async () => {
    certificates = await mkdtemp(join(tmpdir(), 'certificates-'));
  });
  afterEach(() => rm(certificates, { recursive: true }));

  it('by TLS, with what is in the files', async () => {
    for (const name of ['ca', 'cert', 'key']) await writeFile(join(certificates, `${name}.pem`), `the ${name}`);
    expect(dockerOptions({ url: 'tcp://[::1]', from: 'a test', certificates })).toEqual({
      protocol: 'https',
      host: '::1',
      port: 2376,
      ca: 'the ca',
      cert: 'the cert',
      key: 'the key',
    });
  });

  it('not at all when one is missing', () => {
    expect(() => dockerOptions({ url: 'tcp://host', from: 'a test', certificates })).toThrow('ca.pem');
  });
});
