/**
 * Measures what the built proxy costs: the delay of a small request and of a creation, 1 GB through
 * `load` and through `attach`, 500 connections at a time, and memory: `npm run bench:proxy`. Each is
 * done directly and through the proxy in turn, so that other load of the machine falls on both.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { ProxyProcess } from '../test/support/proxy/proxy-process';

const GIGABYTE = 1e9;
const PING = 'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n';

/** The two ways to the engine: paths of sockets. */
interface Ways {
  readonly direct: string;
  readonly through: string;
}

async function connected(path: string): Promise<Socket> {
  const socket = connect({ path });
  await once(socket, 'connect');
  return socket;
}

/** @returns milliseconds of one small request on a connection that is there */
async function ping(socket: Socket): Promise<number> {
  const startedAt = performance.now();
  const answered = once(socket, 'data');
  socket.write(PING);
  await answered;
  return performance.now() - startedAt;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * part)] ?? Number.NaN;
}

/** Runs the same both ways in turn, and returns what each returned. */
async function inTurn<Result>(
  times: number,
  { direct, through }: Ways,
  run: (path: string) => Promise<Result>,
): Promise<Record<keyof Ways, readonly Result[]>> {
  const results = { direct: [] as Result[], through: [] as Result[] };
  for (let time = 0; time < times; time++) {
    results.direct.push(await run(direct));
    results.through.push(await run(through));
  }
  return results;
}

async function smallRequests(ways: Ways): Promise<void> {
  const sockets = { [ways.direct]: await connected(ways.direct), [ways.through]: await connected(ways.through) };
  const { direct, through } = await inTurn(5000, ways, (path) => ping(sockets[path] as Socket));
  for (const socket of Object.values(sockets)) socket.destroy();
  tellDelay('a small request', direct, through);
}

async function creations(ways: Ways, image: string): Promise<void> {
  const { direct, through } = await inTurn(50, ways, async (socketPath) => {
    const startedAt = performance.now();
    const options = { Image: image, Cmd: ['true'], HostConfig: { NetworkMode: 'none' } };
    const container = await new Docker({ socketPath }).createContainer(options);
    const taken = performance.now() - startedAt;
    await container.remove();
    return taken;
  });
  tellDelay('a creation', direct, through);
}

function tellDelay(what: string, direct: readonly number[], through: readonly number[]): void {
  const [one, other] = [quantile(direct, 0.5), quantile(through, 0.5)];
  const [worst, otherWorst] = [quantile(direct, 0.99), quantile(through, 0.99)];
  console.log(
    `${what}: median ${one.toFixed(2)} ms directly, ${other.toFixed(2)} ms through, so ${(other - one).toFixed(2)} ms more; ` +
      `of 100 the slowest ${worst.toFixed(2)} and ${otherWorst.toFixed(2)} ms`,
  );
}

/** A docker archive with one layer of a gigabyte that is no image: the engine takes it all before it says so. */
async function load(path: string, archive: string): Promise<number> {
  const docker = new Docker({ socketPath: path });
  const startedAt = performance.now();
  const progress = await docker.loadImage(createReadStream(archive, { highWaterMark: 1024 * 1024 }) as unknown as string);
  for await (const _ of progress as AsyncIterable<Buffer>);
  return GIGABYTE / 1e6 / ((performance.now() - startedAt) / 1000);
}

/** What a container writes, by the docker command's `run`. Its log is kept nowhere. */
async function attach(path: string, image: string): Promise<number> {
  const options = ['run', '--rm', '--network', 'none', '--log-driver', 'none', image];
  const write = ['dd', 'if=/dev/zero', 'bs=1000000', `count=${GIGABYTE / 1e6}`];
  const startedAt = performance.now();
  const client = spawn('docker', [...options, ...write], {
    env: { ...process.env, DOCKER_HOST: `unix://${path}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let length = 0;
  client.stdout.on('data', (bytes: Buffer) => {
    length += bytes.length;
  });
  await once(client, 'close');
  if (length !== GIGABYTE) throw new Error(`${length} bytes came of ${GIGABYTE}`);
  return GIGABYTE / 1e6 / ((performance.now() - startedAt) / 1000);
}

async function throughput(what: string, times: number, ways: Ways, run: (path: string) => Promise<number>): Promise<void> {
  const { direct, through } = await inTurn(times, ways, run);
  const [one, other] = [quantile(direct, 0.5), quantile(through, 0.5)];
  console.log(
    `1 GB by ${what}: ${one.toFixed(0)} MB/s directly, ${other.toFixed(0)} MB/s through: ${(other / one).toFixed(2)} of it`,
  );
}

async function many(number: number, ways: Ways, proxy: ProxyProcess): Promise<void> {
  const { direct, through } = await inTurn(5, ways, async (path) => {
    const startedAt = performance.now();
    const sockets = await Promise.all(Array.from({ length: number }, () => connected(path)));
    await Promise.all(sockets.map(ping));
    const taken = performance.now() - startedAt;
    const used = path === ways.through ? await memory(proxy) : '';
    for (const socket of sockets) socket.destroy();
    return { taken, used };
  });
  const median = (results: typeof direct) =>
    quantile(
      results.map(({ taken }) => taken),
      0.5,
    ).toFixed(0);
  console.log(`${number} connections at once, one request each: ${median(direct)} ms directly, ${median(through)} ms through`);
  console.log(`memory while they are open: ${through.at(-1)?.used}`);
}

/** Of each of its processes: resident, of that its own, and the share of it when each page is divided by those that use it. */
async function memory(proxy: ProxyProcess): Promise<string> {
  const each = (await proxy.processes()).map(async (pid) => {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const [resident, share, own] = ['Rss', 'Pss', 'Private_Dirty'].map((name) => {
      return (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024).toFixed(1);
    });
    return `${resident} MiB resident (${own} its own, ${share} proportional)`;
  });
  return (await Promise.all(each)).join(' and ');
}

/** A sparse file in an archive's form, a gigabyte long. */
async function makeArchive(path: string): Promise<void> {
  const header = Buffer.alloc(512);
  header.write('layer.tar', 0);
  header.write('0000644\0', 100);
  header.write(`${GIGABYTE.toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const file = await open(path, 'w');
  await file.write(header);
  await file.truncate(512 + Math.ceil(GIGABYTE / 512) * 512 + 1024);
  await file.close();
}

const engine = await findOrStartEngine();
const proxy = await ProxyProcess.start(engine.url, {});
const ways = { direct: engine.url.replace('unix://', ''), through: proxy.url.replace('unix://', '') };
const image = await busyboxImage(new Docker({ socketPath: ways.direct }), `cleanup-action-bench:${process.pid}`);
const archive = join(tmpdir(), `cleanup-bench-${process.pid}.tar`);
try {
  console.log(`On ${engine.description}, Node ${process.version}:`);
  console.log(`memory before the first request: ${await memory(proxy)}`);
  await smallRequests(ways);
  await creations(ways, image);
  await many(500, ways, proxy);
  await makeArchive(archive);
  await throughput('load', 3, ways, (path) => load(path, archive));
  await throughput('attach', 3, ways, (path) => attach(path, image));
  console.log(`memory after all that: ${await memory(proxy)}`);
} finally {
  await rm(archive, { force: true });
  await proxy.stop();
  await new Docker({ socketPath: ways.direct }).getImage(image).remove({ force: true });
  await engine.stop();
}
