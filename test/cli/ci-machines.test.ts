import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { labels } from '../../src/core/labels';
import { githubRunner, newSession } from '../../src/session/session';
import type { Variables } from '../support/ci/ci-systems';
import { type Ended, Workspace } from '../support/ci/ci-workspace';
import {
  cronJob,
  fleetInputs,
  METRICS_DIRECTORY,
  runnerHook,
  type Started,
  serviceCommand,
} from '../support/ci/machine-examples';
import { commandLineBundle, pinned } from '../support/cli/command-line';
import { stateOf } from '../support/engine/container-habits';
import { PrivateEngine } from '../support/engine/engine';
import { busyboxImage } from '../support/engine/image';
import { Job } from '../support/job/job';
import { until } from '../support/until';

const IMAGE = 'cleanup-action-test:machines';
const examples = join(import.meta.dirname, '..', '..', 'examples');

/** A machine of their own: they remove what is stale, whosever it is. */
let engine: PrivateEngine;
let workspace: Workspace;

beforeAll(async () => {
  engine = await PrivateEngine.start();
  await busyboxImage(engine.docker, IMAGE);
});

afterAll(() => engine.stop());

beforeEach(async () => {
  workspace = await Workspace.create({ ...pinned(commandLineBundle), DOCKER_HOST: engine.url });
  await mkdir(workspace.path('metrics'));
});

afterEach(() => workspace.remove());

/** A container of a session, which runs. */
async function containerOf(session: string): Promise<Docker.Container> {
  const container = await engine.docker.createContainer({
    Image: IMAGE,
    Cmd: ['sleep', '3600'],
    Labels: { [labels.session]: session },
    HostConfig: { NetworkMode: 'none' },
  });
  onTestFinished(() => container.remove({ force: true }).catch(() => undefined));
  await container.start();
  return container;
}

/** Made longer ago than a second: `max-age` is not less. */
async function oldContainer(): Promise<Docker.Container> {
  const container = await containerOf(`gitlab-${randomUUID()}`);
  const { Created } = await container.inspect();
  await until('the container is older than a second', () => Date.now() - Date.parse(Created) > 1_500);
  return container;
}

/** Runs what the machine would, with `cleanup-action` on the path and metrics in a directory of the test's own. */
async function start({ script, variables }: Started, more: Variables = {}): Promise<Ended> {
  const bin = workspace.path('bin');
  await mkdir(bin, { recursive: true });
  await copyFile(join(examples, 'cleanup-action.sh'), join(bin, 'cleanup-action'));
  const text = script.text.replaceAll(METRICS_DIRECTORY, workspace.path('metrics'));
  const path = [bin, join(process.execPath, '..'), variables['PATH'] ?? '/usr/bin:/bin'].join(':');
  return workspace.run({ ...script, text }, { ...variables, ...more, PATH: path });
}

function metrics(): Promise<string> {
  return readFile(workspace.path('metrics/cleanup-action.prom'), 'utf8');
}

const machines = [
  { name: 'crontab', started: () => cronJob() },
  { name: 'systemd service', started: () => serviceCommand(workspace.path('bin/cleanup-action'), workspace.directory) },
];

describe.each(machines)('the example of a $name', ({ started }) => {
  it('removes what is older than max-age, whosever it was', async () => {
    const old = await oldContainer();
    const { output } = await start(started(), { CLEANUP_MAX_AGE: '1s' });
    expect(await stateOf(old), output).toBe('gone');
  });

  it('leaves a job that runs alone', async () => {
    const running = await containerOf('buildkite-1');
    await start(started());
    expect(await stateOf(running)).toBe('running');
  });

  it('says nothing when there was nothing to do', async () => {
    expect(await start(started())).toEqual({ exitCode: 0, output: '' });
  });

  it('writes metrics when there was nothing to do', async () => {
    await start(started());
    expect(await metrics()).toContain('cleanup_action_last_run_timestamp_seconds');
  });
});

const analyze = promisify(execFile);
it('has units that systemd has nothing to say about', async () => {
  const units = ['cleanup-action.service', 'cleanup-action.timer'];
  for (const unit of units) {
    const text = await readFile(join(examples, 'systemd', unit), 'utf8');
    // It looks whether the program is there.
    await writeFile(workspace.path(unit), text.replace('/usr/local/bin/cleanup-action', process.execPath));
  }
  const { stderr } = await analyze('systemd-analyze', ['verify', '--man=no', ...units.map((unit) => workspace.path(unit))]);
  expect(stderr).toBe('');
});

describe('the examples of runner hooks', () => {
  let runner: string;

  beforeEach(() => {
    runner = randomUUID();
  });

  async function hook(name: 'job-started' | 'job-completed', more: Variables = {}): Promise<Ended> {
    return workspace.run(runnerHook(name), {
      CLEANUP_ACTION: workspace.path('ci/cleanup-action.sh'),
      GITHUB_ENV: workspace.path('env'),
      GITHUB_RUN_ID: '4711',
      GITHUB_RUN_ATTEMPT: '1',
      RUNNER_NAME: runner,
      RUNNER_TEMP: workspace.path('temp'),
      ...more,
    });
  }

  /** What a step of the job starts with the label that it finds in its environment. */
  async function containerOfJob(): Promise<Docker.Container> {
    const exported = await readFile(workspace.path('env'), 'utf8');
    return containerOf(/^CLEANUP_LABEL=io\.github\.cleanup-action\.session=(\S+)$/m.exec(exported)?.[1] ?? '');
  }

  it('remove at the job’s end what carries the label that they gave it', async () => {
    await hook('job-started');
    const container = await containerOfJob();
    const { output } = await hook('job-completed');
    expect(await stateOf(container), output).toBe('gone');
  });

  it('remove at a job’s start what a job that was lost left on the runner', async () => {
    await hook('job-started');
    const container = await containerOfJob();
    const { output } = await hook('job-started', { GITHUB_RUN_ID: '4712' });
    expect(await stateOf(container), output).toBe('gone');
  });

  it('remove at a job’s start what the action left in an earlier job of the runner', async () => {
    const env = { RUNNER_NAME: runner, RUNNER_TEMP: workspace.path('temp') };
    const { id } = newSession({ run: 'gh-4710-1', runner: githubRunner(env, hostname()) });
    const container = await containerOf(id);
    const { output } = await hook('job-started');
    expect(await stateOf(container), output).toBe('gone');
  });

  it.each<[string, () => Variables]>([
    ['another runner of the machine', () => ({ RUNNER_NAME: 'another' })],
    ['a runner of the same name that is another installation', () => ({ RUNNER_TEMP: workspace.path('other-temp') })],
  ])('leave alone what a job on %s has', async (_, another) => {
    await hook('job-started');
    const container = await containerOfJob();
    await hook('job-started', another());
    await hook('job-completed', another());
    expect(await stateOf(container)).toBe('running');
  });

  it('give a label that nothing in the job takes for a leftover', async () => {
    await hook('job-started');
    const container = await containerOfJob();
    const exported = Object.fromEntries(
      (await readFile(workspace.path('env'), 'utf8')).split('\n').map((line) => line.split('=', 2) as [string, string]),
    );
    const job = await Job.create({
      inputs: { 'pre-cleanup': 'all' },
      env: { DOCKER_HOST: engine.url, CLEANUP_JOB_SESSIONS: exported['CLEANUP_JOB_SESSIONS'] },
    });
    onTestFinished(() => job.remove());
    const { exitCode, output } = await job.main();
    expect(exitCode, output).toBe(0);
    expect(await stateOf(container)).toBe('running');
  });

  it.each(['job-started', 'job-completed'] as const)('never fail a job: %s without cleanup-action', async (name) => {
    const { exitCode, output } = await hook(name, { CLEANUP_ACTION: '/nowhere/cleanup-action.sh' });
    expect({ exitCode, warned: output.includes('::warning ') }, output).toEqual({ exitCode: 0, warned: true });
  });

  it.each(['job-started', 'job-completed'] as const)('never fail a job: %s without variables', async (name) => {
    const { exitCode, output } = await workspace.run(runnerHook(name), {
      CLEANUP_ACTION: workspace.path('ci/cleanup-action.sh'),
    });
    expect(exitCode, output).toBe(0);
  });
});

describe('the example of a workflow for a fleet', () => {
  async function nightly(inputs: Variables): Promise<void> {
    const job = await Job.create({
      inputs: { ...fleetInputs(), 'metrics-path': workspace.path('metrics/cleanup-action.prom'), ...inputs },
      env: { DOCKER_HOST: engine.url },
      runnerName: randomUUID(),
    });
    onTestFinished(() => job.remove());
    const { exitCode, output } = await job.main();
    expect(exitCode, output).toBe(0);
    await job.post();
  }

  it('removes what is older than max-age, whosever it was', async () => {
    const old = await oldContainer();
    await nightly({ 'max-age': '1s' });
    expect(await stateOf(old)).toBe('gone');
  });

  it('leaves a job that runs alone', async () => {
    const running = await containerOf('circleci-1');
    await nightly({});
    expect(await stateOf(running)).toBe('running');
  });
});
