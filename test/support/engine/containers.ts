import Docker from 'dockerode';
import { inject } from 'vitest';
import { dockerOptions } from '../../../src/providers/docker/connection/endpoint';
import { startWhenReady } from './container-habits';
import { dockerHost } from './own-engine';

export { HEEDS_NO_SIGTERM, HONOURS_SIGTERM, IGNORES_SIGTERM, stateOf, statesOf } from './container-habits';

/** The engine that the tests use. */
export const docker = new Docker(dockerOptions({ url: dockerHost, from: 'the tests' }));

export interface ContainerOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly hostConfig?: Docker.HostConfig;
  readonly create?: Partial<Docker.ContainerCreateOptions>;
}

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
  return startWhenReady(await createContainer(command, options), command);
}

/** Removes what a test made on purpose outside any session. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  await container.remove({ force: true, v: true }).catch(() => undefined);
}

/** Podman 4.3 takes an image’s id that it does not have for a name, which it refuses with 500. */
const NO_SUCH_ID = /cannot specify 64-byte hexadecimal strings/;

/** Whether the engine has what is inspected. */
export async function exists(inspection: Promise<unknown>): Promise<boolean> {
  try {
    await inspection;
    return true;
  } catch (error) {
    const isMissing = error instanceof Error && 'statusCode' in error && error.statusCode === 404;
    if (isMissing || NO_SUCH_ID.test(String(error))) return false;
    throw error;
  }
}

export function hasImage(name: string): Promise<boolean> {
  return exists(docker.getImage(name).inspect());
}
