import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runProgram } from '../../../src/cli/host/run-program';
import type { Buildx } from '../../../src/providers/docker/resources/builder-instances';
import { cacheDirectory } from './engine-cache';

const execute = promisify(execFile);

/** `npm run buildx` puts it into the cache; the others are Debian's and Docker's own directories. */
export const PLUGIN = [join(cacheDirectory(), 'buildx'), '/usr/libexec/docker/cli-plugins', '/usr/lib/docker/cli-plugins']
  .map((directory) => join(directory, 'docker-buildx'))
  .find((path) => existsSync(path));

export const hasBuildx = PLUGIN !== undefined;

export const WITHOUT_BUILDX = 'there is no buildx: `npm run buildx` builds it with Go 1.26; Debian 13 has docker-buildx';

/** A user's docker command: with buildx itself, or with a program in its place. */
export interface DockerUser {
  readonly buildx: Buildx;
  readonly env: Readonly<Record<string, string>>;
  /** The names of the files that buildx keeps for its builders. */
  instances(): Promise<readonly string[]>;
  /** Writes the file that `docker buildx create` writes. */
  write(name: string, endpoint: string, nodes?: readonly string[]): Promise<void>;
  docker(...args: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** What `docker buildx` answers, recorded from 0.38: `ls` prints a line for each file, with the file's fields. */
export const STAND_IN = {
  version: 'echo github.com/docker/buildx v0.38.2',
  ls: 'for f in "$DOCKER_CONFIG"/buildx/instances/*; do [ -e "$f" ] && cat "$f" && echo; done; echo \'{"Name":"default","Driver":"docker"}\'',
  rm: 'rm "$DOCKER_CONFIG/buildx/instances/$3" && echo "$3 removed"',
};

/**
 * @param host DOCKER_HOST
 * @param standIn shell commands for each of buildx's own; default: buildx itself
 */
export async function dockerUser(host: string, standIn?: typeof STAND_IN): Promise<DockerUser> {
  const home = await mkdtemp(join(tmpdir(), 'cleanup-buildx-'));
  const config = join(home, '.docker');
  const instances = join(config, 'buildx', 'instances');
  const bin = join(home, 'bin');
  for (const directory of [join(config, 'cli-plugins'), instances, bin]) await mkdir(directory, { recursive: true });
  if (standIn) {
    const cases = Object.entries(standIn).map(([command, does]) => `${command}) ${does};;`);
    await writeFile(join(bin, 'docker'), `#!/bin/sh\ncase "$2" in\n${cases.join('\n')}\nesac\n`);
    await chmod(join(bin, 'docker'), 0o755);
  } else if (PLUGIN !== undefined) {
    await symlink(PLUGIN, join(config, 'cli-plugins', 'docker-buildx'));
  }
  const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: home, DOCKER_CONFIG: config, DOCKER_HOST: host };
  return {
    buildx: { env, runProgram },
    env,
    instances: () => readdir(instances),
    async write(name, endpoint, nodes = [`${name}0`]) {
      const all = nodes.map((node) => ({ Name: node, Endpoint: endpoint, Platforms: null, DriverOpts: null, Flags: null }));
      await writeFile(
        join(instances, name),
        JSON.stringify({ Name: name, Driver: 'docker-container', Nodes: all, Dynamic: false }),
      );
    },
    async docker(...args) {
      await execute('docker', args, { env });
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
