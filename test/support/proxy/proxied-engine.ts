import { execFile, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { onTestFinished } from 'vitest';
import { labels } from '../../../src/core/labels';
import { launchProxy } from '../../../src/proxy/launch';
import type { ProcessSettings } from '../../../src/proxy/process';
import { until } from '../until';

const root = join(import.meta.dirname, '..', '..', '..');

/** The built proxy. */
const BUNDLE = join(root, 'dist', 'proxy', 'index.js');

export interface ProxyOptions {
  readonly session: string;
  readonly more?: Partial<ProcessSettings>;
}

/** A proxy's process before an engine, as main starts it. */
export class ProxiedEngine {
  readonly directory: string;
  readonly url: string;
  readonly docker: Docker;
  readonly variables: Readonly<Record<string, string>>;

  private constructor(directory: string, variables: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.variables = variables;
    const socketPath = join(directory, 'docker.sock');
    this.url = `unix://${socketPath}`;
    this.docker = new Docker({ socketPath });
  }

  static async start(engineUrl: string, { session, more = {} }: ProxyOptions): Promise<ProxiedEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'proxied-'));
    const settings: ProcessSettings = {
      ownership: { owner: labels.session, labels: { [labels.session]: session, [labels.job]: 'täst' } },
      lease: join(directory, 'lease'),
      engine: { address: { url: engineUrl }, socket: join(directory, 'docker.sock'), variables: { DOCKER_HOST: '' } },
      ...more,
    };
    const { variables } = await launchProxy(BUNDLE, settings, join(directory, 'log'), process.env);
    const proxied = new ProxiedEngine(directory, variables);
    onTestFinished(() => proxied.stop());
    return proxied;
  }

  /**
   * Runs the docker command through the proxy.
   * @throws when it fails
   */
  async cli(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.command(args);
    if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.toString();
  }

  async command(args: readonly string[], options: { readonly input?: Buffer; readonly url?: string } = {}): Promise<Output> {
    const env = { ...process.env, DOCKER_HOST: options.url ?? this.url, DOCKER_BUILDKIT: '0' };
    return run('docker', args, { env }, options.input);
  }

  /** The ids of its processes. */
  async processes(): Promise<readonly number[]> {
    const { stdout } = await promisify(execFile)('pgrep', ['-f', `${this.directory}/lease`]).catch(() => ({ stdout: '' }));
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  /** What it had to say: nothing, as long as all goes well. */
  async log(): Promise<string> {
    return readFile(join(this.directory, 'log'), 'utf8');
  }

  /** Tells it that the session is over, and waits until it has ended. */
  async stop(): Promise<void> {
    if (!existsSync(this.directory)) return;
    await rm(join(this.directory, 'lease'), { force: true });
    await until('the proxy has ended', async () => (await this.processes()).length === 0);
    await until('its socket is gone', async () => !(await readdir(this.directory)).includes('docker.sock'));
    await rm(this.directory, { recursive: true });
  }
}

export interface Output {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

async function run(program: string, args: readonly string[], options: SpawnOptions, input?: Buffer): Promise<Output> {
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [exitCode]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')]);
  return { exitCode, stdout, stderr };
}
