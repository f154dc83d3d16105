import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { until } from '../until';
import { HONOURS_SIGTERM, whenReady } from './container-habits';
import { PrivateEngine } from './engine';
import { busyboxImage } from './image';

const execute = promisify(execFile);

const IMAGE = 'cleanup-action-test:swarm';

const ADDRESSES = { manager: '10.66.0.1', worker: '10.66.0.2' } as const;
const SWARM_PORT = 2377;

/** Two engines in a swarm, each with network interfaces of its own. The cable between them goes with them, however they end. */
export class TestSwarm {
  readonly manager: PrivateEngine;
  readonly worker: PrivateEngine;

  private constructor(manager: PrivateEngine, worker: PrivateEngine) {
    this.manager = manager;
    this.worker = worker;
  }

  static async start(): Promise<TestSwarm> {
    const [manager, worker] = await Promise.all([PrivateEngine.start(), PrivateEngine.start()]);
    try {
      await Promise.all([manager, worker].map(({ docker }) => busyboxImage(docker, IMAGE)));
      await connect(manager, worker);
      await manager.docker.swarmInit(at(ADDRESSES.manager));
      const { JoinTokens } = await manager.docker.swarmInspect();
      const remote = { RemoteAddrs: [`${ADDRESSES.manager}:${SWARM_PORT}`], JoinToken: JoinTokens.Worker };
      await worker.docker.swarmJoin({ ...at(ADDRESSES.worker), ...remote });
      return new TestSwarm(manager, worker);
    } catch (error) {
      await Promise.all([manager.stop(), worker.stop()]);
      throw error;
    }
  }

  /** @returns its id, when as many containers as it wants run and are ready, or have ended if it is a job */
  async service(name: string, options: ServiceOptions = {}): Promise<string> {
    const { labels = {}, containerLabels = {}, on, replicas = 1, command = HONOURS_SIGTERM, stopSeconds = 10, isJob } = options;
    const { id } = await this.manager.docker.createService({
      Name: name,
      Labels: labels,
      TaskTemplate: {
        ContainerSpec: {
          Image: IMAGE,
          Command: [...command],
          Labels: containerLabels,
          StopGracePeriod: stopSeconds * 1e9,
          ...options.spec,
        },
        RestartPolicy: isJob ? { Condition: 'none' } : { Condition: 'any', Delay: 100_000_000 },
        ...(on ? { Placement: { Constraints: [`node.role==${on}`] } } : {}),
        Networks: (options.networks ?? []).map((Target) => ({ Target })),
      },
      Mode: isJob
        ? ({ ReplicatedJob: { TotalCompletions: replicas, MaxConcurrent: replicas } } as Docker.ServiceMode)
        : { Replicated: { Replicas: replicas } },
    });
    const state = isJob ? 'exited' : 'running';
    await until(`the containers of ${name} are ${state}`, async () => (await this.tasks(name, state)).length === replicas);
    await Promise.all((await this.#containers(name, state)).map((container) => whenReady(container, command)));
    return id;
  }

  /** Ids of the service's containers on both engines, in this state or any. */
  async tasks(service: string, state?: string): Promise<readonly string[]> {
    return (await this.#containers(service, state)).map(({ id }) => id);
  }

  async #containers(service: string, state?: string): Promise<readonly Docker.Container[]> {
    const label = [`com.docker.swarm.service.name=${service}`];
    const filters = { label, ...(state ? { status: [state] } : {}) };
    const listed = [this.manager, this.worker].map(async ({ docker }) =>
      (await docker.listContainers({ all: true, filters })).map(({ Id }) => docker.getContainer(Id)),
    );
    return (await Promise.all(listed)).flat();
  }

  async stop(): Promise<void> {
    await Promise.all([this.manager.stop(), this.worker.stop()]);
  }
}

export interface ServiceOptions {
  readonly labels?: Record<string, string>;
  readonly containerLabels?: Record<string, string>;
  readonly on?: 'manager' | 'worker';
  readonly replicas?: number;
  readonly command?: readonly string[];
  readonly stopSeconds?: number;
  readonly isJob?: boolean;
  readonly networks?: readonly string[];
  readonly spec?: Partial<Docker.ContainerSpec>;
}

function at(address: string): { readonly AdvertiseAddr: string; readonly ListenAddr: string } {
  return { AdvertiseAddr: address, ListenAddr: `${address}:${SWARM_PORT}` };
}

/** No default route: a task would wait for the registry. */
async function connect(manager: PrivateEngine, worker: PrivateEngine): Promise<void> {
  const [first = '', second = ''] = await Promise.all([manager, worker].map((engine) => engine.pid()));
  await execute('ip', ['link', 'add', 'swarm0', 'netns', first, 'type', 'veth', 'peer', 'name', 'swarm0', 'netns', second]);
  for (const [pid, address] of [
    [first, ADDRESSES.manager],
    [second, ADDRESSES.worker],
  ] as const) {
    const inside = (...words: readonly string[]) => execute('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...words]);
    await inside('address', 'add', `${address}/24`, 'dev', 'swarm0');
    await inside('link', 'set', 'swarm0', 'up');
    await inside('link', 'set', 'lo', 'up');
  }
}
