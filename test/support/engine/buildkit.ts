import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { hasBuildx, PLUGIN } from './buildx';

const execute = promisify(execFile);

const DIRECTORIES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin'];

/** The first of these programs that there is. */
async function found(program: string, accepts: (path: string) => Promise<boolean>): Promise<string | undefined> {
  for (const directory of DIRECTORIES) {
    const path = join(directory, program);
    if (await accepts(path).catch(() => false)) return path;
  }
  return undefined;
}

/** BuildKit is in the docker command up to 20.10; later ones need buildx for it. */
async function builds(docker: string): Promise<boolean> {
  const { stdout } = await execute(docker, ['--version']);
  return hasBuildx || Number(/version (\d+)/.exec(stdout)?.[1]) <= 20;
}

export const BUILDER = await found('docker', builds);
const BUSYBOX = await found('busybox', async (path) => (await execute(path, ['true'])).stderr === '');

export const WITHOUT_BUILDER = 'there is no docker command with BuildKit: Debian 12’s, or `npm run buildx`';

/**
 * `docker build` by BuildKit, from scratch, of so many steps after the first, each a layer of 100 kB of its own.
 * @param name so that no two builds are one, but for the same name
 */
export async function build(host: string, name: string, steps = 1): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-build-'));
  try {
    const bin = join(directory, 'context', 'bin');
    await mkdir(bin, { recursive: true });
    await copyFile(BUSYBOX ?? '', join(bin, 'busybox'));
    await writeFile(join(directory, 'context', 'name'), name);
    const lines = Array.from(
      { length: steps },
      (_, step) => `RUN ["/bin/busybox", "sh", "-c", "echo ${step}; /bin/busybox head -c 100000 /dev/urandom > /blob${step}"]`,
    );
    await writeFile(join(directory, 'context', 'Dockerfile'), ['FROM scratch', 'COPY . /', ...lines].join('\n'));
    const config = join(directory, 'config');
    await mkdir(join(config, 'cli-plugins'), { recursive: true });
    if (PLUGIN !== undefined) await symlink(PLUGIN, join(config, 'cli-plugins', 'docker-buildx'));
    const env = { PATH: process.env['PATH'], HOME: directory, DOCKER_CONFIG: config, DOCKER_HOST: host, DOCKER_BUILDKIT: '1' };
    await execute(BUILDER ?? '', ['build', '--network', 'none', '--tag', name, join(directory, 'context')], { env });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
