import * as core from '@actions/core';
import type { Environment } from '../lib/environment';
import { githubRunner, type SessionOrigin } from '../session/session';

/** Describes this job. https://docs.github.com/actions/reference/workflows-and-actions/variables */
export function sessionOrigin(env: Environment, hostName: string): SessionOrigin {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_WORKFLOW, GITHUB_JOB } = env;
  const runUrl =
    GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID
      ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}/attempts/${GITHUB_RUN_ATTEMPT || '1'}`
      : undefined;
  return {
    run: `gh-${GITHUB_RUN_ID || '0'}-${GITHUB_RUN_ATTEMPT || '1'}`,
    runner: githubRunner(env, hostName),
    ...(GITHUB_REPOSITORY ? { repository: GITHUB_REPOSITORY } : {}),
    ...(GITHUB_WORKFLOW ? { workflow: GITHUB_WORKFLOW } : {}),
    ...(GITHUB_JOB ? { job: GITHUB_JOB } : {}),
    ...(runUrl ? { runUrl } : {}),
  };
}

/**
 * The environment of a `run` step: without inputs, which may be secret, and without state.
 * @param stateFile replaces main's own
 */
export function benchmarkEnvironment(env: Environment, stateFile: string): NodeJS.ProcessEnv {
  const visible = Object.entries(env).filter(([name]) => !/^(INPUT|STATE)_/i.test(name));
  return { ...Object.fromEntries(visible), GITHUB_STATE: stateFile };
}

/** The step's log. Warnings and errors are annotations. */
export const runnerLog = {
  debug: core.debug,
  info: core.info,
  warning: (line: string, title: string) => core.warning(line, { title }),
  error: (line: string, title: string) => core.error(line, { title }),
  group: core.group,
  mask: core.setSecret,
};
