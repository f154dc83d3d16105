/**
 * Runs real harnesses through the built action, kills each in the middle, and prints what post
 * removed and whether anything stayed: `npm run harnesses`, or `npm run harnesses -- inspect_ai`.
 * They come from PyPI into a cache outside of the checkout. Compose must be there as the docker
 * command's plugin, or as COMPOSE=/path/to/docker-compose. inspect_ai wants Docker 24 or newer
 * (CLEANUP_TEST_ENGINE=docker-26.1, see docs/engines.md), Harbor and Terminal-Bench want Python
 * 3.12 (PYTHON=python3.12). A harness that can't be had is a row that says why, and the run fails.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { asError } from '../src/lib/errors';
import { dockerOptions } from '../src/providers/docker/connection/endpoint';
import { PrivateEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';

const execute = promisify(execFile);

interface Harness {
  readonly name: string;
  /** On PyPI. */
  readonly package: string;
  /** What it needs besides, and does not name. */
  readonly besides?: readonly string[];
  /** In `scripts/harnesses`. */
  readonly program: string;
}

const HARNESSES: readonly Harness[] = [
  { name: 'SWE-bench', package: 'swebench', program: 'swe-bench.py' },
  { name: 'SWE-ReX', package: 'swe-rex', besides: ['aiohttp'], program: 'swe-rex.py' },
  { name: 'mini-swe-agent', package: 'mini-swe-agent', program: 'mini-swe-agent.py' },
  { name: 'inspect_ai', package: 'inspect_ai', program: 'inspect-ai.py' },
  { name: 'Terminal-Bench', package: 'terminal-bench', program: 'terminal-bench.py' },
  { name: 'Harbor', package: 'harbor', program: 'harbor.py' },
];

const cache =
  process.env['HARNESSES_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cleanup-action-harnesses');

/** A virtual environment for each: their dependencies don't agree. @returns its Python, and the harness's version */
async function install({ package: name, besides = [] }: Harness): Promise<{ readonly python: string; readonly version: string }> {
  const directory = join(cache, name);
  const python = join(directory, 'bin', 'python');
  await access(join(directory, 'installed')).catch(async () => {
    await execute(process.env['PYTHON'] ?? 'python3', ['-m', 'venv', directory]);
    await execute(python, ['-m', 'pip', 'install', '--quiet', name, ...besides], { maxBuffer: 64 * 1024 * 1024 });
    await writeFile(join(directory, 'installed'), '');
  });
  const { stdout } = await execute(python, ['-c', `import importlib.metadata as m; print(m.version('${name}'))`]);
  return { python, version: stdout.trim() };
}

/** The docker command's configuration, with Compose as its plugin. */
async function dockerConfig(): Promise<string | undefined> {
  const compose = process.env['COMPOSE'];
  if (compose === undefined) return process.env['DOCKER_CONFIG'];
  const directory = await mkdtemp(join(tmpdir(), 'harnesses-docker-'));
  await mkdir(join(directory, 'cli-plugins'));
  await symlink(compose, join(directory, 'cli-plugins', 'docker-compose'));
  return directory;
}

/** Containers, networks and volumes, by name. */
async function everything(docker: Docker): Promise<readonly string[]> {
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
  ]);
  return [
    ...containers.flatMap(({ Names }) => Names.map((name) => name.slice(1))),
    ...networks.map(({ Name }) => Name),
    ...Volumes.map(({ Name }) => Name),
  ];
}

/** Starts the harness as a later step does, and kills it when its containers are there. */
async function runAndKill(python: string, { program }: Harness, image: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(python, [join(import.meta.dirname, 'harnesses', program), image, `run-${process.pid}`], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => {
        output += bytes;
        if (/^ready$/m.test(output)) resolve();
      });
    }
    child.once('exit', () => reject(new Error(`it ended by itself: ${output.trim().split('\n').slice(-5).join(' / ')}`)));
    setTimeout(() => reject(new Error(`it was not ready in two minutes: ${output.slice(-500)}`)), 120_000).unref();
  });
  try {
    await ready;
  } finally {
    if (child.pid !== undefined && child.exitCode === null) {
      const ended = once(child, 'exit');
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    }
  }
}

/** With a user `root`, bash, and a server for SWE-ReX that only waits. */
async function harnessImage(docker: Docker): Promise<string> {
  const from = await busyboxImage(docker, 'harness-busybox');
  const script = [
    'mkdir -p /etc /root /tmp /bin /usr/bin /workspace',
    'echo root:x:0:0:root:/root:/bin/sh > /etc/passwd',
    'ln -s /bin/busybox /bin/tail',
    'printf "#!/bin/sh\\nexec /bin/sh \\"\\$@\\"\\n" > /bin/bash',
    'printf "#!/bin/sh\\nexec tail -f /dev/null\\n" > /bin/swerex-remote',
    'chmod +x /bin/bash /bin/swerex-remote',
  ].join('; ');
  const container = await docker.createContainer({ Image: from, Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' } });
  await container.start();
  await container.wait();
  await container.commit({ repo: 'harness-image' });
  await container.remove();
  return 'harness-image';
}

interface Row {
  readonly harness: string;
  readonly removed: string;
  readonly left: string;
}

async function play(harness: Harness, docker: Docker, url: string, image: string, config: string | undefined): Promise<Row> {
  const { python, version } = await install(harness);
  const job = await Job.create({ env: { DOCKER_HOST: url }, inputs: { 'grace-period': '1s' } });
  const before = await everything(docker);
  try {
    const main = await job.main();
    if (main.exitCode !== 0) throw new Error(main.output);
    const exported = Object.fromEntries(await job.exported());
    const env = { ...process.env, ...exported, ...(config === undefined ? {} : { DOCKER_CONFIG: config }) };
    await runAndKill(python, harness, image, env);
    const made = (await everything(docker)).filter((name) => !before.includes(name));
    if (made.length === 0) throw new Error('it made nothing');
    await job.post();
    const left = (await everything(docker)).filter((name) => !before.includes(name));
    return {
      harness: `${harness.name} ${version}`,
      removed: made.filter((name) => !left.includes(name)).join(', '),
      left: left.join(', '),
    };
  } finally {
    await job.remove();
  }
}

const wanted = process.argv.slice(2);
const engine = await PrivateEngine.start();
try {
  const docker = new Docker(dockerOptions({ url: engine.url, from: 'the harnesses' }));
  const image = await harnessImage(docker);
  const config = await dockerConfig();
  const bystander = await docker.createContainer({
    Image: image,
    Cmd: ['sleep', '3600'],
    name: 'bystander',
    HostConfig: { NetworkMode: 'none' },
  });
  await bystander.start();
  const rows: Row[] = [];
  for (const harness of HARNESSES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const row = await play(harness, docker, engine.url, image, config).catch((error: unknown) => {
      return { harness: harness.name, removed: '', left: `not run: ${asError(error).message}` };
    });
    rows.push(row);
    console.log(JSON.stringify(row));
    if (row.left !== '') process.exitCode = 1;
  }
  console.table(rows);
  const survived = (await bystander.inspect()).State.Running;
  console.log(`The bystander ${survived ? 'still runs' : 'IS GONE'}.`);
  if (!survived) process.exitCode = 1;
} finally {
  await engine.stop();
}
