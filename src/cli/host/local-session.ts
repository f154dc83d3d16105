import { hostname } from 'node:os';
import { labels } from '../../core/labels';
import type { Environment } from '../../lib/environment';
import { SESSION_FILE_NAME } from '../../session/job-sessions';
import { githubRunner, newSession, type RunnerIdentity, type Session } from '../../session/session';
import { installationId, whoIsThis } from '../../session/state-directory';
import { UsageError } from '../exit';

/**
 * A session of this user on this host. In a GitHub job the runner replaces the user, so that the
 * action's leftovers on this runner are leftovers here, and the other way round.
 * @param stateDirectory identifies the runner: users of other directories count as other runners
 * @param id as chosen by the user
 * @throws {UsageError} for an unusable id
 */
export async function localSession(env: Environment, stateDirectory: string | undefined, id?: string): Promise<Session> {
  if (id !== undefined && !SESSION_FILE_NAME.test(id)) {
    throw new UsageError(
      `--session: ${JSON.stringify(id)} is not a session’s id; use 1 to 128 letters, digits, dots, dashes and underscores, and no dot first`,
    );
  }
  const { user } = whoIsThis();
  const url = runUrl(env);
  const made = newSession({
    run: `cli-${user}`,
    runner: githubRunner(env, hostname()) ?? (await runnerHere(`cli-${user}`, stateDirectory)),
    ...(url === undefined ? {} : { runUrl: url }),
  });
  return id === undefined ? made : { id, labels: { ...made.labels, [labels.session]: id } };
}

async function runnerHere(name: string, stateDirectory: string | undefined): Promise<RunnerIdentity | undefined> {
  const directory = stateDirectory === undefined ? undefined : await installationId(stateDirectory);
  return directory === undefined ? undefined : { name, hostName: hostname(), directory };
}

/** Addresses of builds in other CI systems. */
const URL_VARIABLES = ['CI_JOB_URL', 'BUILDKITE_BUILD_URL', 'CIRCLE_BUILD_URL', 'BUILD_URL'] as const;

/** The page of this build, for people who find its leftovers. */
function runUrl(env: Environment): string | undefined {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = env;
  if (GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID) {
    return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  }
  const { SYSTEM_TEAMFOUNDATIONCOLLECTIONURI, SYSTEM_TEAMPROJECT, BUILD_BUILDID } = env;
  if (SYSTEM_TEAMFOUNDATIONCOLLECTIONURI && SYSTEM_TEAMPROJECT && BUILD_BUILDID) {
    return `${SYSTEM_TEAMFOUNDATIONCOLLECTIONURI}${encodeURIComponent(SYSTEM_TEAMPROJECT)}/_build/results?buildId=${BUILD_BUILDID}`;
  }
  return URL_VARIABLES.map((name) => env[name]).find((url) => url);
}
