import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findKubeconfig, readCluster } from '../../../../src/providers/kubernetes/kubeconfig';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cleanup-kubeconfig-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

/** One context for each name, with a user of the same name. */
function config(users: Readonly<Record<string, object>>, server = 'https://cluster.example'): string {
  const names = Object.keys(users);
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server } }],
    users: names.map((name) => ({ name, user: users[name] })),
    contexts: names.map((name) => ({ name, context: { cluster: 'c', user: name, namespace: `of-${name}` } })),
    'current-context': names[0],
  });
}

async function file(content: string): Promise<{ readonly files: string; readonly from: string }> {
  const files = join(await directory(), 'config');
  await writeFile(files, content);
  return { files, from: 'kubeconfig' };
}

/** A plugin that runs this script. */
const plugin = (script: string) => ({
  exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] },
});

async function authenticated(user: object, maxPluginMs = 10_000): Promise<RequestOptions> {
  const cluster = await readCluster(await file(config({ me: user })), undefined, process.env, maxPluginMs);
  const options: RequestOptions = {};
  await cluster.authenticate(options);
  return options;
}

describe('a kubeconfig', () => {
  it('at home is used only where a setting means Kubernetes', async () => {
    const home = await directory();
    await mkdir(join(home, '.kube'));
    await writeFile(join(home, '.kube', 'config'), '');
    expect(await findKubeconfig(undefined, true, { HOME: home })).toMatchObject({ from: '~/.kube/config' });
    await expect(findKubeconfig(undefined, false, { HOME: home })).rejects.toThrow('no kubeconfig: set kubeconfig or KUBECONFIG');
  });

  it('may be several files, each with contexts of its own', async () => {
    const [one, two] = [await file(config({ a: { token: 'x' } })), await file(config({ b: { token: 'y' } }))];
    const source = { files: [one.files, two.files].join(delimiter), from: 'KUBECONFIG' };
    expect(await readCluster(source, 'b', {})).toMatchObject({ context: 'b', namespace: 'of-b' });
    expect(await readCluster(source, undefined, {})).toMatchObject({ context: 'a', namespace: 'of-a' });
  });

  it('that stands first in KUBECONFIG keeps its names, whole, and its current context', async () => {
    const one = await file(config({ a: { token: 'first' } }, 'https://first.example'));
    const two = await file(
      config({ a: { tokenFile: '/nowhere', username: 'u', password: 'p' }, b: {} }, 'https://second.example'),
    );
    const source = { files: [one.files, two.files].join(delimiter), from: 'KUBECONFIG' };
    const cluster = await readCluster(source, undefined, {});
    expect(cluster).toMatchObject({ context: 'a', server: 'https://first.example' });
    const options: RequestOptions = {};
    await cluster.authenticate(options);
    expect(options.headers).toEqual({ Authorization: 'Bearer first' });
    expect(options.auth).toBeUndefined();
    // Its context names a cluster, which both have.
    expect(await readCluster(source, 'b', {})).toMatchObject({ server: 'https://first.example', namespace: 'of-b' });
  });

  it('in KUBECONFIG that is not there is left out; one that a setting names is not', async () => {
    const { files } = await file(config({ a: {} }));
    const both = ['/nowhere/config', files, ''].join(delimiter);
    expect(await readCluster({ files: both, from: 'KUBECONFIG' }, undefined, {})).toMatchObject({ context: 'a' });
    await expect(readCluster({ files: both, from: 'kubeconfig' }, undefined, {})).rejects.toThrow(
      /^kubeconfig can’t be read: ENOENT.*\/nowhere\/config/,
    );
    await expect(readCluster({ files: '/nowhere/config', from: 'KUBECONFIG' }, undefined, {})).rejects.toThrow(
      /^KUBECONFIG can’t be read: ENOENT/,
    );
  });

  it('has paths of its own directory: of certificates, keys and tokens', async () => {
    const [home, elsewhere] = [await directory(), await directory()];
    await Promise.all(['ca', 'cert', 'key'].map((name) => writeFile(join(home, name), `the ${name}`)));
    await writeFile(join(home, 'token'), 'of a file\n');
    const user = { 'client-certificate': 'cert', 'client-key': './key', tokenFile: 'token', token: 'older' };
    const content = JSON.parse(config({ me: user }));
    content.clusters[0].cluster['certificate-authority'] = 'ca';
    await writeFile(join(home, 'config'), JSON.stringify(content));
    await writeFile(join(elsewhere, 'config'), config({ other: { tokenFile: '/nowhere/token' } }));
    const source = { files: [join(elsewhere, 'config'), join(home, 'config')].join(delimiter), from: 'KUBECONFIG' };
    const cluster = await readCluster({ files: join(home, 'config'), from: 'kubeconfig' }, undefined, {});
    const options: RequestOptions = {};
    await cluster.authenticate(options);
    expect([options.ca, options.cert, options.key].map(String)).toEqual(['the ca', 'the cert', 'the key']);
    expect(options.headers).toEqual({ Authorization: 'Bearer of a file' });
    const merged: RequestOptions = {};
    await (await readCluster(source, 'me', {})).authenticate(merged);
    expect(merged.headers).toEqual({ Authorization: 'Bearer of a file' });
    await expect((await readCluster(source, 'other', {})).authenticate({})).rejects.toThrow(
      'the credentials of the context “other” can’t be had: ENOENT',
    );
  });

  it('with a token’s file sends what is in it then', async () => {
    const token = join(await directory(), 'token');
    await writeFile(token, 'of the morning');
    const cluster = await readCluster(await file(config({ me: { tokenFile: token } })), undefined, {});
    const sent = async () => {
      const options: RequestOptions = {};
      await cluster.authenticate(options);
      return options.headers;
    };
    expect(await sent()).toEqual({ Authorization: 'Bearer of the morning' });
    await writeFile(token, 'of the evening');
    expect(await sent()).toEqual({ Authorization: 'Bearer of the evening' });
  });

  it('is none where only a pod’s environment is, without its service account', async () => {
    const env = { HOME: await directory(), KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    await expect(findKubeconfig(undefined, true, env)).rejects.toThrow('no kubeconfig: set kubeconfig or KUBECONFIG');
  });

  it('is taken from the setting first, then from KUBECONFIG', async () => {
    const env = { HOME: await directory(), KUBECONFIG: '/a:/b' };
    expect(await findKubeconfig('/c', false, env)).toEqual({ files: '/c', from: 'kubeconfig' });
    expect(await findKubeconfig(undefined, false, env)).toEqual({ files: '/a:/b', from: 'KUBECONFIG' });
  });

  it('of a pod has the address of its environment; a service account that is gone is told', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    onTestFinished(() => void vi.unstubAllEnvs());
    const cluster = await readCluster({ files: '', from: 'the pod’s service account' }, undefined, {});
    expect(cluster).toMatchObject({ server: 'https://[fd00::1]', namespace: 'default' });
    await expect(cluster.authenticate({})).rejects.toThrow(/^the credentials of the context “\w+” can’t be had: ENOENT/);
  });

  it.each([
    ['has no such context', config({ a: {} }), 'other', 'kubeconfig: it has no context “other”; use one of a'],
    [
      'has no current context',
      JSON.stringify({ ...JSON.parse(config({ a: {} })), 'current-context': undefined }),
      undefined,
      'kubeconfig: it names no current context; use one of a',
    ],
    [
      'has a context without a cluster',
      JSON.stringify({ ...JSON.parse(config({ a: {} })), clusters: [] }),
      undefined,
      'kubeconfig: the context “a” has no cluster with a server’s address',
    ],
    [
      'has a cluster without an address',
      config({ a: {} }, 'nowhere'),
      undefined,
      'kubeconfig: the context “a” has no cluster with a server’s address',
    ],
    [
      'has a context without a user',
      JSON.stringify({ ...JSON.parse(config({ a: {} })), users: [] }),
      undefined,
      'kubeconfig: the context “a” has no user',
    ],
    ['has no contexts at all', '{}', undefined, 'kubeconfig: it has no contexts; use another file'],
    ['is none', ': {', undefined, /^kubeconfig can’t be read: /],
  ])('that %s is told in one line', async (_, content, context, message) => {
    const failure = readCluster(await file(content), context, {});
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.not.toThrow('\n');
  });

  it('shows no password of its server’s address', async () => {
    const { server } = await readCluster(
      await file(config({ a: {} }, 'https://user:secret@cluster.example/k8s/')),
      undefined,
      {},
    );
    expect(server).toBe('https://cluster.example/k8s');
  });
});

describe('a credential plugin', () => {
  it('is told in which version to answer, and asked for nothing', async () => {
    const script = `
      const { apiVersion, spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      process.stdin.on('data', () => 0).on('end', () =>
        console.log(JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: apiVersion + spec.interactive } })));`;
    const { headers } = await authenticated(plugin(script));
    expect(headers).toEqual({ Authorization: 'Bearer client.authentication.k8s.io/v1false' });
  });

  it('that hangs is ended with what it started', async () => {
    const script = `require('node:child_process').spawn('sleep', ['1000'], { stdio: 'inherit' })`;
    await expect(authenticated(plugin(script), 500)).rejects.toThrow('can’t be had: its plugin took longer than 0.5 s');
  });

  it.each([
    [
      'fails is told by its first line',
      `console.error('log in first\\nand more'); process.exit(1)`,
      'can’t be had: log in first',
    ],
    ['fails without a word is told', 'process.exit(1)', 'can’t be had: its plugin failed'],
    ['prints no credential is told', `console.log('{"kind":"Pod"}')`, 'its plugin printed something else'],
    ['prints something else, which may be a token, is not shown', `console.log('secret')`, 'its plugin printed something else'],
  ])('that %s', async (_, script, message) => {
    await expect(authenticated(plugin(script))).rejects.toThrow(message);
    await expect(authenticated(plugin(script))).rejects.not.toThrow('secret');
  });

  it('that is not there is told at once', async () => {
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin-here' } };
    await expect(authenticated(user)).rejects.toThrow('can’t be had: spawn no-such-plugin-here ENOENT');
  });

  it('with a relative path is that of the kubeconfig’s directory', async () => {
    const { files, from } = await file(
      config({ me: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './bin/plugin' } } }),
    );
    const credential = { kind: 'ExecCredential', status: { token: 'of the plugin' } };
    await mkdir(join(dirname(files), 'bin'));
    await writeFile(join(dirname(files), 'bin', 'plugin'), `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`, { mode: 0o700 });
    const cluster = await readCluster({ files, from }, undefined, process.env);
    const options: RequestOptions = {};
    await cluster.authenticate(options);
    expect(options.headers).toEqual({ Authorization: 'Bearer of the plugin' });
  });
});
