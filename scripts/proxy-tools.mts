/**
 * Runs other people's tools through the built proxy and beside it, and prints whether they saw the same,
 * and whether what they created is labelled: `npm run proxy:tools`, or `npm run proxy:tools -- Compose`.
 * Tools are installed into a cache outside of the checkout: Compose is built with Go; docker-py and
 * aiodocker come from PyPI, Testcontainers from npm. A tool that can't be had is a row that says so.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { findOrStartEngine, PrivateEngine, type TestEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { ProxyProcess } from '../test/support/proxy/proxy-process';

const execute = promisify(execFile);

const COMPOSE = 'v2.40.3';

const cache =
  process.env['PROXY_TOOLS_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cleanup-action-proxy-tools');
const programs = join(import.meta.dirname, 'proxy-tools');

const LABEL = 'passed-the-proxy';
const ownership = { owner: LABEL, labels: { [LABEL]: 'yes' } };

/** Where a tool is to work, and with what. */
interface Place {
  readonly url: string;
  readonly image: string;
  /** What it creates is called so, or begins so. */
  readonly name: string;
}

interface Tool {
  readonly name: string;
  readonly engine: 'docker' | 'podman';
  /** @returns the tool's version */
  install(): Promise<string>;
  /** @returns what it saw, but for what is different each time */
  play(place: Place): Promise<string>;
}

async function run(program: string, args: readonly string[], url: string, cwd = cache): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: url, TESTCONTAINERS_RYUK_DISABLED: 'true' };
  const { stdout } = await execute(program, args, { env, cwd, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const python = join(cache, 'python', 'bin', 'python');

async function pythonTool(module: string): Promise<string> {
  if (!(await isThere(python))) {
    await execute('python3', ['-m', 'venv', join(cache, 'python')]);
    await execute(python, ['-m', 'pip', 'install', '--quiet', 'docker', 'aiodocker']);
  }
  const { stdout } = await execute(python, ['-c', `import importlib.metadata as m; print(m.version('${module}'))`]);
  return stdout.trim();
}

const compose = join(cache, 'compose', 'docker-compose');

async function installCompose(): Promise<string> {
  if (!(await isThere(compose))) {
    const cwd = join(cache, 'compose');
    await mkdir(cwd, { recursive: true });
    await writeFile(join(cwd, 'go.mod'), `module tools\n\ngo 1.24\n\nrequire github.com/docker/compose/v2 ${COMPOSE}\n`);
    const build = ['build', '-mod=mod', '-ldflags=-s -w', '-o', compose, 'github.com/docker/compose/v2/cmd'];
    await execute('go', build, { cwd, maxBuffer: 64 * 1024 * 1024 });
  }
  return COMPOSE;
}

async function playCompose({ url, image, name }: Place): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'proxy-compose-'));
  const service = { image, command: ['sh', '-c', 'echo started; sleep 3600'], volumes: ['data:/data'], stop_grace_period: '0s' };
  const project = {
    services: { main: service, other: service },
    volumes: { data: {} },
    networks: { default: { internal: true } },
  };
  await writeFile(join(directory, 'compose.yaml'), JSON.stringify(project));
  const composed = (...args: readonly string[]) => run(compose, ['--ansi', 'never', '-p', name, ...args], url, directory);
  try {
    await composed('up', '-d');
    const ids = await composed('ps', '-q');
    await composed('up', '-d'); // What is up to date is not made again.
    const again = await composed('ps', '-q');
    const inside = await composed('exec', '-T', 'main', 'echo', 'hello');
    const once = await composed('run', '--rm', '-T', 'other', 'echo', 'once');
    const logs = await composed('logs', '--no-color', 'main');
    const { Labels } = (await new Docker({ socketPath: url.replace('unix://', '') }).getContainer(`${name}-main-1`).inspect())
      .Config;
    return JSON.stringify([ids === again, inside, once, logs.replaceAll(/\s+/g, ' '), Labels['com.docker.compose.config-hash']]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** run, exec, cp, build, events, and save into load of a gigabyte. */
async function playDocker({ url, image, name }: Place): Promise<string> {
  const docker = (...args: readonly string[]) => run('docker', args, url);
  const since = (await docker('info', '--format', '{{.SystemTime}}')).trim();
  const fill = ['sh', '-c', 'dd if=/dev/zero of=/big bs=1000000 count=1000 2>/dev/null; echo filled'];
  const ran = await docker('run', '--network', 'none', '--name', name, '-v', `${name}-volume:/data`, image, ...fill);
  const id = (await docker('commit', name, `${name}:big`)).trim();
  const length = await saveAndLoad(url, `${name}:big`);
  const loaded = await docker('image', 'inspect', '--format', '{{.Id}}', `${name}:big`);
  await docker('rmi', '-f', `${name}:big`);
  await docker('network', 'create', '--internal', `${name}-network`);
  const archive = await docker('cp', `${name}:/bin/busybox`, '-');
  const until = (await docker('info', '--format', '{{.SystemTime}}')).trim();
  const filters = ['--filter', 'type=container', '--filter', `container=${name}`, '--format', '{{.Action}}'];
  const events = await docker('events', '--since', since, '--until', until, ...filters);
  return JSON.stringify([ran, length > 1e9, id === loaded.trim(), archive.length, events]);
}

async function saveAndLoad(url: string, image: string): Promise<number> {
  const env = { ...process.env, DOCKER_HOST: url };
  const save = spawn('docker', ['save', image], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const load = spawn('docker', ['load', '--quiet'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  let length = 0;
  save.stdout.on('data', (bytes: Buffer) => {
    length += bytes.length;
  });
  save.stdout.pipe(load.stdin);
  const [code] = await once(load, 'close');
  if (code !== 0) throw new Error(`docker load ended with ${code}`);
  return length;
}

async function playPodman({ url, image, name }: Place): Promise<string> {
  const podman = (...args: readonly string[]) => run('podman', ['--remote', '--url', url, ...args], url);
  await podman('volume', 'create', `${name}-other`);
  await podman('network', 'create', '--internal', `${name}-network`);
  await podman('run', '-d', '--network', 'none', '--name', name, '-v', `${name}-volume:/data`, image, 'sleep', '3600');
  const inside = await podman('exec', name, 'echo', 'hello');
  const once = await podman('run', '--rm', '--network', 'none', image, 'echo', 'once');
  return JSON.stringify([inside, once]);
}

const TOOLS: readonly Tool[] = [
  {
    name: 'docker: run, cp, commit, events, save into load of 1 GB',
    engine: 'docker',
    install: async () => (await execute('docker', ['--version'])).stdout.replace(/^Docker version |,.*\n$/g, ''),
    play: playDocker,
  },
  { name: 'Compose: up twice, exec, run, logs', engine: 'docker', install: installCompose, play: playCompose },
  {
    name: 'docker-py: run, exec, exec by a socket, archives, logs',
    engine: 'docker',
    install: () => pythonTool('docker'),
    play: ({ url, image, name }) => run(python, [join(programs, 'with-docker-py.py'), image, name], url),
  },
  {
    name: 'aiodocker: run, exec by a socket, 20 at a time, logs',
    engine: 'docker',
    install: () => pythonTool('aiodocker'),
    play: ({ url, image, name }) => run(python, [join(programs, 'with-aiodocker.py'), image, name], url),
  },
  {
    name: 'testcontainers-node: start, copy, exec, logs, restart',
    engine: 'docker',
    install: async () => {
      const directory = join(cache, 'node');
      await mkdir(directory, { recursive: true });
      if (!(await isThere(join(directory, 'node_modules', 'testcontainers')))) {
        await writeFile(join(directory, 'package.json'), '{"private":true}');
        await execute('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'testcontainers'], { cwd: directory });
      }
      const script = "console.log(require('./node_modules/testcontainers/package.json').version)";
      return (await execute(process.execPath, ['-e', script], { cwd: directory })).stdout.trim();
    },
    play: ({ url, image, name }) =>
      run(process.execPath, [join(programs, 'with-testcontainers.cjs'), image, name], url, join(cache, 'node')),
  },
  {
    name: 'podman --remote: volume, network, run, exec',
    engine: 'podman',
    install: async () => (await execute('podman', ['--version'])).stdout.trim().replace('podman version ', ''),
    play: playPodman,
  },
];

/** Everything on the engine whose name has this in it, with its labels. */
async function createdBy(docker: Docker, name: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const containers = await docker.listContainers({ all: true, filters: { name: [name] } });
  const networks = await docker.listNetworks({ filters: { name: [name] } });
  const { Volumes } = await docker.listVolumes({ filters: { name: [name] } });
  return [...containers, ...networks, ...Volumes].map(({ Labels }) => Labels ?? {});
}

async function removeAll(docker: Docker, name: string): Promise<void> {
  const filters = { name: [name] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) await docker.getContainer(Id).remove({ force: true });
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove();
  for (const { Name } of (await docker.listVolumes({ filters })).Volumes) await docker.getVolume(Name).remove();
}

/** One row of the table. */
async function tryOut(tool: Tool, engine: TestEngine, image: string): Promise<string> {
  const docker = new Docker({ socketPath: engine.url.replace('unix://', '') });
  const proxy = await ProxyProcess.start(engine.url, { ownership });
  const id = createHash('sha256').update(`${tool.name} ${Date.now()}`).digest('hex').slice(0, 8);
  const [direct, through] = [`direct-${id}`, `through-${id}`];
  try {
    const version = await tool.install();
    const played = await tool.play({ url: engine.url, image, name: direct });
    const passed = await tool.play({ url: proxy.url, image, name: through });
    const made = await createdBy(docker, through);
    const labelled = made.filter((labels) => labels[LABEL] === 'yes').length;
    const besides = (await createdBy(docker, direct)).filter((labels) => LABEL in labels).length;
    const same = passed.replaceAll(through, 'NAME') === played.replaceAll(direct, 'NAME');
    if (!same || labelled < made.length || made.length < 2 || besides > 0) process.exitCode = 1;
    if (!same) console.error(`${tool.name}:\n  directly ${played}\n  through  ${passed}`);
    const complaints = await proxy.log();
    if (complaints) console.error(complaints);
    return `| ${tool.name} | ${version} | ${same ? 'the same' : 'DIFFERENT'} | ${labelled} of ${made.length} |`;
  } catch (error) {
    process.exitCode = 1;
    return `| ${tool.name} | | not run: ${String(error).split('\n')[0]} | |`;
  } finally {
    await Promise.all([direct, through].map((name) => removeAll(docker, name))).catch((error) => console.error(error));
    await proxy.stop();
  }
}

const wanted = process.argv.slice(2);
const chosen = TOOLS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
await mkdir(cache, { recursive: true });
console.log('| Tool | Version | It saw | Labelled |\n| --- | --- | --- | --- |');
for (const product of new Set(chosen.map(({ engine }) => engine))) {
  const engine = await (product === 'docker' ? findOrStartEngine() : PrivateEngine.start({ name: 'podman-4.3' }));
  try {
    const docker = new Docker({ socketPath: engine.url.replace('unix://', '') });
    const image = await busyboxImage(docker, `proxy-tools:${process.pid}`);
    for (const tool of chosen.filter(({ engine: its }) => its === product)) console.log(await tryOut(tool, engine, image));
    await docker.getImage(image).remove({ force: true });
  } finally {
    await engine.stop();
  }
}
