import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type Docker from 'dockerode';
import { labels as ownLabels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import { hasStatus } from '../errors';

/**
 * The runner marks its job and service containers, and their networks, with a label whose key is six hex digits of a hash over its
 * own directory. https://github.com/actions/runner/blob/main/src/Runner.Worker/Container/DockerCommandManager.cs
 */
const RUNNER_LABEL = /^[0-9a-f]{6}$/;

/** Why this resource must stay, whatever selects it. */
export function protectionOn({ kind, id, labels }: Resource, own: OwnContainer | undefined): string | undefined {
  if (kind === 'container' && id === own?.id) return 'this action runs in it';
  if (kind === 'network' && own?.networks.includes(id)) return 'the container that this action runs in is on it';
  if (labels[ownLabels.session] !== undefined) return undefined; // Which outranks the guess below.
  const isRunners = Object.entries(labels).some(([key, value]) => RUNNER_LABEL.test(key) && value === '');
  return isRunners ? 'it belongs to the GitHub runner' : undefined;
}

/** The container that this process runs in, and the networks that it is on. */
export interface OwnContainer {
  readonly id: string;
  readonly networks: readonly string[];
}

/**
 * Finds out whether this process runs in a container of this engine: a JavaScript action does when its job has a container, and with
 * the socket mounted that container is on the list. What cgroup, mounts and host name say is a guess; the engine decides.
 * @throws what the engine answers other than "no such container"
 */
export async function findOwnContainer(docker: Docker, abortSignal: AbortSignal): Promise<OwnContainer | undefined> {
  const [cgroup, mounts] = await Promise.all(
    ['/proc/self/cgroup', '/proc/self/mountinfo'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  for (const id of guesses(cgroup ?? '', mounts ?? '', hostname())) {
    try {
      const { Id, NetworkSettings } = await docker.getContainer(id).inspect({ abortSignal });
      const networks = Object.values(NetworkSettings.Networks ?? {}).map(({ NetworkID }) => NetworkID);
      return { id: Id, networks: networks.filter((network) => network !== '') };
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
    }
  }
  return undefined;
}

/**
 * Ids that may be this container's, best first. cgroup v1 has it in the path; with v2 and a namespace of its own the path is `/`, but
 * the engine mounts files from `…/containers/<id>/` on `/etc/hostname` and the like (outside of containers, the machine's own mounts name
 * every container that runs); the host name is the short id unless somebody set another.
 */
export function guesses(cgroup: string, mountinfo: string, host: string): readonly string[] {
  const inCgroup = [...cgroup.matchAll(/[/-]([0-9a-f]{64})(?:\.scope)?$/gm)];
  const inMounts = [...mountinfo.matchAll(/[/-]containers\/([0-9a-f]{64})\/\S+ \/etc\/(?:hostname|hosts|resolv\.conf) /g)];
  const ids = [...inCgroup, ...inMounts].flatMap(([, id]) => id ?? []);
  return [...new Set([...ids, ...(/^[0-9a-f]{12,64}$/.test(host) ? [host] : [])])];
}
