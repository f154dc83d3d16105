import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type Docker from 'dockerode';
import { labels as ownLabels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import { isGone } from '../errors';

/**
 * The key of the runner's label on job and service containers and their networks: six hex digits.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/Container/DockerCommandManager.cs
 */
const RUNNER_LABEL = /^[0-9a-f]{6}$/;

/** Why the resource must stay, whatever selects it. */
export function protectionOn({ kind, id, labels }: Resource, own: OwnContainer | undefined): string | undefined {
  if (kind === 'container' && id === own?.id) return 'this action runs in it';
  if (kind === 'network' && own?.networks.includes(id)) return 'the container that this action runs in is on it';
  if (labels[ownLabels.session] !== undefined) return undefined; // The session's label outranks the guess below.
  const isRunners = Object.entries(labels).some(([key, value]) => RUNNER_LABEL.test(key) && value === '');
  return isRunners ? 'it belongs to the GitHub runner' : undefined;
}

/** The container of this process, and its networks. */
export interface OwnContainer {
  readonly id: string;
  readonly networks: readonly string[];
}

/**
 * Finds out whether this process runs in a container of this engine, as in a job with a container.
 * Guesses ids, and asks the engine.
 * @throws the engine's errors except "no such container"
 */
export async function findOwnContainer(docker: Docker, abortSignal: AbortSignal): Promise<OwnContainer | undefined> {
  const [cgroup, mounts] = await Promise.all(
    ['/proc/self/cgroup', '/proc/self/mountinfo'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return firstThere(docker, guesses(cgroup ?? '', mounts ?? '', hostname()), abortSignal);
}

/**
 * The first of these containers that the engine has.
 * @throws the engine's errors except "no such container": a proxy's 404 is none
 */
export async function firstThere(
  docker: Docker,
  ids: readonly string[],
  abortSignal: AbortSignal,
): Promise<OwnContainer | undefined> {
  for (const id of ids) {
    try {
      const { Id, NetworkSettings } = await docker.getContainer(id).inspect({ abortSignal });
      const networks = Object.values(NetworkSettings.Networks ?? {}).map(({ NetworkID }) => NetworkID);
      return { id: Id, networks: networks.filter((network) => network !== '') };
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return undefined;
}

/**
 * Possible ids of this container, best first. cgroup v1 has it in the path. With v2, the engine
 * mounts files from `…/containers/<id>/` on `/etc/hostname` and others; outside of containers,
 * other mounts name every running container. The default host name is the short id.
 */
export function guesses(cgroup: string, mountinfo: string, host: string): readonly string[] {
  const inCgroup = [...cgroup.matchAll(/[/-]([0-9a-f]{64})(?:\.scope)?$/gm)];
  const inMounts = [...mountinfo.matchAll(/[/-]containers\/([0-9a-f]{64})\/\S+ \/etc\/(?:hostname|hosts|resolv\.conf) /g)];
  const ids = [...inCgroup, ...inMounts].flatMap(([, id]) => id ?? []);
  return [...new Set([...ids, ...(/^[0-9a-f]{12,64}$/.test(host) ? [host] : [])])];
}
