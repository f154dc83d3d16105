/**
 * Times the built action as whole processes against what people would type instead, in turn on the same engine, and prints the table of
 * bench/README.md: `npm run bench`; `npm run bench 20` for fewer containers; `npm run bench 100 Compose exited` for the lines with one of
 * these words. `npm run bench -- 20 --within 4` fails when a line takes more than four times its target.
 * COMPOSE names another docker-compose than the one on the path.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type Docker from 'dockerode';
import { labels } from '../src/core/labels';
import { Limit } from '../src/lib/limit';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM, startWhenReady } from '../test/support/engine/container-habits';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';
import { type Cost, costOf } from './cost';
import { leastSeconds, postWithSandboxes } from './daytona';

const execute = promisify(execFile);

/** A peer's label: post must not take what the peer is to remove. */
const PEER_LABELS: Labels = { 'bench.peer': 'yes' };

/** Containers that are started at once. */
const AT_ONCE = 8;

type Labels = Readonly<Record<string, string>>;

/** A line of the table. */
interface Line {
  readonly name: string;
  readonly rounds: number;
  readonly own: () => Promise<Cost>;
  readonly peerName: string;
  /** @returns seconds */
  readonly peer: () => Promise<number>;
  /** What the engine alone takes for the same requests, made by a program that runs already. @returns seconds */
  readonly floor?: () => Promise<number>;
  /** Of our time to the peer's, at most; or seconds. */
  readonly target: number | string;
}

type Commands = readonly (readonly string[])[];

const many = (count: number, command: readonly string[]): Commands => Array.from({ length: count }, () => command);

const mixed = (count: number): Commands =>
  [HONOURS_SIGTERM, ['sleep', '3600'], ['true'], ['sh', '-c', 'sleep 3600; true'], ['false']].flatMap((command) =>
    many(count / 5, command),
  );

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { within: { type: 'string' } } });
const [containersEach = '100', ...words] = positionals;
const number = Number(containersEach);
/** How often a line may take its target; undefined where nothing is to fail. */
const bound = values.within === undefined ? undefined : Number(values.within);
const engine = await findOrStartEngine();
const { docker } = engine;
const image = await busyboxImage(docker, `cleanup-action-bench:${process.pid}`);
const toEngine = { env: { ...process.env, DOCKER_HOST: engine.url } };

async function run(program: string, ...words: readonly string[]): Promise<void> {
  const command = spawn(program, words, { ...toEngine, stdio: 'ignore' });
  const [exitCode] = await once(command, 'exit');
  if (exitCode !== 0) throw new Error(`${program} ${words[0]} ended with ${exitCode}`);
}

const removeAll = (ids: readonly string[]) => run('docker', 'rm', '--force', ...ids);

async function start(commands: Commands, marks: Labels): Promise<readonly string[]> {
  const limit = new Limit(AT_ONCE);
  const never = new AbortController().signal;
  const started = commands.map((command) =>
    limit.run(never, async () => {
      const options = { Image: image, Cmd: [...command], Labels: { ...marks }, HostConfig: { NetworkMode: 'none' } };
      const container = await startWhenReady(await docker.createContainer(options), command);
      if (command[0] === 'true' || command[0] === 'false') await container.wait();
      return container.id;
    }),
  );
  return Promise.all(started);
}

/** @param leave starts what the post is to remove, and says how many */
async function post(leave: (marks: Labels) => Promise<number>): Promise<Cost> {
  const job = await Job.create({ env: { DOCKER_HOST: engine.url }, inputs: { proxy: 'false' } });
  try {
    await job.main();
    const count = await leave({ [labels.session]: await job.session() });
    const startedAt = performance.now();
    const cost = await costOf(await job.startPost(), startedAt);
    const { post: report } = (await job.report()).phases;
    if (!report?.verified || report.resources.length !== count) throw new Error(`post left something: ${job.directory}`);
    return cost;
  } finally {
    await job.remove();
  }
}

const postWith = (commands: Commands) => post(async (marks) => (await start(commands, marks)).length);

/** As many requests at once as post makes by default: with more, the engine takes longer. */
const FLOOR_AT_ONCE = 16;

/** Lists what the peer's label has, asks for each, and lists again, as post does. */
async function floorOf(commands: Commands, request: (container: Docker.Container) => Promise<unknown>): Promise<number> {
  await start(commands, PEER_LABELS);
  const listed = () => docker.listContainers({ all: true, filters: { label: Object.keys(PEER_LABELS) } });
  const limit = new Limit(FLOOR_AT_ONCE);
  const never = new AbortController().signal;
  return timed(async () => {
    await Promise.all((await listed()).map(({ Id }) => limit.run(never, () => request(docker.getContainer(Id)))));
    if ((await listed()).length > 0) throw new Error('the floor left something');
  });
}

const force = (container: Docker.Container) => container.remove({ force: true, v: true });

function containers(
  name: string,
  commands: Commands,
  peerName: string,
  peer: (ids: readonly string[]) => Promise<void>,
  request: (container: Docker.Container) => Promise<unknown>,
  target: number,
): Line {
  return {
    name,
    rounds: 3,
    own: () => postWith(commands),
    peerName,
    peer: async () => {
      const ids = await start(commands, PEER_LABELS);
      return timed(() => peer(ids));
    },
    floor: () => floorOf(commands, request),
    target,
  };
}

const PROJECTS = 20;
const SERVICES = ['a', 'b', 'c', 'd', 'e'];

const compose = (directory: string, project: number, ...words: readonly string[]) =>
  run(process.env['COMPOSE'] ?? 'docker-compose', '-p', `bench${project}`, '-f', join(directory, 'compose.yaml'), ...words);

/** Each project has its services, a volume for each, and a network. @returns how many resources there are */
async function composeUp(directory: string, marks: Labels): Promise<number> {
  const service = (name: string) => ({
    image,
    command: HONOURS_SIGTERM.map((word) => word.replaceAll('$', '$$')),
    volumes: [`${name}:/data`],
    labels: marks,
  });
  const file = {
    version: '3',
    services: Object.fromEntries(SERVICES.map((name) => [name, service(name)])),
    volumes: Object.fromEntries(SERVICES.map((name) => [name, { labels: marks }])),
    networks: { default: { internal: true, labels: marks } },
  };
  await writeFile(join(directory, 'compose.yaml'), JSON.stringify(file));
  const limit = new Limit(2);
  const never = new AbortController().signal;
  await Promise.all(
    Array.from({ length: PROJECTS }, (_, project) => limit.run(never, () => compose(directory, project, 'up', '-d'))),
  );
  return PROJECTS * (2 * SERVICES.length + 1);
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-compose-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function main(): Promise<Cost> {
  const job = await Job.create({ env: { DOCKER_HOST: engine.url } });
  try {
    const startedAt = performance.now();
    const cost = await costOf(await job.startMain(), startedAt);
    await job.post();
    return cost;
  } finally {
    await job.remove();
  }
}

function sandboxes(state: 'started' | 'stopped', requestsEach: number): Line {
  return {
    name: `${number * 100} ${state} sandboxes`,
    rounds: 1,
    own: () => postWithSandboxes(number * 100, state),
    peerName: `the rate limit: ${requestsEach * number * 100} requests at 10,000 a minute`,
    peer: async () => leastSeconds(requestsEach * number * 100),
    target: 1.1,
  };
}

const node = () => timed(() => execute(process.execPath, ['-e', '0']));

const LINES: readonly Line[] = [
  { name: 'nothing to do', rounds: 9, own: () => postWith([]), peerName: '`node -e 0`', peer: node, target: 5 },
  containers(
    `${number} exited`,
    many(number, ['true']),
    '`docker container prune`',
    () => run('docker', 'container', 'prune', '--force', '--filter', 'label=bench.peer'),
    (container) => container.remove({ v: true }),
    1.1,
  ),
  containers(
    `${number} deaf: \`sleep\` as PID 1`,
    many(number, ['sleep', '3600']),
    '`docker rm -f` of all',
    removeAll,
    force,
    1.1,
  ),
  containers(
    `${number} deaf: \`sh -c "sleep infinity; true"\``,
    many(number, ['sh', '-c', 'sleep 3600; true']),
    '`docker rm -f` of all',
    removeAll,
    force,
    1.1,
  ),
  containers(
    `${number} that end at SIGTERM`,
    many(number, HONOURS_SIGTERM),
    '`docker rm -f` of all',
    removeAll,
    async (container) => {
      await container.stop({ t: 10 });
      await container.remove({ v: true });
    },
    1.1,
  ),
  containers(
    `${number} that heed no SIGTERM, grace period 5 s`,
    many(number, HEEDS_NO_SIGTERM),
    '5 s, and `docker rm -f` of all',
    async (ids) => {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await removeAll(ids);
    },
    force,
    1.05,
  ),
  {
    name: `${number * 5} mixed`,
    rounds: 3,
    own: () => postWith(mixed(number * 5)),
    peerName: `5 times post with ${number} mixed`,
    peer: async () => 5 * (await postWith(mixed(number))).seconds,
    target: 1,
  },
  {
    name: `${PROJECTS} Compose projects of ${SERVICES.length} services, a network, ${SERVICES.length} volumes`,
    rounds: 3,
    own: () => inDirectory((directory) => post((marks) => composeUp(directory, marks))),
    peerName: '`docker-compose down -v` of each',
    peer: () =>
      inDirectory(async (directory) => {
        await composeUp(directory, PEER_LABELS);
        return timed(async () => {
          for (let project = 0; project < PROJECTS; project += 1) await compose(directory, project, 'down', '-v');
        });
      }),
    target: 0.5,
  },
  sandboxes('stopped', 1),
  sandboxes('started', 2),
  {
    name: 'main: nothing to clean, proxy and watchdog',
    rounds: 9,
    own: main,
    peerName: '`node -e 0`',
    peer: node,
    target: '0.25 s',
  },
];

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

const shown = (values: readonly number[]) =>
  `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;

async function measured({ name, rounds, own, peerName, peer, floor, target }: Line): Promise<string> {
  const [costs, peers, floors]: [Cost[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    costs.push(await own());
    peers.push(await peer());
    if (floor) floors.push(await floor());
  }
  const seconds = costs.map((cost) => cost.seconds);
  const ratio = median(seconds) / median(peers);
  const limit = (bound ?? Number.POSITIVE_INFINITY) * Number.parseFloat(String(target));
  const isTooSlow = (typeof target === 'number' ? ratio : median(seconds)) > limit;
  if (isTooSlow) process.exitCode = 1;
  const memory = Math.max(...costs.map((cost) => cost.memory)).toFixed(0);
  const least = floors.length > 0 ? shown(floors) : '';
  const cells = [
    name,
    shown(seconds),
    peerName,
    shown(peers),
    ratio.toFixed(2),
    isTooSlow ? `**${target}**` : target,
    least,
    `${memory} MiB`,
    loadavg()[0]?.toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

try {
  const { Version } = await docker.version();
  console.log(`${availableParallelism()} cores, Node ${process.version}, Docker ${Version}; median (least–most)\n`);
  console.log('| Post with | Takes | Against | Takes | Ratio | Target | Floor | Memory | Load |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const isWanted = ({ name }: Line) => words.length === 0 || words.some((word) => name.includes(word));
  for (const line of LINES.filter(isWanted)) console.log(await measured(line));
} finally {
  // An engine that has locked itself never answers.
  await docker
    .getImage(image)
    .remove({ force: true, abortSignal: AbortSignal.timeout(10_000) })
    .catch(console.error);
  await engine.stop();
}
