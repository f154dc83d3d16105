import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { dockerHost } from '../engine/own-engine';
import { commandLineBundle } from './command-line';

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One user on one host: their processes meet in a directory of their own. */
export class User {
  readonly directory: string;
  readonly #env: Variables;

  private constructor(directory: string, env: Variables) {
    this.directory = directory;
    this.#env = env;
  }

  /** On the tests' engine. @param env added to a plain environment */
  static async create(env: Variables = {}): Promise<User> {
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-user-'));
    // A watchdog may write there until it sees that its lifeline is gone.
    cleanups.push(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
    // What others of this host leave is not this one's.
    const own = { RUNNER_NAME: randomUUID(), CLEANUP_STATE_DIRECTORY: join(directory, 'state') };
    return new User(directory, { DOCKER_HOST: dockerHost, ...own, ...env });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  environment(env: Variables = {}): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return { PATH, HOME, TMPDIR: this.directory, CLEANUP_GRACE_PERIOD: '1s', ...this.#env, ...env };
  }

  /** Starts a command and lets it run. */
  start(words: readonly string[], env: Variables = {}): Command {
    const command = new Command([process.execPath, commandLineBundle, ...words], this.environment(env), this.directory);
    cleanups.push(() => command.gone());
    return command;
  }

  async run(...words: readonly string[]): Promise<Ended> {
    return this.start(words).ended;
  }

  /** A line of bash, in which `cleanup-action` is the command line. */
  async bash(line: string): Promise<Ended> {
    const script = `cleanup-action() { "$NODE" "$BUNDLE" "$@"; }\n${line}`;
    const env = this.environment({ NODE: process.execPath, BUNDLE: commandLineBundle });
    return new Command(['bash', '--norc', '-c', script], env, this.directory).ended;
  }
}

/** One process, which runs. */
export class Command {
  readonly ended: Promise<Ended>;
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';

  constructor([file = '', ...words]: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
    this.process = spawn(file, words, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stdout?.on('data', (chunk) => {
      this.stdout += String(chunk);
    });
    this.process.stderr?.on('data', (chunk) => {
      this.stderr += String(chunk);
    });
    this.ended = once(this.process, 'close').then(([exitCode, signal]) => ({
      exitCode,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Nobody reads what it writes any more. */
  hangUp(): void {
    this.process.stdout?.destroy();
    this.process.stderr?.destroy();
  }

  /** A failed test may leave it running. */
  async gone(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}
