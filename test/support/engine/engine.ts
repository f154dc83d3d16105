import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { namedEndpoint, wellKnownEndpoints } from '../../../src/providers/docker/connection/candidates';
import { type Engine as Connected, connect } from '../../../src/providers/docker/connection/connect';
import { dockerOptions } from '../../../src/providers/docker/connection/endpoint';
import { until } from '../until';
import { ENGINE_KINDS, type EngineName, engineAskedFor } from './engine-kinds';

/** An engine for tests: the machine's own where one answers, else a private one. */
export interface TestEngine {
  /** `unix:///…`, for DOCKER_HOST. */
  readonly url: string;
  /** What it is, for people. */
  readonly description: string;
  readonly docker: Docker;
  /** Ends a private engine and removes all it had; leaves another alone. */
  stop(): Promise<void>;
}

/**
 * Looks for the machine's engine as the action does, and starts a private one where there is none; starts one where the tests were
 * asked to run on one of a kind.
 */
export async function findOrStartEngine(): Promise<TestEngine> {
  if (engineAskedFor(process.env) !== undefined) return PrivateEngine.start();
  const deadline = new Deadline(systemClock, 15_000);
  try {
    const named = namedEndpoint(undefined, process.env);
    const candidates = named ? [named] : wellKnownEndpoints(process.env, process.platform);
    const { endpoint, version }: Connected = await connect(candidates, deadline, systemClock);
    const docker = new Docker(dockerOptions(endpoint));
    return { url: endpoint.url, description: `${version} at ${endpoint.url}`, docker, stop: async () => undefined };
  } catch {
    return PrivateEngine.start();
  } finally {
    deadline.dispose();
  }
}

/** What `npm test` has: the machine's own dockerd. */
const DEFAULT_ENGINE: EngineName = 'docker-20.10';

export interface EngineOptions {
  /** The kind that the tests were asked to run on, by default. */
  readonly name?: EngineName;
  /** After those that give dockerd directories and a socket of its own. */
  readonly dockerdArguments?: readonly string[];
}

/** A dockerd of the tests' own, which they may freeze, kill and start again. */
export class PrivateEngine implements TestEngine {
  readonly url: string;
  readonly description: string;
  readonly docker: Docker;
  readonly socketPath: string;
  readonly #directory: string;
  readonly #guard: ChildProcess;
  #kills = 0;

  private constructor(directory: string, guard: ChildProcess, title: string) {
    const socketPath = join(directory, 'docker.sock');
    this.socketPath = socketPath;
    this.#directory = directory;
    this.url = `unix://${socketPath}`;
    this.description = `${title}, in ${directory}`;
    this.docker = new Docker({ socketPath });
    this.#guard = guard;
  }

  /**
   * The guard is a process of its own that starts dockerd and watches its standard input: when this process ends, in whatever way,
   * it sees the end of file, ends the engine with everything in it, and removes the directory.
   * @throws when no engine can be started, saying how to get one
   */
  static async start({
    name = engineAskedFor(process.env) ?? DEFAULT_ENGINE,
    dockerdArguments = [],
  }: EngineOptions = {}): Promise<PrivateEngine> {
    const kind = ENGINE_KINDS[name];
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-engine-'));
    const commandLine = await kind.command(directory, dockerdArguments);
    const guard = spawn(process.execPath, [join(import.meta.dirname, 'engine-guard.mjs'), directory, ...commandLine], {
      cwd: directory, // Podman 4.3 leaves a file where it was started when a container runs out of memory.
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true, // A Ctrl-C in the terminal is for the tests; the guard ends when they have.
    });
    const engine = new PrivateEngine(directory, guard, kind.title);
    await engine.#isUp();
    return engine;
  }

  /** How often it was killed. */
  get kills(): number {
    return this.#kills;
  }

  /** dockerd does nothing from now on; the kernel still takes connections for it. */
  async freeze(): Promise<void> {
    await this.#tell('SIGSTOP');
    await until('dockerd is frozen', async () => (await this.#processState()) === 'T');
  }

  /** dockerd goes on with what it was at. */
  async thaw(): Promise<void> {
    await this.#tell('SIGCONT');
    await until('dockerd runs', async () => (await this.#processState()) !== 'T');
  }

  /** Ends dockerd at once. Its containers' processes may live on; its socket is there, and nobody listens. */
  async kill(): Promise<void> {
    this.#kills += 1;
    await this.#tell('SIGKILL');
    await until('dockerd has ended', async () => (await this.#processState()) === undefined);
  }

  /** Starts a killed dockerd again with all it had, and waits for its first answer. */
  async restart(): Promise<void> {
    await this.#tell('start');
    await this.#isUp();
  }

  /** The socket's file is not there; dockerd does not notice. */
  async removeSocket(): Promise<void> {
    await rename(this.socketPath, `${this.socketPath}.away`);
  }

  async restoreSocket(): Promise<void> {
    await rename(`${this.socketPath}.away`, this.socketPath);
  }

  /**
   * Connections to the engine, those included that nobody accepted yet. While it is frozen they only become more: one that its
   * client gives up is counted until the engine looks.
   */
  async connections(): Promise<number> {
    const sockets = (await readFile('/proc/net/unix', 'utf8')).split('\n');
    // The one that listens is no connection.
    return sockets.filter((line) => line.endsWith(` ${this.socketPath}`)).length - 1;
  }

  /** dockerd writes its own; what the guard wrote is Podman's, rootless at the latest with its first signal, or rootlesskit's. */
  async pid(): Promise<string> {
    const read = (name: string) => readFile(join(this.#directory, name), 'utf8');
    return (await read('dockerd.pid').catch(() => read('engine.pid'))).trim();
  }

  /** The kernel's letter for what the engine does, `T` when it is frozen; undefined when it has ended. */
  async #processState(): Promise<string | undefined> {
    try {
      const pid = await this.pid();
      return /^State:\s+(\w)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    } catch {
      return undefined;
    }
  }

  async #tell(command: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#guard.stdin?.write(`${command}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  async #isUp(): Promise<void> {
    const answers = () =>
      this.docker.ping().then(
        () => true,
        () => false,
      );
    await until(`an engine in ${this.#directory} answers`, async () => {
      if (this.#guard.exitCode !== null)
        throw new Error(
          'No Docker engine could be started. Run as root on Linux, or start an engine that answers `docker info`.',
        );
      return answers();
    });
  }

  async stop(): Promise<void> {
    if (this.#guard.exitCode !== null) return;
    const exited = once(this.#guard, 'exit');
    this.#guard.stdin?.end();
    await exited;
  }
}
