/**
 * Times the built post as a whole process against what people would type instead, in turn on the same engine:
 * `npm run bench`, `npm run bench 20` for fewer containers. Prints the table of bench/README.md.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { labels } from '../src/core/labels';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM } from '../test/support/engine/container-habits';
import { findOrStartEngine, type TestEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';
import { peakMemory } from './peak-memory';

const ROUNDS = 3;

/** A peer's label: post must not take what the peer is to remove. */
const PEER_LABEL = { 'bench.peer': 'yes' };

type Labels = Readonly<Record<string, string>>;

interface Case {
  readonly name: string;
  readonly containers: readonly (readonly string[])[];
  readonly peerName: string;
  /** Removes the peer's containers; runs `docker` for it. */
  readonly peer: (docker: DockerCommand, ids: readonly string[]) => Promise<void>;
}

type DockerCommand = (...words: readonly string[]) => Promise<void>;

/** Seconds of each round. */
interface Times {
  readonly post: readonly number[];
  readonly peer: readonly number[];
  /** MiB at most. */
  readonly memory: number;
}

const many = (number: number, command: readonly string[]) => Array.from({ length: number }, () => command);

const removeAll = (docker: DockerCommand, ids: readonly string[]) => docker('rm', '--force', ...ids);

function casesOf(number: number): readonly Case[] {
  const mixed = [HONOURS_SIGTERM, ['sleep', '3600'], ['true'], ['sh', '-c', 'sleep 3600; true'], ['false']];
  return [
    {
      name: 'nothing to do',
      containers: [],
      peerName: '`node -e 0`',
      peer: async () => {
        await promisify(execFile)(process.execPath, ['-e', '0']);
      },
    },
    {
      name: `${number} exited`,
      containers: many(number, ['true']),
      peerName: '`docker container prune`',
      peer: (docker) => docker('container', 'prune', '--force', '--filter', 'label=bench.peer'),
    },
    {
      name: `${number} deaf: \`sleep\` as PID 1`,
      containers: many(number, ['sleep', '3600']),
      peerName: '`docker rm -f` of all',
      peer: removeAll,
    },
    {
      name: `${number} deaf: \`sh -c "sleep infinity; true"\``,
      containers: many(number, ['sh', '-c', 'sleep 3600; true']),
      peerName: '`docker rm -f` of all',
      peer: removeAll,
    },
    {
      name: `${number} that end at SIGTERM`,
      containers: many(number, HONOURS_SIGTERM),
      peerName: '`docker rm -f` of all',
      peer: removeAll,
    },
    {
      name: `${number} that heed no SIGTERM, grace period 5 s`,
      containers: many(number, HEEDS_NO_SIGTERM),
      peerName: '5 s, and `docker rm -f` of all',
      peer: async (docker, ids) => {
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        await removeAll(docker, ids);
      },
    },
    {
      name: `${number * 5} mixed`,
      containers: mixed.flatMap((command) => many(number, command)),
      peerName: '`docker rm -f` of all',
      peer: removeAll,
    },
  ];
}

async function start({ docker }: TestEngine, image: string, commands: Case['containers'], marks: Labels): Promise<string[]> {
  const containers = commands.map(async (command) => {
    const options = { Image: image, Cmd: [...command], Labels: { ...marks }, HostConfig: { NetworkMode: 'none' } };
    const container = await docker.createContainer(options);
    await container.start();
    return container.id;
  });
  const ids = await Promise.all(containers);
  await Promise.all(ids.filter((_, index) => isShort(commands[index])).map((id) => docker.getContainer(id).wait()));
  return ids;
}

const isShort = (command: readonly string[] | undefined) => ['true', 'false'].includes(command?.[0] ?? '');

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

async function postRound(engine: TestEngine, image: string, { containers }: Case) {
  const job = await Job.create({ env: { DOCKER_HOST: engine.url }, inputs: { proxy: 'false' } });
  try {
    await job.main();
    await start(engine, image, containers, { [labels.session]: await job.session() });
    let memory = 0;
    const seconds = await timed(async () => {
      const post = await job.startPost();
      memory = await peakMemory(post);
    });
    const { post } = (await job.report()).phases;
    if (!post?.verified || post.resources.length !== containers.length) throw new Error(`post left something: ${job.directory}`);
    return { seconds, memory };
  } finally {
    await job.remove();
  }
}

async function peerRound(engine: TestEngine, image: string, { containers, peer }: Case): Promise<number> {
  const ids = await start(engine, image, containers, PEER_LABEL);
  const docker: DockerCommand = async (...words) => {
    const command = spawn('docker', words, { env: { ...process.env, DOCKER_HOST: engine.url }, stdio: 'ignore' });
    const [exitCode] = await once(command, 'exit');
    if (exitCode !== 0) throw new Error(`docker ${words[0]} ended with ${exitCode}`);
  };
  return timed(() => peer(docker, ids));
}

async function measure(engine: TestEngine, image: string, it: Case): Promise<Times> {
  const [post, peer, memories]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const { seconds, memory } = await postRound(engine, image, it);
    post.push(seconds);
    memories.push(memory);
    peer.push(await peerRound(engine, image, it));
  }
  return { post, peer, memory: Math.max(...memories) };
}

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

const shown = (values: readonly number[]) =>
  `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;

const number = Number(process.argv[2] ?? 100);
const engine = await findOrStartEngine();
const image = await busyboxImage(engine.docker as Docker, `cleanup-action-bench:${process.pid}`);
try {
  const { Version } = await engine.docker.version();
  console.log(`${availableParallelism()} cores, Node ${process.version}, Docker ${Version}; median of ${ROUNDS} (least–most)\n`);
  console.log('| Post with | Post | Against | Takes | Ratio | Memory |\n| --- | --- | --- | --- | --- | --- |');
  for (const it of casesOf(number)) {
    const { post, peer, memory } = await measure(engine, image, it);
    const ratio = (median(post) / median(peer)).toFixed(2);
    console.log(`| ${it.name} | ${shown(post)} | ${it.peerName} | ${shown(peer)} | ${ratio} | ${memory.toFixed(0)} MiB |`);
  }
} finally {
  await engine.docker.getImage(image).remove({ force: true });
  await engine.stop();
}
