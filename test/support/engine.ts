import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { type Engine as Connected, connect } from '../../src/docker/connect';
import { endpoints } from '../../src/docker/endpoint';
import { systemClock } from '../../src/reaper/clock';
import { Deadline } from '../../src/reaper/deadline';
import { until } from './until';

/** An engine for tests: the machine's own where one answers, else a private one. */
export interface TestEngine {
  /** `unix:///…`, for DOCKER_HOST. */
  readonly url: string;
  /** What it is, for people. */
  readonly description: string;
  /** Ends a private engine and removes all it had; leaves another alone. */
  stop(): Promise<void>;
}

/** Looks for the machine's engine as the action does, and starts a private one where there is none. */
export async function findOrStartEngine(): Promise<TestEngine> {
  const deadline = new Deadline(systemClock, 15_000);
  try {
    const { endpoint, version }: Connected = await connect(endpoints(undefined, process.env, process.platform), deadline);
    return { url: endpoint.url, description: `${version} at ${endpoint.url}`, stop: async () => undefined };
  } catch {
    return PrivateEngine.start();
  } finally {
    deadline.dispose();
  }
}

/** A dockerd of the tests' own, which they may freeze, kill and start again. */
export class PrivateEngine implements TestEngine {
  readonly url: string;
  readonly description: string;
  readonly docker: Docker;
  readonly #guard: ChildProcess;

  private constructor(directory: string, guard: ChildProcess) {
    const socketPath = join(directory, 'docker.sock');
    this.url = `unix://${socketPath}`;
    this.description = `a private engine in ${directory}`;
    this.docker = new Docker({ socketPath });
    this.#guard = guard;
  }

  /**
   * The guard is a process of its own that starts dockerd and watches its standard input: when this process ends, in whatever way,
   * it sees the end of file, ends the engine with everything in it, and removes the directory.
   * @throws when no engine can be started, saying how to get one
   */
  static async start(): Promise<PrivateEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-engine-'));
    const guard = spawn(process.execPath, [join(import.meta.dirname, 'engine-guard.mjs'), directory], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true, // A Ctrl-C in the terminal is for the tests; the guard ends when they have.
    });
    const engine = new PrivateEngine(directory, guard);
    const answers = () =>
      engine.docker.ping().then(
        () => true,
        () => false,
      );
    await until(`an engine in ${directory} answers`, async () => {
      if (guard.exitCode !== null)
        throw new Error(
          'No Docker engine could be started. Run as root on Linux, or start an engine that answers `docker info`.',
        );
      return answers();
    });
    return engine;
  }

  async stop(): Promise<void> {
    if (this.#guard.exitCode !== null) return;
    const exited = once(this.#guard, 'exit');
    this.#guard.stdin?.end();
    await exited;
  }
}
