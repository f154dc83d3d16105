import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import Docker from 'dockerode';
import { onTestFinished } from 'vitest';
import { type ProxyOptions, ProxyProcess } from './proxy-process';

/** A proxy's process before an engine, for one test. */
export class ProxiedEngine extends ProxyProcess {
  readonly docker = new Docker({ socketPath: join(this.directory, 'docker.sock') });

  static override async start(engineUrl: string, options: ProxyOptions): Promise<ProxiedEngine> {
    const proxied = new ProxiedEngine(...(await ProxyProcess.launch(engineUrl, options)));
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

  async command(args: readonly string[], options: ToolOptions = {}): Promise<Output> {
    return this.tool('docker', args, options);
  }

  /** Runs a client of the engine's, through the proxy or where `url` leads. */
  async tool(program: string, args: readonly string[], { input, url = this.url, env }: ToolOptions = {}): Promise<Output> {
    const variables = { ...process.env, DOCKER_HOST: url, CONTAINER_HOST: url, DOCKER_BUILDKIT: '0', ...env };
    return run(program, args, { env: variables }, input);
  }
}

export interface ToolOptions {
  readonly input?: Buffer;
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
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
