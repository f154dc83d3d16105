import type Docker from 'dockerode';
import { InUse } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { items, type Json, object, text } from '../../../lib/json-shape';
import { type Endpoint, podmanCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { isGone } from '../errors';
import { removeContainer } from './in-use';

/** The container that holds a pod's namespaces is called by the first digits of the pod's id. */
const INFRA_NAME = /^([0-9a-f]{12})-infra$/;

/** Whether it is the container that holds a pod of Podman together. It has the labels of its pod. */
export function isInfra({ name }: Resource): boolean {
  return INFRA_NAME.test(name);
}

/** Puts infra containers after all others: their pods are removed when nothing else is in them. */
export function infraLast(containers: readonly Resource[]): readonly Resource[] {
  const others = containers.filter((container) => !isInfra(container)).map(({ id }) => id);
  return containers.map((container) => (isInfra(container) ? { ...container, dependents: others } : container));
}

/**
 * Removes the pod of an infra container, which Podman removes in no other way
 * (https://github.com/containers/podman/issues/15448). Kills the infra container first: it is nothing but a pause.
 * @throws {InUse} when another container is in the pod
 */
export async function removePod(docker: Docker, endpoint: Endpoint, infra: Resource, abortSignal: AbortSignal): Promise<'gone'> {
  const pod = podOf(infra);
  const path = `/v4.0.0/libpod/pods/${pod}`;
  const found = await ask(docker, `${path}/json`, abortSignal, object).catch((error: unknown) => {
    if (!isGone(error)) throw error;
    return {} as Json;
  });
  const all = items(found['Containers']);
  if (!all.some(({ Id }) => Id === infra.id)) {
    // It is only called so, by its user.
    await docker.getContainer(infra.id).remove({ force: true, v: true, abortSignal });
    return 'gone';
  }
  const others = all.filter(({ Id }) => Id !== infra.id);
  if (others.length > 0) {
    const holders = others.map(({ Id, Name }) => {
      const id = text(Id) ?? '';
      return { kind: 'container', name: text(Name) ?? id, command: removeContainer(id, endpoint) } as const;
    });
    const names = holders.map(({ name }) => name).join(', ');
    throw new InUse(`its pod has other containers: ${names}`, { holders });
  }
  if (infra.running) await ask(docker, `${path}/kill`, abortSignal, object, { method: 'POST', query: { signal: 'SIGKILL' } });
  await ask(docker, path, abortSignal, object, { method: 'DELETE' });
  return 'gone';
}

/** A command to copy: removes the pod with all that is in it. */
export function podRemovalCommand(endpoint: Endpoint, infra: Resource): string {
  return podmanCommand(endpoint, 'pod', 'rm', '--force', podOf(infra));
}

function podOf({ name }: Resource): string {
  return INFRA_NAME.exec(name)?.[1] ?? name;
}
