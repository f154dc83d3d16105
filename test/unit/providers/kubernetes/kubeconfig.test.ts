import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
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

  it.each([
    ['has no such context', config({ a: {} }), 'other', 'kubeconfig: it has no context “other”; use one of a'],
    ['has no contexts at all', '{}', undefined, 'kubeconfig: it has no contexts; use another file'],
    ['is none', ': {', undefined, /^kubeconfig can’t be read: /],
  ])('that %s is told in one line', async (_, content, context, message) => {
    await expect(readCluster(await file(content), context, {})).rejects.toThrow(message);
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
    ['prints something else, which may be a token, is not shown', `console.log('secret')`, 'its plugin printed something else'],
  ])('that %s', async (_, script, message) => {
    await expect(authenticated(plugin(script))).rejects.toThrow(message);
    await expect(authenticated(plugin(script))).rejects.not.toThrow('secret');
  });
});
