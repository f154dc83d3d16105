import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, cached, EngineUnavailable, runProgram } from '../engine/engine-cache';

const execute = promisify(execFile);

/** Build/go.mod says so. */
const OLDEST_GO = 24;

/** The newest that takes cgroups of version 1, and the smallest to build of those near it. */
const VERSION = '1.34.2';

const NAME = `kubernetes-${VERSION}`;

/** All of them are one binary: see build/main.go. */
const PROGRAMS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kubectl'] as const;

export type ProgramName = (typeof PROGRAMS)[number] | 'etcd';

/** Unpacked, not installed: nothing starts, nothing else on the machine changes. */
const DEBIAN_PACKAGES = ['etcd-server', 'containernetworking-plugins'];

export function kubernetesProgram(name: ProgramName): string {
  return join(cacheDirectory(), NAME, 'bin', name);
}

/** The directory with the programs that give pods their network. */
export function networkPlugins(): string {
  return join(cacheDirectory(), NAME, 'debian', 'usr', 'lib', 'cni');
}

/**
 * Builds Kubernetes with Go, and fetches what it needs from Debian: about ten minutes of two idle cores, once a machine.
 * @throws {EngineUnavailable} where that can't be
 */
export async function prepareKubernetes(): Promise<void> {
  await cached(NAME, async (directory) => {
    await checkGo();
    await mkdir(join(directory, 'bin'));
    await unpackDebian(directory);
    await build(directory);
  });
}

async function checkGo(): Promise<void> {
  const version = await execute('go', ['env', 'GOVERSION']).then(
    ({ stdout }) => stdout.trim(),
    () => 'none',
  );
  const [, minor = 0] = /^go1\.(\d+)/.exec(version) ?? [];
  if (Number(minor) < OLDEST_GO)
    throw new EngineUnavailable(`Kubernetes is built with Go 1.${OLDEST_GO} or newer; here is ${version}`);
}

async function unpackDebian(directory: string): Promise<void> {
  const debian = join(directory, 'debian');
  await mkdir(debian);
  if (process.getuid?.() === 0) await runProgram('apt-get', ['update', '-qq']);
  // As root, apt would fetch as a user that may not write here, and warn that it does not.
  await runProgram('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...DEBIAN_PACKAGES], { cwd: debian });
  await runProgram('sh', ['-c', 'for archive in *.deb; do dpkg-deb --extract "$archive" . && rm "$archive"; done'], {
    cwd: debian,
  });
  await symlink('../debian/usr/bin/etcd', join(directory, 'bin', 'etcd'));
}

async function build(directory: string): Promise<void> {
  const source = join(directory, 'src');
  await mkdir(source);
  for (const file of ['main.go', 'go.mod', 'go.sum'])
    await copyFile(join(import.meta.dirname, 'build', file), join(source, file));
  const [major, minor] = VERSION.split('.');
  // Without a version the server calls itself v0.0.0, and clients can't read what it says.
  const version = { gitVersion: `v${VERSION}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const set = Object.entries(version).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  const binary = join(directory, 'bin', 'kubernetes');
  await runProgram('go', ['build', '-ldflags', ['-s', '-w', ...set].join(' '), '-o', binary, '.'], {
    cwd: source,
    env: { CGO_ENABLED: '0' },
  });
  await rm(source, { recursive: true });
  for (const program of PROGRAMS) await symlink('kubernetes', join(directory, 'bin', program));
}
