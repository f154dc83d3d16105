import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { labels } from '../../../src/core/labels';
import { Job, type JobOptions } from '../job/job';
import { until } from '../until';
import { gotStopSignal, HONOURS_SIGTERM, startWhenReady } from './container-habits';
import { type EngineOptions, PrivateEngine } from './engine';
import { busyboxImage } from './image';

const IMAGE = 'cleanup-action-test:faults';

/** A session of another runner, which may be live. */
const OTHER_SESSION = 'gh-1-1.0123abcd.bystande';

export interface PrivateContainer {
  readonly image?: string;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostConfig?: Docker.HostConfig;
  readonly volumes?: readonly string[];
}

/** A private engine for one file of tests that break it or count all that is on it, with the jobs that clean it up. */
export class EngineToBreak {
  readonly engine: PrivateEngine;
  readonly #bystanders: readonly Docker.Container[];
  readonly #jobs: Job[] = [];
  /** Of the engine, before this test. */
  #kills = 0;

  private constructor(engine: PrivateEngine, bystanders: readonly Docker.Container[]) {
    this.engine = engine;
    this.#bystanders = bystanders;
  }

  /** Starts the engine, with bystanders on it that no test may lose. */
  static async start(options: EngineOptions = {}): Promise<EngineToBreak> {
    const engine = await PrivateEngine.start(options);
    await busyboxImage(engine.docker, IMAGE);
    const bystander = async (own: Record<string, string>) => {
      const options = { Image: IMAGE, Cmd: ['sleep', '3600'], Labels: own, HostConfig: { NetworkMode: 'none' } };
      const container = await engine.docker.createContainer(options);
      await container.start();
      return container;
    };
    const labelled = [{}, { [labels.session]: OTHER_SESSION }, { [labels.keep]: 'true' }];
    return new EngineToBreak(engine, await Promise.all(labelled.map(bystander)));
  }

  /**
   * Call it after each test.
   * @throws when a container that none of the sweeps owned is gone, or does not run. An engine that was killed ends them itself, one that
   * is rootless some time after it has started again: they are started anew for the next test
   */
  async checkBystanders(): Promise<void> {
    const wasKilled = this.engine.kills > this.#kills;
    this.#kills = this.engine.kills;
    for (const container of this.#bystanders) {
      const { Name, Config, State } = await container.inspect();
      if (wasKilled) await container.restart({ t: 0 });
      else if (!State.Running) {
        throw new Error(`a bystander was stopped: ${JSON.stringify({ Name, labels: Config.Labels, State })}`);
      }
    }
  }

  async stop(): Promise<void> {
    await this.endJobs();
    await this.engine.stop();
  }

  /** Ends the sessions of all jobs until now: for a test that other live sessions would change. */
  async endJobs(): Promise<void> {
    await Promise.all(this.#jobs.splice(0).map((job) => job.remove()));
  }

  /** A job on this engine, on a runner of its own, with times that a test can wait for. */
  async job({ inputs = {}, env = {}, runnerName = randomUUID(), ...rest }: JobOptions = {}): Promise<Job> {
    const job = await Job.create({
      ...rest,
      inputs: { 'grace-period': '1s', 'retry-delay': '200ms', ...inputs },
      env: { DOCKER_HOST: this.engine.url, ...env },
      runnerName,
    });
    this.#jobs.push(job);
    return job;
  }

  /** A job whose main has run. */
  async begunJob(options: JobOptions = {}): Promise<Job> {
    const job = await this.job(options);
    const { exitCode, output } = await job.main();
    if (exitCode !== 0) throw new Error(`main failed:\n${output}`);
    return job;
  }

  /** Starts a container that ends at SIGTERM, as a harness would: without a label unless it is given one. */
  async start({
    image = IMAGE,
    name,
    labels: own = {},
    hostConfig,
    volumes = [],
  }: PrivateContainer = {}): Promise<Docker.Container> {
    const container = await this.engine.docker.createContainer({
      Image: image,
      Cmd: [...HONOURS_SIGTERM],
      Labels: { ...own },
      HostConfig: { NetworkMode: 'none', ...hostConfig },
      Volumes: Object.fromEntries(volumes.map((path) => [path, {}])),
      ...(name ? { name } : {}),
    });
    return startWhenReady(container, HONOURS_SIGTERM);
  }

  /** Starts containers that a session owns. */
  async leak(session: string, count: number, command: readonly string[]): Promise<readonly Docker.Container[]> {
    const start = async () => {
      const container = await this.engine.docker.createContainer({
        Image: IMAGE,
        Cmd: [...command],
        Labels: { [labels.session]: session },
        HostConfig: { NetworkMode: 'none' },
      });
      return startWhenReady(container, command);
    };
    return Promise.all(Array.from({ length: count }, start));
  }

  /** How many containers the session has, in whatever state. */
  async leftOf(session: string): Promise<number> {
    const filters = { label: [`${labels.session}=${session}`] };
    return (await this.engine.docker.listContainers({ all: true, filters })).length;
  }

  /** Waits until all of the containers, which stay at their first SIGTERM, got it. */
  async untilStopSignals(containers: readonly Docker.Container[]): Promise<void> {
    await until('all have their stop signal', async () => (await Promise.all(containers.map(gotStopSignal))).every(Boolean));
  }
}
