/**
 * Kills the runner's worker at random moments, in main, in a later step and in post, and sees that the watchdog
 * leaves nothing: `npm run torture`, `npm run torture -- 200` for more rounds. Takes minutes, and writes the table of
 * docs/reliability.md if nothing was lost.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { labels } from '../src/core/labels';
import { readProcStat } from '../src/lib/proc-stat';
import { HEEDS_NO_SIGTERM } from '../test/support/engine/container-habits';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';
import { Worker } from '../test/support/job/worker';

const GRACE_MS = 1_000;

/** Milliseconds after the grace period in which all must be gone. */
const MAX_MS = 15_000;

/** Milliseconds from the moment's begin in which the worker is killed. */
const WITHIN_MS = { main: 2_500, step: 2_500, post: 1_000 };
const SHOWN = { main: 'in main', step: 'in a later step', post: 'in post' };
type Moment = keyof typeof WITHIN_MS;

interface Row {
  tries: number;
  lost: number;
  touched: number;
  worstMs: number;
}

const engine = await findOrStartEngine();
const { docker } = engine;
const image = await busyboxImage(docker, `cleanup-action-torture:${process.pid}`);

const HARNESS = `while :; do docker run -d --network none ${image} sh -c 'sleep 3600; true'; sleep 0.1; done`;

/** Containers that carry a session's label; all of the round's own, because only they do. */
async function labelled(): Promise<number> {
  return (await docker.listContainers({ all: true, filters: { label: [labels.session] } })).length;
}

/** Processes with the job's directory in their environment or command line: main, post, steps, the companion. */
function processesOf(job: Job): readonly number[] {
  const read = (pid: number, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  return pids.filter(
    (pid) => readProcStat(pid)?.hasEnded === false && ['environ', 'cmdline'].some((file) => read(pid, file).includes(job.temp)),
  );
}

async function begin(moment: Moment, job: Job): Promise<void> {
  if (moment === 'main') {
    void job.main();
    // Whoever adopts a process here is no init that main would know: see src/lib/adopted.ts.
    while ((await job.stateFile()) === '') await pause(10);
    return;
  }
  await job.main();
  const env = Object.fromEntries(await job.exported());
  const step = job.startStep(['setsid', 'bash', '-c', HARNESS], env);
  if (moment === 'step') return;
  await pause(500);
  process.kill(await (await step).pid, 'SIGKILL');
  await job.startPostStep();
}

/** @returns milliseconds until all was gone; undefined when something was left */
async function round(moment: Moment): Promise<number | undefined> {
  const worker = await Worker.start();
  const run = moment === 'main' ? { run: HARNESS } : {};
  const env = { DOCKER_HOST: engine.url, RUNNER_TRACKING_ID: `github_${process.pid}` };
  const job = await Job.create({ worker, env, inputs: { 'grace-period': `${GRACE_MS}ms`, ...run } });
  await begin(moment, job);
  await pause(Math.random() * WITHIN_MS[moment]);
  await worker.kill();
  const startedAt = performance.now();
  const passed = () => performance.now() - startedAt;
  let quiet = false;
  while (!quiet && passed() < GRACE_MS + MAX_MS) {
    await pause(100);
    quiet = processesOf(job).length === 0 && (await labelled()) === 0;
  }
  if (!quiet) {
    console.error(`${SHOWN[moment]}: ${await labelled()} containers and ${processesOf(job).length} processes are left`);
    for (const pid of processesOf(job)) process.kill(pid, 'SIGKILL');
    for (const { Id } of await docker.listContainers({ all: true, filters: { label: [labels.session] } })) {
      await docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => undefined);
    }
  }
  await job.remove();
  return quiet ? passed() : undefined;
}

/** Writes the table to docs/reliability.md. */
async function write(table: readonly string[]): Promise<void> {
  const document = join(import.meta.dirname, '..', 'docs', 'reliability.md');
  const text = await readFile(document, 'utf8');
  const [before, after] = [text.split('<!-- torture -->')[0], text.split('<!-- /torture -->')[1]];
  const date = `Last run: ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores.`;
  await writeFile(document, `${before}<!-- torture -->\n${date}\n\n${table.join('\n')}\n<!-- /torture -->${after}`);
}

const rounds = Number(process.argv[2] ?? 51);
const moments = Object.keys(WITHIN_MS) as Moment[];
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
  const table = ['| Worker killed | Tries | Lost | Wrongly touched | Worst time |', '| --- | ---: | ---: | ---: | ---: |'];
  for (const [moment, { tries, lost, touched, worstMs }] of rows) {
    table.push(`| ${SHOWN[moment]} | ${tries} | ${lost} | ${touched} | ${(worstMs / 1000).toFixed(1)} s |`);
    if (lost + touched > 0) process.exitCode = 1;
  }
  console.log(table.join('\n'));
  if (!process.exitCode) await write(table);
} finally {
  await bystander.remove({ force: true });
  await docker.getImage(image).remove({ force: true });
  await engine.stop();
}
