import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, cached, EngineUnavailable, runProgram } from './engine-cache';

const NAME = 'docker-29';

/** A program of Docker's, built from a module that Go's proxy has. */
interface Build {
  readonly module: string;
  readonly version: string;
  readonly programs: readonly string[];
  readonly cgo: '0' | '1';
  readonly tags: string;
  /** For the linker. */
  readonly set?: string;
}

const BUILDS: readonly Build[] = [
  {
    module: 'github.com/moby/moby/v2',
    version: 'v2.0.0-beta.24',
    programs: ['cmd/dockerd', 'cmd/docker-proxy'],
    cgo: '0',
    tags: '',
    set: '-X github.com/moby/moby/v2/dockerversion.Version=29.9-test',
  },
  {
    module: 'github.com/containerd/containerd/v2',
    version: 'v2.4.2',
    programs: ['cmd/containerd', 'cmd/containerd-shim-runc-v2'],
    cgo: '0',
    tags: 'no_btrfs no_zfs',
  },
  // Without seccomp it starts no container: Docker's default profile is one.
  { module: 'github.com/opencontainers/runc', version: 'v1.3.3', programs: [''], cgo: '1', tags: 'seccomp' },
];

/** The directory that goes before all others in PATH. */
export function docker29Binaries(): string {
  return join(cacheDirectory(), NAME, 'bin');
}

/**
 * Builds dockerd, containerd and runc: four minutes of two cores.
 * @throws {EngineUnavailable} where that can't be
 */
export async function prepareDocker29(): Promise<void> {
  await cached(NAME, async (directory) => {
    await runProgram('go', ['version']).catch((cause: unknown) => {
      throw new EngineUnavailable('it is built from source, and there is no Go (1.26 or newer)', { cause });
    });
    if (!existsSync('/usr/include/seccomp.h')) {
      throw new EngineUnavailable('runc is built with libseccomp: apt-get install libseccomp-dev gcc pkg-config');
    }
    for (const build of BUILDS) await buildIn(directory, build);
  });
}

async function buildIn(directory: string, { module, version, programs, cgo, tags, set = '' }: Build): Promise<void> {
  const source = join(directory, 'src', module.replaceAll('/', '-'));
  const packages = programs.map((program) => (program ? `${module}/${program}` : module));
  await mkdir(source, { recursive: true });
  await mkdir(join(directory, 'bin'), { recursive: true });
  await writeFile(join(source, 'go.mod'), `module engine\n\ngo 1.26\n\nrequire ${module} ${version}\n`);
  // Only what a file imports gets into go.mod.
  const imports = packages.map((name) => `import _ "${name}"\n`).join('');
  await writeFile(join(source, 'tools.go'), `package engine\n\n${imports}`);
  const flags = ['-mod=mod', '-tags', tags, '-ldflags', `-s -w ${set}`, '-o', `${join(directory, 'bin')}/`];
  await runProgram('go', ['build', ...flags, ...packages], { cwd: source, env: { CGO_ENABLED: cgo } });
}
