import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { until } from '../until';
import type { CiSystem, Script, Variables } from './ci-systems';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');

/** How a step's shell ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Leaks one container that carries the session's label, and says which in a file. */
const LEAK = [
  '#!/bin/sh',
  'set -e',
  'id=$(docker run --detach --network none --label "$CLEANUP_LABEL" "$IMAGE" sleep 3600)',
  'echo "$id" >>leaked',
];

/** What the benchmark does when it has leaked: ends with a code that nothing else here has, or stays for as long as its workspace. */
const THEN = { ends: 'exit 7', stays: 'while [ -e leaked ]; do sleep 0.1; done' } as const;

/** A checkout on a CI system's machine, with cleanup-action.sh where the examples look for it, and a benchmark that leaks. */
export class Workspace {
  readonly directory: string;
  readonly #env: Variables;
  readonly #started: ChildProcess[] = [];

  private constructor(directory: string, env: Variables) {
    this.directory = directory;
    this.#env = env;
  }

  static async create(env: Variables): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), 'cleanup-ci-')), env);
    await mkdir(workspace.path('ci'));
    await copyFile(join(examples, 'cleanup-action.sh'), workspace.path('ci/cleanup-action.sh'));
    return workspace;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async benchmarkThat(then: keyof typeof THEN): Promise<void> {
    await writeFile(this.path('benchmark.sh'), [...LEAK, THEN[then], ''].join('\n'));
    await chmod(this.path('benchmark.sh'), 0o755);
  }

  /** The containers that the benchmarks have leaked so far, by id. */
  async leaked(): Promise<readonly string[]> {
    const lines = await readFile(this.path('leaked'), 'utf8').catch(() => '');
    return lines.split('\n').filter(Boolean);
  }

  /** Runs a step's shell to its end. */
  async run(script: Script, variables: Variables = {}): Promise<Ended> {
    return ending(await this.#start(script, variables));
  }

  /** Runs the benchmark's step until it has leaked a container, and cancels it then. */
  async cancelAfterLeak({ benchmark, cancel }: CiSystem, variables: Variables): Promise<Ended> {
    const step = await this.#startAndLeak(benchmark, variables);
    const ended = ending(step);
    signal(cancel.group ? -pidOf(step) : pidOf(step), cancel.signal);
    return ended;
  }

  /**
   * Runs the benchmark's step until it has leaked a container, and kills it then as hard as a CI system can.
   * @returns the container's id
   */
  async killAfterLeak(script: Script, variables: Variables): Promise<string> {
    // Where the step's container ends, the watchdog ends with it.
    const step = await this.#startAndLeak(script, { ...variables, CLEANUP_WATCHDOG: 'false' });
    const ended = once(step, 'exit');
    signal(-pidOf(step), 'SIGKILL');
    await ended;
    return (await this.leaked()).at(-1) ?? '';
  }

  async remove(): Promise<void> {
    for (const step of this.#started) signal(-pidOf(step), 'SIGKILL');
    // A benchmark that outlived its killed step ends when its workspace does.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  async #startAndLeak(script: Script, variables: Variables): Promise<ChildProcess> {
    await this.benchmarkThat('stays');
    const before = (await this.leaked()).length;
    const step = await this.#start(script, variables);
    step.stdout?.resume();
    step.stderr?.resume();
    await until('the benchmark has leaked a container', async () => {
      if (step.exitCode !== null) throw new Error(`the benchmark’s step ended with ${step.exitCode}`);
      return (await this.leaked()).length > before;
    });
    return step;
  }

  async #start({ shell, text, inFile }: Script, variables: Variables): Promise<ChildProcess> {
    const [program = '', ...options] = shell;
    if (inFile) await writeFile(this.path('step.sh'), text);
    const step = spawn(program, [...options, inFile ? this.path('step.sh') : text], {
      cwd: this.directory,
      env: {
        // The examples ask for `node`: the one that these tests run on.
        PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: this.directory,
        CLEANUP_STATE_DIRECTORY: this.path('state'),
        ...this.#env,
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // A process group of its own, as CI systems give to a step.
    });
    this.#started.push(step);
    return step;
  }
}

async function ending(step: ChildProcess): Promise<Ended> {
  let output = '';
  for (const stream of [step.stdout, step.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const [exitCode] = await once(step, 'close');
  return { exitCode, output };
}

/** @throws when it could not be started */
function pidOf({ pid, spawnfile }: ChildProcess): number {
  if (pid === undefined) throw new Error(`${spawnfile} was not started`);
  return pid;
}

/** @param pid negative for a process group */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
