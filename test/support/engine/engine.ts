import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { namedEndpoint, wellKnownEndpoints } from '../../../src/providers/docker/connection/candidates';
import { type Engine as Connected, connect } from '../../../src/providers/docker/connection/connect';
import { until } from '../until';

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
    const named = namedEndpoint(undefined, process.env);
    const candidates = named ? [named] : wellKnownEndpoints(process.env, process.platform);
    const { endpoint, version }: Connected = await connect(candidates, deadline);
    return { url: endpoint.url, description: `${version} at ${endpoint.url}`, stop: async () => undefined };
  } catch {
    return PrivateEngine.start();
  } finally {
    deadline.dispose();
  }
}

export interface EngineOptions {
  /** After those that give dockerd directories and a socket of its own. */
  readonly dockerdArguments?: readonly string[];
}

function dockerdIn(directory: string): readonly string[] {
  const own = { 'data-root': 'data', 'exec-root': 'exec', pidfile: 'dockerd.pid' };
  const directories = Object.entries(own).flatMap(([option, name]) => [`--${option}`, join(directory, name)]);
  // The machine's packet filter is one for all engines: one that starts would take the chains from under another's hands.
  const filter = ['--iptables=false', '--ip6tables=false'];
  return ['dockerd', ...directories, ...filter, '--host', `unix://${join(directory, 'docker.sock')}`, '--shutdown-timeout', '1'];
}

/**
 * Podman's settings for a machine without systemd. Its default limits are more than a root without CAP_SYS_RESOURCE may set; and 4.3
 * takes the soft limit for the hard one, so that both are the same here.
 */
async function podmanIn(directory: string): Promise<readonly string[]> {
  const settings = join(directory, 'containers.conf');
  const lines = [
    '[containers]',
    'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
    '[engine]',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    '[network]',
    `network_config_dir = "${join(directory, 'networks')}"`,
  ];
  await writeFile(settings, `${lines.join('\n')}\n`);
  const own = { root: 'data', runroot: 'exec', tmpdir: 'tmp' };
  const directories = Object.entries(own).flatMap(([option, name]) => [`--${option}`, join(directory, name)]);
  const service = ['system', 'service', '--time', '0', `unix://${join(directory, 'docker.sock')}`];
  return ['env', `CONTAINERS_CONF=${settings}`, 'podman', ...directories, ...service];
}

/** A dockerd of the tests' own, which they may freeze, kill and start again. */
export class PrivateEngine implements TestEngine {
  readonly url: string;
  readonly description: string;
  readonly docker: Docker;
  readonly socketPath: string;
  readonly #directory: string;
  readonly #guard: ChildProcess;

  private constructor(directory: string, guard: ChildProcess) {
    const socketPath = join(directory, 'docker.sock');
    this.socketPath = socketPath;
    this.#directory = directory;
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
  static async start({ dockerdArguments = [] }: EngineOptions = {}): Promise<PrivateEngine> {
    return PrivateEngine.#launch((directory) => [...dockerdIn(directory), ...dockerdArguments]);
  }

  /** Podman's service instead of dockerd: it speaks the same API. It can't be frozen or killed by a test. */
  static async startPodman(): Promise<PrivateEngine> {
    return PrivateEngine.#launch(podmanIn);
  }

  static async #launch(command: (directory: string) => readonly string[] | Promise<readonly string[]>): Promise<PrivateEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-engine-'));
    const commandLine = await command(directory);
    const guard = spawn(process.execPath, [join(import.meta.dirname, 'engine-guard.mjs'), directory, ...commandLine], {
      cwd: directory, // Podman 4.3 leaves a file where it was started when a container runs out of memory.
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true, // A Ctrl-C in the terminal is for the tests; the guard ends when they have.
    });
    const engine = new PrivateEngine(directory, guard);
    await engine.#isUp();
    return engine;
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

  /** The kernel's letter for what dockerd does, `T` when it is frozen; undefined when there is no dockerd. */
  async #processState(): Promise<string | undefined> {
    try {
      const pid = (await readFile(join(this.#directory, 'dockerd.pid'), 'utf8')).trim();
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
