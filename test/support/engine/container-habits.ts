import type Docker from 'dockerode';
import { until } from '../until';

/** PID 1 ends at once at SIGTERM. */
export const HONOURS_SIGTERM = ['sh', '-c', "trap 'exit 0' TERM; echo ready; while :; do sleep 3600 & wait; done"];
/** PID 1 ignores SIGTERM, and so does its child: that can be seen. */
export const IGNORES_SIGTERM = ['sh', '-c', "trap '' TERM; echo ready; sleep 3600; true"];
/** What PID 1 says at its first SIGTERM, where it stays. */
const STOPPING = 'stopping';

/** PID 1 notes SIGTERM and stays: it can't be seen to be deaf, and uses up the whole grace period. */
export const HEEDS_NO_SIGTERM = ['sh', '-c', `trap 'echo ${STOPPING}' TERM; echo ready; while :; do sleep 3600 & wait; done`];

/** PID 1 uses up the grace period of a first SIGTERM, and ends at the second: dockerd sends one to what it finds running when it starts. */
export const ENDS_AT_SECOND_SIGTERM = [
  'sh',
  '-c',
  `trap "echo ${STOPPING}; trap 'exit 0' TERM" TERM; echo ready; while :; do sleep 3600 & wait; done`,
];

/** The engine's word for the container's state; `gone` when there is none. */
export async function stateOf(container: Docker.Container): Promise<string> {
  try {
    return (await container.inspect()).State.Status;
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return 'gone';
    // Podman's 500 for one that goes during the request.
    if (error instanceof Error && /no such container/.test(error.message)) return 'gone';
    throw error;
  }
}

/** Starts a container, and waits until it is ready. */
export async function startWhenReady(container: Docker.Container, command: readonly string[]): Promise<Docker.Container> {
  await container.start();
  await whenReady(container, command);
  return container;
}

/**
 * Waits until a container that was started says `ready`, if that is in its command: a signal that comes before its handler does is lost.
 */
export async function whenReady(container: Docker.Container, command: readonly string[]): Promise<void> {
  if (!command.some((word) => word.includes('ready'))) return;
  await until('the container is ready', () => says(container, 'ready'));
}

async function says(container: Docker.Container, word: string): Promise<boolean> {
  return String(await container.logs({ stdout: true })).includes(word);
}

/** Whether a container that stays at its first SIGTERM got it: it says so itself, because Podman's events do not. */
export function gotStopSignal(container: Docker.Container): Promise<boolean> {
  return says(container, STOPPING);
}

export function statesOf(containers: readonly Docker.Container[]): Promise<readonly string[]> {
  return Promise.all(containers.map(stateOf));
}
