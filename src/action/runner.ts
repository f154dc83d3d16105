import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/types';
import type { SessionOrigin } from '../session/session';

/** What the runner tells about this job. https://docs.github.com/actions/reference/workflows-and-actions/variables */
export function sessionOrigin(env: Environment): SessionOrigin {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_WORKFLOW, GITHUB_JOB } = env;
  const runUrl =
    GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID
      ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}/attempts/${GITHUB_RUN_ATTEMPT || '1'}`
      : undefined;
  return {
    run: `gh-${GITHUB_RUN_ID || '0'}-${GITHUB_RUN_ATTEMPT || '1'}`,
    runnerName: env['RUNNER_NAME'] ?? '',
    hostName: hostname(),
    ...(GITHUB_REPOSITORY ? { repository: GITHUB_REPOSITORY } : {}),
    ...(GITHUB_WORKFLOW ? { workflow: GITHUB_WORKFLOW } : {}),
    ...(GITHUB_JOB ? { job: GITHUB_JOB } : {}),
    ...(runUrl ? { runUrl } : {}),
  };
}

/** The sessions of earlier uses of the action in this job: they end with the job. */
export function earlierSessions(env: Environment): readonly string[] {
  return (env['CLEANUP_JOB_SESSIONS'] ?? '').split(' ').filter((id) => id !== '');
}

/**
 * What the benchmark may see of this step's environment: as in a `run` step, neither inputs, which may be secret, nor state.
 */
export function benchmarkEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(INPUT|STATE)_/i.test(name)));
}

/** A directory of this session's own, which the runner empties after the job. */
export function sessionDirectory(env: Environment, sessionId: string): string {
  return join(env['RUNNER_TEMP'] || tmpdir(), 'cleanup-action', sessionId);
}
