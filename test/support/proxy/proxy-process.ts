import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { labels } from '../../../src/core/labels';
import type { Ownership } from '../../../src/proxy/docker-rules';
import { launchProxy } from '../../../src/proxy/launch';
import type { ProcessSettings } from '../../../src/proxy/process';
import { until } from '../until';

const root = join(import.meta.dirname, '..', '..', '..');

/** The built proxy. */
export const BUNDLE = join(root, 'dist', 'proxy', 'index.js');

export type ProxyOptions = Partial<ProcessSettings> & { readonly bundle?: string };

/** As main has it for a session. */
export function ownershipOf(session: string): Ownership {
  return { owner: labels.session, labels: { [labels.session]: session, [labels.job]: 'täst' } };
}

/** A proxy's process before an engine, as main starts it. */
export class ProxyProcess {
  readonly directory: string;
  readonly url: string;
  readonly variables: Readonly<Record<string, string>>;

  protected constructor(directory: string, variables: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.variables = variables;
    this.url = `unix://${join(directory, 'docker.sock')}`;
  }

  static async start(engineUrl: string, options: ProxyOptions): Promise<ProxyProcess> {
    return new ProxyProcess(...(await ProxyProcess.launch(engineUrl, options)));
  }

  protected static async launch(engineUrl: string, { bundle = BUNDLE, ...options }: ProxyOptions) {
    const directory = await mkdtemp(join(tmpdir(), 'proxied-'));
    const settings: ProcessSettings = {
      ownership: ownershipOf('cli-test.00000000.12345678'),
      lifeline: join(directory, 'lifeline'),
      engine: {
        address: { url: engineUrl },
        socket: join(directory, 'docker.sock'),
        variables: { DOCKER_HOST: '' },
        volumes: join(directory, 'volumes.txt'),
      },
      ...options,
    };
    const { variables } = await launchProxy({ program: [bundle], settings, log: join(directory, 'log'), env: process.env });
    return [directory, variables] as const;
  }

  /** The ids of its processes. */
  async processes(): Promise<readonly number[]> {
    const { stdout } = await promisify(execFile)('pgrep', ['-f', `${this.directory}/lifeline`]).catch(() => ({ stdout: '' }));
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  /** Of those that have their program loaded, and have taken its name. */
  async serving(): Promise<readonly number[]> {
    const named = (await this.processes()).map(async (pid) => {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      return name.startsWith('cleanup-proxy') ? [pid] : [];
    });
    return (await Promise.all(named)).flat();
  }

  /** What it had to say: nothing, as long as all goes well. */
  async log(): Promise<string> {
    return readFile(join(this.directory, 'log'), 'utf8');
  }

  /** Tells it that the session is over, and waits until it has ended. */
  async stop(): Promise<void> {
    if (!existsSync(this.directory)) return;
    await rm(join(this.directory, 'lifeline'), { force: true });
    await until('the proxy has ended', async () => (await this.processes()).length === 0);
    await until('its socket is gone', async () => !(await readdir(this.directory)).includes('docker.sock'));
    await rm(this.directory, { recursive: true });
  }
}
