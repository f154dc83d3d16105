/** Begins the labels of this action, on every provider. */
const PREFIX = 'io.github.cleanup-action.';

export const labels = {
  /** The id of the session that owns the resource. The only label that is needed. */
  session: `${PREFIX}session`,
  /** `true`: nothing here ever removes the resource. */
  keep: `${PREFIX}keep`,
  repository: `${PREFIX}repository`,
  workflow: `${PREFIX}workflow`,
  job: `${PREFIX}job`,
  runUrl: `${PREFIX}run-url`,
} as const;

/** The `<runner>` part of an id when the runner is unknown: then only age makes a leftover. */
export const UNKNOWN_RUNNER = '00000000';

/**
 * The `<runner>` part of a session id, `<run>.<runner>.<nonce>`. A runner runs one job at a time,
 * so resources of its other sessions are leftovers. Undefined for other values and unknown runners.
 */
export function runnerOf(sessionId: string): string | undefined {
  const runner = /^[^.]+\.([0-9a-f]{8})\.[0-9a-z]{8}$/.exec(sessionId)?.[1];
  return runner === UNKNOWN_RUNNER ? undefined : runner;
}

/**
 * Whether the id has random characters: then no other session ever has it. One that was chosen by
 * hand may come again.
 */
export function isUnique(sessionId: string): boolean {
  return /^[^.]+\.[0-9a-f]{8}\.[0-9a-z]{8}$/.test(sessionId);
}
