import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import type { Report } from '../../../src/report/model';
import { validReport } from '../report/report-schema';
import type { StartedStep, Worker, WorkerStep } from './worker';

const root = join(import.meta.dirname, '..', '..', '..');

interface ActionFile {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly runs: { readonly main: string; readonly post: string };
}

const action: ActionFile = parse(readFileSync(join(root, 'action.yml'), 'utf8'));

export type Inputs = Readonly<Record<string, string>>;

/** How one step ended. */
export interface StepResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** stdout and stderr, as the job's log has them. */
  readonly output: string;
}

export interface JobOptions {
  readonly inputs?: Inputs;
  /** Added to a runner's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly runnerName?: string;
  /** A job that the same installation of a runner had before: RUNNER_TEMP is the same one, emptied. */
  readonly after?: Job;
  /** Another use of the action in the same job, in a step that runs in parallel: RUNNER_TEMP is the same, with what is in it. */
  readonly beside?: Job;
  /** The user that the runner runs as, by number; the tests' own by default. */
  readonly uid?: number;
  /** Starts the steps, and keeps the job alive; the tests' own process by default. */
  readonly worker?: Worker;
}

/**
 * One job with one use of the action, as the runner runs it: the built bundles as processes of their own, `INPUT_*` with the
 * defaults of action.yml, command files for state, outputs, environment and summary, `STATE_*` handed to post.
 */
export class Job {
  readonly directory: string;
  /** As in `job.status`; post reads it. */
  status = 'success';
  readonly #inputs: Inputs;
  readonly #env: Readonly<Record<string, string | undefined>>;

  readonly #uid: number | undefined;
  readonly #worker: Worker | undefined;
  /** RUNNER_TEMP. */
  readonly temp: string;
  readonly #runnerName: string;

  private constructor(directory: string, options: JobOptions) {
    const { inputs = {}, env = {}, after, beside, uid, worker } = options;
    const same = after ?? beside;
    const { runnerName = same ? same.#runnerName : 'runner-1' } = options;
    this.directory = directory;
    this.temp = same?.temp ?? join(directory, 'temp');
    this.#runnerName = runnerName;
    this.#uid = uid;
    this.#worker = worker;
    this.#inputs = inputs;
    this.#env = { RUNNER_NAME: runnerName, ...env };
  }

  static async create(options: JobOptions = {}): Promise<Job> {
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-job-'));
    const job = new Job(directory, options);
    if (options.after) await rm(job.temp, { recursive: true });
    await mkdir(job.temp, { recursive: true });
    await Promise.all(['state', 'output', 'env', 'summary'].map((name) => writeFile(job.#path(name), '')));
    const { uid } = options;
    if (uid !== undefined) {
      await Promise.all(['.', 'temp', 'state', 'output', 'env', 'summary'].map((name) => chown(job.#path(name), uid, uid)));
    }
    return job;
  }

  /** Starts main and lets it run: for a test that does something to it. */
  async startMain(more: Readonly<Record<string, string>> = {}): Promise<Step> {
    return this.#start(action.runs.main, more);
  }

  /** @param more added to its environment */
  async main(more?: Readonly<Record<string, string>>): Promise<StepResult> {
    if (this.#worker) return this.#startIn(this.#worker, action.runs.main, more).then(({ ended }) => ended);
    return (await this.startMain(more)).ended;
  }

  /**
   * Post, with what main left in its state file.
   * @param later what another step has put into the environment since
   * @param stateFile the state, where a test has changed it
   */
  async startPost(later: Readonly<Record<string, string>> = {}, stateFile?: string): Promise<Step> {
    return this.#start(action.runs.post, { ...(await this.#state(stateFile)), ...later });
  }

  /** What post is started with, for a test that starts it elsewhere. */
  async postProcess(): Promise<{ readonly node: string; readonly bundle: string; readonly env: NodeJS.ProcessEnv }> {
    return { node: process.execPath, bundle: join(root, action.runs.post), env: await this.#environment(await this.#state()) };
  }

  /** Makes an empty file in the runner's temporary directory: a sign for the benchmark. */
  async touch(name: string): Promise<void> {
    await writeFile(join(this.temp, name), '');
  }

  async post(later?: Readonly<Record<string, string>>, stateFile?: string): Promise<StepResult> {
    if (this.#worker) {
      const env = { ...(await this.#state(stateFile)), ...later };
      return this.#startIn(this.#worker, action.runs.post, env).then(({ ended }) => ended);
    }
    return (await this.startPost(later, stateFile)).ended;
  }

  outputs(): Promise<ReadonlyMap<string, string>> {
    return this.#commands('output');
  }

  /** What later steps find in their environment. */
  exported(): Promise<ReadonlyMap<string, string>> {
    return this.#commands('env');
  }

  /** The state file as it stands, for a look at what is in it. */
  stateFile(): Promise<string> {
    return readFile(this.#path('state'), 'utf8');
  }

  summary(): Promise<string> {
    return readFile(this.#path('summary'), 'utf8');
  }

  async report(): Promise<Report> {
    return validReport(await readFile(join(this.temp, 'cleanup-action/report.json'), 'utf8'));
  }

  /** The label that main announced. */
  async session(): Promise<string> {
    return (await this.outputs()).get('session-id') ?? '';
  }

  /** A process beside the job may write there until it sees that its lifeline is gone. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  async #state(stateFile?: string): Promise<Readonly<Record<string, string>>> {
    const commands = commandsIn(stateFile ?? (await this.stateFile()));
    return Object.fromEntries([...commands].map(([name, value]) => [`STATE_${name}`, value]));
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  async #start(bundle: string, env: Readonly<Record<string, string>>): Promise<Step> {
    const environment = await this.#environment(env);
    if (this.#uid === undefined) return new Step(process.execPath, join(root, bundle), environment);
    // Another user may not be able to read what lies in this user's directories.
    const [node, copy] = [this.#path('node'), this.#path('bundle.js')];
    await Promise.all([copyFile(process.execPath, node), copyFile(join(root, bundle), copy)]);
    return new Step(node, copy, environment, this.#uid);
  }

  /** Another step of the job, with a program of the test's. Only with a worker. */
  async startStep(command: WorkerStep['command'], env: Readonly<Record<string, string>> = {}): Promise<StartedStep> {
    return this.#workerForSteps().startStep({ command, env: await this.#jobEnvironment(env), cwd: this.temp });
  }

  #workerForSteps(): Worker {
    if (!this.#worker) throw new Error('the job has no worker to start a step');
    return this.#worker;
  }

  /** Main as a step of the worker's, for a test that does something to it. */
  async startMainStep(): Promise<StartedStep> {
    return this.#startIn(this.#workerForSteps(), action.runs.main);
  }

  /** Post as a step of the worker's, for a test that does something to it. */
  async startPostStep(): Promise<StartedStep> {
    return this.#startIn(this.#workerForSteps(), action.runs.post, await this.#state());
  }

  async #startIn(worker: Worker, bundle: string, env: Readonly<Record<string, string>> = {}): Promise<StartedStep> {
    const path = join(root, bundle);
    return worker.startStep({ command: [process.execPath, path], env: await this.#environment(env), cwd: dirname(path) });
  }

  /** The environment of the action's own programs. */
  async #environment(more: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
    const inputs = Object.entries(action.inputs).map(([name, { default: byDefault = '' }]) => {
      // The runner evaluates expressions; there are no others.
      const expressions = { 'job.status': this.status, 'github.token': '' };
      const value =
        this.#inputs[name] ??
        byDefault.replace(
          /\$\{\{ (job\.status|github\.token) \}\}/,
          (_, expression: keyof typeof expressions) => expressions[expression],
        );
      return [`INPUT_${name.toUpperCase()}`, value];
    });
    return this.#jobEnvironment({ ...Object.fromEntries(inputs), ...more });
  }

  /** The environment of any step; the runner gives no inputs to a `run:`. */
  async #jobEnvironment(more: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
    return {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_RUN_ID: '4711',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_REPOSITORY: 'octo/benchmarks',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_WORKFLOW: 'Benchmark',
      GITHUB_JOB: 'terminal-bench',
      RUNNER_TEMP: this.temp,
      // As on one host of one user, but not this one's.
      ...(this.#uid === undefined ? { CLEANUP_STATE_DIRECTORY: join(tmpdir(), 'cleanup-job-state') } : {}),
      GITHUB_STATE: this.#path('state'),
      GITHUB_OUTPUT: this.#path('output'),
      GITHUB_ENV: this.#path('env'),
      GITHUB_STEP_SUMMARY: this.#path('summary'),
      ...Object.fromEntries(await this.exported()),
      ...this.#env,
      ...more,
    };
  }

  async #commands(name: string): Promise<ReadonlyMap<string, string>> {
    return commandsIn(await readFile(this.#path(name), 'utf8'));
  }
}

/**
 * Reads a command file: `name<<delimiter`, lines, `delimiter`; the last value of a name holds.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
 */
function commandsIn(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n\2$/gm)].map(([, key = '', , value = '']) => [key, value]));
}

/** One running bundle. */
export class Step {
  readonly ended: Promise<StepResult>;
  readonly #process: ChildProcess;
  #output = '';

  constructor(node: string, bundle: string, env: NodeJS.ProcessEnv, uid?: number) {
    const user = uid === undefined ? {} : { uid, gid: uid };
    this.#process = spawn(node, [bundle], { env, cwd: dirname(bundle), stdio: ['ignore', 'pipe', 'pipe'], ...user });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output += String(chunk);
      });
    }
    this.ended = once(this.#process, 'close').then(([exitCode, signal]) => ({ exitCode, signal, output: this.#output }));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Calls `show` with what is printed from now on, as it comes. */
  onOutput(show: (text: string) => void): void {
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on('data', (chunk) => show(String(chunk)));
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
