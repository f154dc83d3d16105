import type Docker from 'dockerode';

/** PID 1 ends at once at SIGTERM. */
export const HONOURS_SIGTERM = ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
/** PID 1 ignores SIGTERM. */
export const IGNORES_SIGTERM = ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"];
/** PID 1 notes SIGTERM and stays: it can't be seen to be deaf, and uses up the whole grace period. */
export const HEEDS_NO_SIGTERM = ['sh', '-c', "trap 'true' TERM; while :; do sleep 0.2; done"];

/** PID 1 uses up the grace period of a first SIGTERM, and ends at the second: dockerd sends one to what it finds running when it starts. */
export const ENDS_AT_SECOND_SIGTERM = ['sh', '-c', `trap "trap 'exit 0' TERM" TERM; while :; do sleep 0.05; done`];

/** The engine's word for the container's state; `gone` when there is none. */
export async function stateOf(container: Docker.Container): Promise<string> {
  try {
    return (await container.inspect()).State.Status;
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return 'gone';
    throw error;
  }
}
