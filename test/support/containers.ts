import Docker from 'dockerode';
import { inject } from 'vitest';
import { dockerOptions } from '../../src/docker/endpoint';

/** The engine that the tests use. */
export const docker = new Docker(dockerOptions({ url: inject('dockerHost'), from: 'the tests' }));

export interface ContainerOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly hostConfig?: Docker.HostConfig;
  readonly create?: Partial<Docker.ContainerCreateOptions>;
}

/** PID 1 ends at once at SIGTERM. */
export const HONOURS_SIGTERM = ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
/** PID 1 ignores SIGTERM. */
export const IGNORES_SIGTERM = ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"];

export async function createContainer(command: readonly string[], options: ContainerOptions = {}): Promise<Docker.Container> {
  return docker.createContainer({
    Image: inject('image'),
    Cmd: [...command],
    Labels: { ...options.labels },
    HostConfig: { NetworkMode: 'none', ...options.hostConfig },
    ...(options.name ? { name: options.name } : {}),
    ...options.create,
  });
}

export async function startContainer(command: readonly string[], options: ContainerOptions = {}): Promise<Docker.Container> {
  const container = await createContainer(command, options);
  await container.start();
  return container;
}

/** The engine's word for the container's state; `gone` when there is none. */
export async function stateOf(container: Docker.Container): Promise<string> {
  try {
    return (await container.inspect()).State.Status;
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return 'gone';
    throw error;
  }
}

/** Removes what a test made on purpose outside any session. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  await container.remove({ force: true, v: true }).catch(() => undefined);
}
