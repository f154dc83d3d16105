/** The words that this action writes on resources; the same on Docker and everywhere else. */
const PREFIX = 'io.github.cleanup-action.';

export const labels = {
  /** Whose it is: the session's id. The one label that is needed. */
  session: `${PREFIX}session`,
  /** `true`: never removed by anything here. */
  keep: `${PREFIX}keep`,
  repository: `${PREFIX}repository`,
  workflow: `${PREFIX}workflow`,
  job: `${PREFIX}job`,
  runUrl: `${PREFIX}run-url`,
} as const;

/** The `<runner>` part of a session id where nothing tells the runner from another: then age alone decides what is a leftover. */
export const UNKNOWN_RUNNER = '00000000';

/**
 * The `<runner>` part of a session id, `<run>.<runner>.<nonce>`: a runner runs one job at a time, so what carries another
 * session's id with the same runner is a leftover. Undefined for a label value that is not a session id, and for an unknown runner.
 */
export function runnerOf(sessionId: string): string | undefined {
  const runner = /^[^.]+\.([0-9a-f]{8})\.[0-9a-z]{8}$/.exec(sessionId)?.[1];
  return runner === UNKNOWN_RUNNER ? undefined : runner;
}
