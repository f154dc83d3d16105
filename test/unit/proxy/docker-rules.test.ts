import { describe, expect, test } from 'vitest';
import { dockerRules } from '../../../src/proxy/docker-rules';
import { parseRequest } from '../../../src/proxy/http-head';
import type { Ask } from '../../../src/proxy/rules';

const owner = 'io.github.cleanup-action.session';
const session = { [owner]: 'S' };
const rules = dockerRules(
  { owner, labels: session },
  {
    DOCKER_HOST: { value: 'unix:///run/proxy/docker.sock', before: '' },
    DAYTONA_API_URL: { value: 'http://127.0.0.1:4711/api', before: 'https://daytona.example/api' },
  },
);

type Asked = readonly [method: string, target: string, body: unknown];

/** What becomes of the body, and what was asked on the side; undefined when it stays as it is. */
async function rewritten(line: string, body: unknown, answer: unknown = {}) {
  const asked: Asked[] = [];
  const ask: Ask = async (method, target, content) => {
    asked.push([method, target, content]);
    return answer;
  };
  const rewrite = rules.rewriteOf(parseRequest(Buffer.from(`${line} HTTP/1.1\r\n\r\n`)));
  const result = await rewrite?.(Buffer.from(JSON.stringify(body)), ask);
  return { passes: rewrite === undefined, asked, body: result && JSON.parse(result.toString()) };
}

test.each([
  '/containers/create',
  '/v1.24/containers/create?name=a',
  '/v1.56/networks/create',
  '/volumes/create',
  '/v1.41/secrets/create',
  '/v1.41/configs/create',
  '/v5.4.2/libpod/volumes/create',
  '/v4.0.0-rc1/libpod/volumes/create',
])('POST %s gets Labels', async (path) => {
  expect((await rewritten(`POST ${path}`, { Name: 'a' })).body).toEqual({ Name: 'a', Labels: session });
});

test.each(['containers', 'pods', 'networks'])('Podman’s own creation of %s gets labels', async (kind) => {
  expect((await rewritten(`POST /v4.3.1/libpod/${kind}/create`, { name: 'a' })).body).toEqual({ name: 'a', labels: session });
});

test.each([
  'GET /containers/create',
  'POST /v1.41/build?dockerfile=x',
  'POST /images/create?fromImage=x',
  'POST /containers/abc/start',
  'POST /containers/abc/exec',
  'POST /containers/create/start',
  'POST /v1.41/images/load',
  'POST /session',
  'POST /grpc',
  'POST /plugins/create?name=a',
  'POST /libpod/secrets/create?name=a',
  'POST /commit?container=a',
  'POST /xcontainers/create',
])('%s passes as it is', async (line) => {
  expect((await rewritten(line, {})).passes).toBe(true);
});

test('what another session owns stays another’s', async () => {
  expect((await rewritten('POST /containers/create', { Labels: { [owner]: 'other' } })).body).toBeUndefined();
});

describe('a service', () => {
  test('gets labels, and so do its tasks and their volumes', async () => {
    const mounts = [
      { Type: 'bind', Source: '/a' },
      { Type: 'volume', Source: 'v', VolumeOptions: { NoCopy: true } },
    ];
    const { body } = await rewritten('POST /services/create', {
      TaskTemplate: { ContainerSpec: { Image: 'x', Mounts: mounts } },
    });
    expect(body).toEqual({
      Labels: session,
      TaskTemplate: {
        ContainerSpec: {
          Labels: session,
          Image: 'x',
          Mounts: [mounts[0], { Type: 'volume', Source: 'v', VolumeOptions: { Labels: session, NoCopy: true } }],
        },
      },
    });
  });

  test('without containers gets labels for itself', async () => {
    const { body } = await rewritten('POST /services/create', { TaskTemplate: { PluginSpec: {} } });
    expect(body).toEqual({ Labels: session, TaskTemplate: { PluginSpec: {} } });
  });

  test('of this session keeps its labels in an update; another’s gets none', async () => {
    const line = 'POST /v1.41/services/abc/update?version=7';
    const own = await rewritten(line, { Name: 'a' }, { Spec: { Labels: session } });
    expect(own).toMatchObject({ asked: [['GET', '/v1.41/services/abc', undefined]], body: { Name: 'a', Labels: session } });
    for (const Labels of [{}, { [owner]: 'other' }, null]) {
      expect((await rewritten(line, { Name: 'a' }, { Spec: { Labels } })).body).toBeUndefined();
    }
  });
});

describe('a container’s volumes', () => {
  const made = async (line: string, body: unknown) => (await rewritten(line, body)).asked;

  test('that have a name are made first, with labels', async () => {
    const Binds = ['data:/data', '/host:/path:ro', './relative:/path', '/anonymous', 'cache:/cache:ro', 'C:\\data:/data'];
    expect(await made('POST /v1.41/containers/create', { HostConfig: { Binds, VolumeDriver: 'local' } })).toEqual([
      ['POST', '/v1.41/volumes/create', { Name: 'data', Driver: 'local', Labels: session }],
      ['POST', '/v1.41/volumes/create', { Name: 'cache', Driver: 'local', Labels: session }],
    ]);
  });

  test('that are mounts are made with their options and labels', async () => {
    const VolumeOptions = { Labels: { a: 'b' }, DriverConfig: { Name: 'nfs', Options: { addr: 'x' } } };
    const Mounts = [
      { Type: 'volume', Source: 'data', Target: '/data', VolumeOptions },
      { Type: 'volume', Target: '/anonymous' },
      { Type: 'bind', Source: 'data2', Target: '/b' },
      { Type: 'volume', Source: 'theirs', Target: '/t', VolumeOptions: { Labels: { [owner]: 'other' } } },
    ];
    expect(await made('POST /containers/create', { HostConfig: { Mounts } })).toEqual([
      ['POST', '/volumes/create', { Name: 'data', Driver: 'nfs', DriverOpts: { addr: 'x' }, Labels: { ...session, a: 'b' } }],
      ['POST', '/volumes/create', { Name: 'theirs', Labels: { [owner]: 'other' } }],
    ]);
  });

  test('are made for Podman’s own creation, too', async () => {
    const volumes = [{ Name: 'data', Dest: '/data' }, { Name: 'x'.repeat(64), IsAnonymous: true }, { Dest: '/anonymous' }];
    expect(await made('POST /v4.3.1/libpod/containers/create', { volumes })).toEqual([
      ['POST', '/volumes/create', { Name: 'data', Labels: session }],
    ]);
  });

  test('that can’t be made don’t keep the container from being tried', async () => {
    const rewrite = rules.rewriteOf(parseRequest(Buffer.from('POST /containers/create HTTP/1.1\r\n\r\n')));
    const ask = () => Promise.reject(new Error('no answer'));
    const body = await rewrite?.(Buffer.from('{"HostConfig":{"Binds":["data:/data"]}}'), ask);
    expect(JSON.parse(String(body)).Labels).toEqual(session);
  });
});

describe('a variable that leads to the proxy', () => {
  const environment = async (Env: readonly string[], HostConfig = {}) =>
    (await rewritten('POST /containers/create', { Env, HostConfig })).body.Env;

  test('is in a container what it was before: there the proxy is not', async () => {
    const Env = ['A=1', 'DOCKER_HOST=unix:///run/proxy/docker.sock', 'DAYTONA_API_URL=http://127.0.0.1:4711/api'];
    expect(await environment(Env)).toEqual(['A=1', 'DAYTONA_API_URL=https://daytona.example/api']);
  });

  test.each([
    { Binds: ['/run/proxy/docker.sock:/run/proxy/docker.sock'] },
    { Binds: ['/run/proxy:/run/proxy:ro'] },
    { Mounts: [{ Type: 'bind', Source: '/run', Target: '/run/' }] },
  ])('stays where its path is mounted: %j', async (host) => {
    const Env = ['DOCKER_HOST=unix:///run/proxy/docker.sock'];
    expect(await environment(Env, host)).toEqual(Env);
  });

  test('stays where the network is the machine’s own', async () => {
    const Env = ['DAYTONA_API_URL=http://127.0.0.1:4711/api'];
    expect(await environment(Env, { NetworkMode: 'host' })).toEqual(Env);
  });

  test('with another value is the user’s', async () => {
    const Env = ['DOCKER_HOST=unix:///var/run/docker.sock', 'DOCKER_HOST', 'XDOCKER_HOST=unix:///run/proxy/docker.sock'];
    expect(await environment(Env)).toEqual(Env);
  });
});

test.each([
  ['/v1.41/containers/create?name=a', { Image: 'busybox' }, ['busybox']],
  ['/v4.0.0/libpod/containers/create', { image: 'busybox:1' }, ['busybox:1']],
  ['/networks/create', { Image: 'no' }, []],
  ['/containers/create', { Image: 5 }, []],
])('the image of a new container is noted: %s', async (path, body, expected) => {
  const noted: string[] = [];
  const noting = dockerRules({ owner, labels: session }, {}, (name) => noted.push(name));
  const rewrite = noting.rewriteOf(parseRequest(Buffer.from(`POST ${path} HTTP/1.1\r\n\r\n`)));
  await rewrite?.(Buffer.from(JSON.stringify(body)), async () => ({}));
  expect(noted).toEqual(expected);
});
