/**
 * Kills what a session lives by at random moments, and sees that nothing is left: the runner's worker, in main, in a later
 * step and in post; main, post and the proxy alone, where the runner goes on; the command line's `run`, before its command, while it runs,
 * and in the teardown. `npm run torture`, `npm run torture -- 220` for more rounds. Takes minutes, and writes the table of docs/reliability.md if nothing was lost.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labels } from '../src/core/labels';
import { quietly } from '../src/lib/quietly';
import { commandLineBundle } from '../test/support/cli/command-line';
import { commandsWith, processesWith } from '../test/support/cli/processes';
import { HEEDS_NO_SIGTERM } from '../test/support/engine/container-habits';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { type Inputs, Job } from '../test/support/job/job';
import { Worker } from '../test/support/job/worker';
import { writeSection } from './reliability-document';

const GRACE_MS = 1_000;

/** Milliseconds after the grace period in which all must be gone. */
const MAX_MS = 15_000;

interface Row {
  tries: number;
  lost: number;
  touched: number;
  worstMs: number;
}

let turn = 0;

const engine = await findOrStartEngine();
const { docker } = engine;
const image = await busyboxImage(docker, `cleanup-action-torture:${process.pid}`);

const HARNESS = `while :; do docker run -d --network none ${image} sh -c 'sleep 3600; true'; sleep 0.1; done`;

/** Containers that carry a session's label; all of the round's own, because only they do. */
async function labelled(): Promise<number> {
  return (await docker.listContainers({ all: true, filters: { label: [labels.session] } })).length;
}

/** A session at work. */
interface Session {
  /** Only its own processes have it in their environment or command line. */
  readonly directory: string;
  /** Ends with SIGKILL what the session lives by. */
  readonly kill: () => Promise<unknown> | unknown;
  readonly remove: () => Promise<void>;
}

interface Moment {
  readonly shown: string;
  readonly begin: () => Promise<Session>;
  /** Milliseconds from the moment's begin in which it is killed. */
  readonly withinMs: number;
}

async function newJob(inputs: Inputs = {}): Promise<{ readonly worker: Worker; readonly job: Job }> {
  const worker = await Worker.start();
  const env = { DOCKER_HOST: engine.url, RUNNER_TRACKING_ID: `github_${process.pid}` };
  return { worker, job: await Job.create({ worker, env, inputs: { 'grace-period': `${GRACE_MS}ms`, ...inputs } }) };
}

async function beginJob(inputs: Inputs, at: (job: Job) => Promise<void>): Promise<Session> {
  const { worker, job } = await newJob(inputs);
  await at(job);
  return { directory: job.temp, kill: () => worker.kill(), remove: () => job.remove() };
}

/** A job of which one process is killed alone. Its runner goes on, and ends when it is through. */
async function beginWithRunner(inputs: Inputs, at: (job: Job) => Promise<() => Promise<unknown>>): Promise<Session> {
  const { worker, job } = await newJob(inputs);
  const killAndGoOn = await at(job);
  const kill = async () => {
    await killAndGoOn();
    await worker.kill();
  };
  return { directory: job.temp, kill, remove: () => job.remove() };
}

async function inStep(job: Job): Promise<number> {
  await job.main();
  const env = Object.fromEntries(await job.exported());
  return (await job.startStep(['setsid', 'bash', '-c', HARNESS], env)).pid;
}

async function beginRun(script: string, at: (directory: string) => boolean): Promise<Session> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-run-'));
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, DOCKER_HOST: engine.url, TMPDIR: directory, CLEANUP_STATE_DIRECTORY: join(directory, 'state') };
  const words = [commandLineBundle, 'run', '--grace-period', `${GRACE_MS}ms`, '--', 'bash', '-c', script];
  const run = spawn(process.execPath, words, { env, cwd: directory, stdio: 'ignore' });
  const exited = new Promise((resolve) => run.once('exit', resolve));
  while (!at(directory) && run.exitCode === null) await pause(10);
  return {
    directory,
    kill: () => {
      run.kill('SIGKILL');
      return exited;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

const RUNS = `touch here; ${HARNESS}`;
const isHere = (directory: string) => existsSync(join(directory, 'here'));

const moments: readonly Moment[] = [
  {
    shown: 'The worker in main',
    withinMs: 2_500,
    begin: () =>
      beginJob({ run: HARNESS }, async (job) => {
        void job.main();
        // Whoever adopts a process here is no init that main would know: see src/lib/adopted.ts.
        while ((await job.stateFile()) === '') await pause(10);
      }),
  },
  { shown: 'The worker in a later step', withinMs: 2_500, begin: () => beginJob({}, async (job) => void (await inStep(job))) },
  {
    shown: 'The worker in post',
    withinMs: 1_000,
    begin: () =>
      beginJob({}, async (job) => {
        const harness = await inStep(job);
        await pause(500);
        process.kill(harness, 'SIGKILL');
        await job.startPostStep();
      }),
  },
  {
    shown: 'The worker with one of the watchdog’s two processes',
    withinMs: 2_500,
    begin: async () => withOneWatchdog(await beginJob({}, async (job) => void (await inStep(job)))),
  },
  {
    shown: 'Main alone; the runner goes on to post',
    withinMs: 2_500,
    begin: () =>
      beginWithRunner({ run: HARNESS }, async (job) => {
        const main = await job.startMainStep();
        const pid = await main.pid;
        while ((await job.stateFile()) === '') await pause(10);
        return async () => {
          process.kill(pid, 'SIGKILL'); // The benchmark has its output open, and is post's to end.
          await job.post();
        };
      }),
  },
  {
    shown: 'Post alone; the runner ends',
    withinMs: 1_000,
    begin: () =>
      beginWithRunner({}, async (job) => {
        const harness = await inStep(job);
        await pause(500);
        process.kill(harness, 'SIGKILL');
        const post = await job.startPostStep();
        const pid = await post.pid;
        return async () => {
          quietly(() => process.kill(pid, 'SIGKILL')); // It may be through.
          await post.ended;
        };
      }),
  },
  {
    shown: 'One of the proxy’s two processes alone; the harness goes on, and the runner to post',
    withinMs: 2_500,
    begin: () =>
      beginWithRunner({}, async (job) => {
        const harness = await inStep(job);
        return async () => {
          killOneWatchdog(job.temp);
          await pause(500);
          process.kill(harness, 'SIGKILL');
          await job.post();
        };
      }),
  },
  { shown: '`run` from its start on', withinMs: 2_500, begin: () => beginRun(RUNS, () => true) },
  { shown: '`run` while its command runs', withinMs: 2_500, begin: () => beginRun(RUNS, isHere) },
  {
    shown: '`run` in the teardown',
    withinMs: 1_500,
    begin: () => beginRun(`timeout 2 bash -c '${HARNESS.replaceAll("'", String.raw`'\''`)}'; touch here`, isHere),
  },
  {
    shown: '`run` with one of the watchdog’s two processes',
    withinMs: 2_500,
    begin: async () => withOneWatchdog(await beginRun(RUNS, isHere)),
  },
];

function isWatchdog(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('cleanup-proxy ');
}

/** Kills one of the watchdog's processes, which are the proxy's, in turn the first and the second, if both are there. */
function killOneWatchdog(directory: string): void {
  turn += 1;
  const watchdogs = commandsWith(directory).filter((pid) => isWatchdog(pid));
  const [first, second] = turn % 2 === 0 ? watchdogs : watchdogs.toReversed();
  if (first !== undefined && second !== undefined) process.kill(first, 'SIGKILL');
}

function withOneWatchdog(session: Session): Session {
  return {
    ...session,
    kill: () => {
      killOneWatchdog(session.directory);
      return session.kill();
    },
  };
}

/** @returns milliseconds until all was gone; undefined when something was left */
async function round({ shown, begin, withinMs }: Moment): Promise<number | undefined> {
  const session = await begin();
  await pause(Math.random() * withinMs);
  const startedAt = performance.now();
  await session.kill();
  const passed = () => performance.now() - startedAt;
  const processes = () => processesWith(session.directory);
  let quiet = false;
  while (!quiet && passed() < GRACE_MS + MAX_MS) {
    await pause(100);
    quiet = processes().length === 0 && (await labelled()) === 0;
  }
  const ms = passed();
  if (!quiet) {
    console.error(`${shown}: ${await labelled()} containers and ${processes().length} processes are left`);
    for (const pid of processes()) process.kill(pid, 'SIGKILL');
    for (const { Id } of await docker.listContainers({ all: true, filters: { label: [labels.session] } })) {
      await docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => undefined);
    }
  }
  await session.remove();
  return quiet ? ms : undefined;
}

/** Writes the table to docs/reliability.md. */
async function write(table: readonly string[]): Promise<void> {
  const date = `Last run: ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores.`;
  await writeSection('torture', `${date}\n\n${table.join('\n')}`);
}

const rounds = Number(process.argv[2] ?? 110);
const rows = new Map<Moment, Row>(moments.map((moment) => [moment, { tries: 0, lost: 0, touched: 0, worstMs: 0 }]));
const HostConfig = { NetworkMode: 'none' };
const bystander = await docker.createContainer({ Image: image, Cmd: [...HEEDS_NO_SIGTERM], HostConfig });
await bystander.start();
try {
  for (let number = 0; number < rounds; number += 1) {
    const moment = moments[number % moments.length] as Moment;
    const row = rows.get(moment) as Row;
    const ms = await round(moment);
    row.tries += 1;
    if (ms === undefined) row.lost += 1;
    else row.worstMs = Math.max(row.worstMs, ms);
    if (!(await bystander.inspect()).State.Running) row.touched += 1;
  }
  const table = ['| Killed | Tries | Lost | Wrongly touched | Worst time |', '| --- | ---: | ---: | ---: | ---: |'];
  for (const [{ shown }, { tries, lost, touched, worstMs }] of rows) {
    table.push(`| ${shown} | ${tries} | ${lost} | ${touched} | ${(worstMs / 1000).toFixed(1)} s |`);
    if (lost + touched > 0) process.exitCode = 1;
  }
  console.log(table.join('\n'));
  if (!process.exitCode) await write(table);
} finally {
  await bystander.remove({ force: true });
  await docker.getImage(image).remove({ force: true });
  await engine.stop();
}
