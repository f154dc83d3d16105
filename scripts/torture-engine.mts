/**
 * Breaks the engine, and what stands around it, at random moments while post cleans, and sees that all is gone or told:
 * `npm run torture:engine`, `npm run torture:engine -- 50` for more rounds of each. Takes minutes, and writes its table
 * to docs/reliability.md if nothing was lost without a word.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import { labels } from '../src/core/labels';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM, IGNORES_SIGTERM } from '../test/support/engine/container-habits';
import { EngineToBreak } from '../test/support/engine/engine-to-break';
import { type Fault, FlakyProxy } from '../test/support/engine/flaky-proxy';
import type { Job } from '../test/support/job/job';
import { writeSection } from './reliability-document';

/** What post may take with 500 containers beside it; more is counted as lost: it hung. */
const MAX_MS = 120_000;

const HABITS = [HONOURS_SIGTERM, HEEDS_NO_SIGTERM, IGNORES_SIGTERM, ['sleep', '3600'], ['true'], ['sh', '-c', 'exit 3']];

/** Does its harm to one job's post. @returns when post has ended, and the engine is well again */
type Harm = (job: Job, session: string) => Promise<void>;

interface Row {
  tries: number;
  lost: number;
  touched: number;
  told: number;
  worstMs: number;
}

/** The disk of the engine: a small file system, which can be filled up. */
const disk = await mkdtemp(join(tmpdir(), 'cleanup-engine-disk-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', disk]);
const there = await EngineToBreak.start({ dockerdArguments: ['--data-root', disk] });
const { engine } = there;

const some = <T,>(choices: readonly T[]): T => choices[Math.floor(Math.random() * choices.length)] as T;

/** Containers of the session with habits of all kinds; a part restarts itself, or removes itself. */
async function leak(session: string, count: number): Promise<void> {
  const hostConfigs: readonly Docker.HostConfig[] = [{}, {}, { RestartPolicy: { Name: 'always' } }, { AutoRemove: true }];
  const next = async () => {
    const container = await engine.docker.createContainer({
      Image: 'cleanup-action-test:faults',
      Cmd: [...some(HABITS)],
      Labels: { [labels.session]: session },
      HostConfig: { NetworkMode: 'none', ...some(hostConfigs) },
    });
    await container.start();
    if (Math.random() < 0.1) await container.pause().catch(() => undefined); // It may have ended.
  };
  const worker = async (share: number) => {
    for (let made = 0; made < share; made += 1) await next();
  };
  await Promise.all(Array.from({ length: 4 }, (_, index) => worker(Math.ceil((count - index) / 4))));
}

async function ended(job: Job, meanwhile: () => Promise<unknown>): Promise<void> {
  const post = await job.startPost();
  await pause(Math.random() * 1_500);
  await meanwhile();
  await post.ended;
}

const FAULTS: readonly Fault[] = [
  { kind: 'hang' },
  { kind: 'stall' },
  { kind: 'reset' },
  { kind: 'cut' },
  { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[{"Id":"a' },
];

const nothing = async () => undefined;

interface Scenario {
  readonly inputs?: Readonly<Record<string, string>>;
  /** Containers of the session. */
  readonly count?: number;
  readonly rounds?: number;
  readonly harm: Harm;
}

const HARMS: Readonly<Record<string, Scenario>> = {
  'the engine is frozen for up to 4 s': {
    harm: (job) =>
      ended(job, async () => {
        await engine.freeze();
        await pause(Math.random() * 4_000);
        await engine.thaw();
      }),
  },
  'the engine is killed, and started again': {
    inputs: { 'retry-delay': '2s' },
    harm: (job) =>
      ended(job, async () => {
        await engine.kill();
        await pause(Math.random() * 2_000);
        await engine.restart();
      }),
  },
  'a fifth of all requests hangs, stalls, is cut, reset or garbled': {
    inputs: { proxy: 'false', 'stop-timeout': '6s', 'kill-timeout': '2s', 'remove-timeout': '3s', deadline: '60s' },
    harm: async (job) => {
      const proxy = await FlakyProxy.start(engine.socketPath);
      for (const fault of FAULTS) proxy.spoil(fault, () => Math.random() < 0.2 / FAULTS.length);
      // Main has saved where it found the engine.
      const state = (await job.stateFile()).replaceAll(engine.url, proxy.url);
      await (await job.startPost({}, state)).ended;
      await proxy.stop();
    },
  },
  'a first post is killed, and two more run at once': {
    harm: async (job) => {
      const first = await job.startPost();
      await pause(Math.random() * 1_500);
      first.kill('SIGKILL');
      await Promise.all([job.post(), job.post()]);
    },
  },
  'containers are created meanwhile, for 2 s': {
    harm: async (job, session) => {
      const until = performance.now() + 2_000;
      const create = async () => {
        while (performance.now() < until) await leak(session, 1);
      };
      await Promise.all([create(), ended(job, nothing)]);
    },
  },
  '500 containers, of all habits': { count: 500, rounds: 1, harm: (job) => ended(job, nothing) },
  'post has 40 file descriptors': {
    harm: async (job) => {
      const { node, bundle, env } = await job.postProcess();
      const post = spawn('prlimit', ['--nofile=40:40', node, bundle], { env, stdio: 'ignore' });
      await once(post, 'exit');
    },
  },
  'the disk of the engine is full': {
    inputs: { deadline: '20s' },
    harm: async (job) => {
      const filler = join(disk, 'filler');
      // What a removal gives back is taken at once.
      const fill = 'while :; do cat /dev/zero >> "$1"; sleep 0.05; done';
      let filling: ChildProcess | undefined;
      await ended(job, async () => {
        filling = spawn('sh', ['-c', fill, 'sh', filler], { stdio: 'ignore' });
      });
      filling?.kill('SIGKILL');
      await rm(filler, { force: true });
    },
  },
  'the disk of the runner is full': {
    harm: async (job) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=8', 'tmpfs', job.temp]);
      try {
        await (await job.startPost()).ended;
      } finally {
        execFileSync('umount', ['--lazy', job.temp]);
      }
    },
  },
};

/** Ids of what is left, and whether each of them stands in the report. */
async function leftovers(job: Job, session: string): Promise<{ readonly left: readonly string[]; readonly isTold: boolean }> {
  const filters = { label: [`${labels.session}=${session}`] };
  const left = (await engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
  if (left.length === 0) return { left, isTold: true };
  const report = await job.report().catch(() => undefined);
  const post = report?.phases.post;
  const failed = new Set(post?.resources.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id));
  const isUnknown = post?.providers.some(
    ({ status, reason }) => status === 'unavailable' || /no listing of the kind container/.test(reason),
  );
  return { left, isTold: post?.verified === false && (isUnknown === true || left.every((id) => failed.has(id))) };
}

/** What the report says of it, in one line. */
async function accountOf(job: Job): Promise<string> {
  const post = (await job.report().catch(() => undefined))?.phases.post;
  const errors = post?.resources.filter(({ outcome }) => outcome === 'failed').map(({ name, error }) => `${name}: ${error}`);
  return JSON.stringify({ verified: post?.verified, providers: post?.providers, errors });
}

async function round(name: string, row: Row): Promise<void> {
  const { harm, inputs = {}, count = 6 } = HARMS[name] as Scenario;
  const job = await there.begunJob({ inputs: { 'grace-period': '1s', ...inputs } });
  const session = await job.session();
  await leak(session, count);
  const startedAt = performance.now();
  await harm(job, session);
  const ms = performance.now() - startedAt;
  const { left, isTold } = await leftovers(job, session);
  row.tries += 1;
  row.worstMs = Math.max(row.worstMs, ms);
  if (left.length > 0 && isTold) row.told += 1;
  if (left.length > 0) console.error(`${name}: ${left.length} left: ${await accountOf(job)}`);
  if (!isTold || ms > MAX_MS) {
    row.lost += 1;
    console.error(`${name}: ${left.length} containers are left, told: ${isTold}, after ${Math.round(ms)} ms`);
  }
  for (const id of left) await engine.docker.getContainer(id).remove({ force: true }).catch(nothing);
  await there.checkBystanders().catch((error: Error) => {
    row.touched += 1;
    console.error(`${name}: ${error.message}`);
  });
  await there.endJobs();
}

const rounds = Number(process.argv[2] ?? 15);
const rows = new Map<string, Row>();
try {
  for (const name of Object.keys(HARMS).filter((each) => each.includes(process.argv[3] ?? ''))) {
    const row = { tries: 0, lost: 0, touched: 0, told: 0, worstMs: 0 };
    rows.set(name, row);
    for (let number = 0; number < (HARMS[name]?.rounds ?? rounds); number += 1) await round(name, row);
    console.log(`${name}: ${JSON.stringify(row)}`);
  }
  const table = [
    '| While post cleans | Tries | Left, and told | Lost without a word | Wrongly touched | Worst time |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...[...rows].map(
      ([name, { tries, told, lost, touched, worstMs }]) =>
        `| ${name} | ${tries} | ${told} | ${lost} | ${touched} | ${(worstMs / 1000).toFixed(1)} s |`,
    ),
  ];
  console.log(table.join('\n'));
  const isGood = [...rows.values()].every(({ lost, touched }) => lost + touched === 0);
  if (isGood && process.argv[3] === undefined)
    await writeSection(
      'torture-engine',
      `Last run: ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores.\n\n${table.join('\n')}`,
    );
  if (!isGood) process.exitCode = 1;
} finally {
  await there.stop();
  execFileSync('umount', ['--lazy', disk]);
  await rmdir(disk);
}
