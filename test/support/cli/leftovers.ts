import type Docker from 'dockerode';
import { onTestFinished } from 'vitest';
import { type ContainerOptions, HONOURS_SIGTERM, removeContainer, startContainer } from '../engine/containers';
import { newSession } from '../engine/sweeping';

/** What a session has left; removed after the test, if it is still there. */
export interface Leftovers {
  readonly session: string;
  readonly containers: readonly Docker.Container[];
}

export interface LeftoversOptions {
  readonly containers: number;
  readonly command?: readonly string[];
  /** Besides the session's. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Containers of a session of their own, which run. */
export async function leftBehind({
  containers: number,
  command = HONOURS_SIGTERM,
  labels,
}: LeftoversOptions): Promise<Leftovers> {
  const { session, labelled } = newSession();
  const options: ContainerOptions = { labels: { ...labelled.labels, ...labels } };
  const containers = await Promise.all(Array.from({ length: number }, () => startContainer(command, options)));
  onTestFinished(async () => {
    await Promise.all(containers.map(removeContainer));
  });
  return { session, containers };
}
